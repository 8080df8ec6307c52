#include "read.h"

#include "aviary/compress.h"

#include <inttypes.h>

#include "text.h"

bool read_get_level(struct call *call, enum read_level *ret_level) {
    const struct slice *text = http_request_parameter(call->request, "level");
    if (text == NULL || text_equal(*text, "weak")) {
        *ret_level = READ_WEAK;
    } else if (text_equal(*text, "linearizable")) {
        *ret_level = READ_LINEARIZABLE;
    } else if (text_equal(*text, "none")) {
        *ret_level = READ_NONE;
    } else {
        call_fail(call, ERROR_MALFORMED, "level must be weak (the default), linearizable or none");
        return false;
    }
    return true;
}

void read_answer(struct call *call, uint64_t group, enum read_level level, const struct leader_task *task,
                 void *context) {
    struct broker_partition_position position;
    if (level == READ_NONE && broker_partition_position(call->api->broker, group, &position)) {
        struct broker_route route = {
            .group = group, .here = true, .leader = position.leader, .term = position.term};
        call->term = position.term;
        (void)task->here(call, &route, context); /* whatever the replica here can say is the answer */
        return;
    }
    leader_answer(call, group, task, context);
}

bool read_barrier(struct call *call, uint64_t group, enum read_level level) {
    if (level != READ_LINEARIZABLE) {
        return true;
    }
    enum status status = broker_read_barrier(call->api->broker, group, call->deadline_ms);
    if (status != STATUS_OK) {
        call_fail(call, ERROR_UNAVAILABLE, "the leader could not make sure that it still leads: try again");
    }
    return status == STATUS_OK;
}

enum leader_outcome read_fail(struct call *call, enum status status, int64_t offset,
                              const struct broker_fetch_result *result) {
    if (status == STATUS_OUT_OF_RANGE) {
        call_fail(call, ERROR_OFFSET_RANGE,
                  "offset %" PRId64 " is out of range: the first record has %" PRId64
                  ", the next one will have %" PRId64,
                  offset, result->log_start_offset, result->high_watermark);
        http_response_header_u64(call->response, "X-Log-Start-Offset", (uint64_t)result->log_start_offset);
        http_response_header_u64(call->response, "X-High-Watermark", (uint64_t)result->high_watermark);
        return LEADER_DONE;
    }
    if (status == STATUS_NOT_FOUND) {
        call_fail(call, ERROR_UNAVAILABLE, "the replica of this broker is gone: try again");
        return LEADER_RETRY;
    }
    if (status == STATUS_CORRUPT || status == STATUS_IO || status == STATUS_UNSUPPORTED) {
        call_fail(call, ERROR_STORAGE, "broker %u cannot read its log at offset %" PRId64 ": see its own log",
                  call->api->broker_id, offset);
        return LEADER_DONE;
    }
    call_fail(call, error_code_of(status), "the read failed: %s", status_name(status));
    return LEADER_DONE;
}

enum status read_open_batch(struct slice bytes, struct buffer *scratch, struct record_batch_view *ret_view,
                            struct record_iterator *ret_iterator, struct error *error) {
    enum status status = record_batch_decode(bytes, ret_view, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct slice records = ret_view->records;
    if (ret_view->codec != RECORD_CODEC_NONE) {
        buffer_clear(scratch);
        status = compress_unpack((enum compress_codec)ret_view->codec, ret_view->records,
                                 RECORD_BATCH_UNPACKED_MAX, scratch, error);
        records = buffer_slice(scratch);
    }
    if (status == STATUS_OK) {
        record_iterator_init(ret_iterator, ret_view, records);
    }
    return status;
}
