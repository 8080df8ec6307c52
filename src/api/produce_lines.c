/*
 * The body is records, one a line: one batch for each partition. All that this broker leads are begun at
 * once; while their disks work, the others go to their leaders one after the other.
 */
#include "produce.h"

#include "aviary/base/clock.h"

#include <stdlib.h>

#include "sorter.h"

static bool is_ours(const struct write *write) {
    return write->pending != NULL;
}

static void run_all(struct write *writes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        write_begin(&writes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_ours(&writes[i])) {
            write_run(&writes[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_ours(&writes[i])) {
            write_run(&writes[i]);
        }
    }
}

static void append_result(struct json_writer *writer, const struct sorter *sorter,
                          const struct write *write) {
    json_begin_object(writer);
    json_key(writer, "partition");
    json_uint64(writer, write->partition);
    if (write->error_code == 0) {
        json_key(writer, "offset");
        json_int64(writer, write->base_offset);
        json_key(writer, "count");
        json_uint64(writer, write->count);
        json_key(writer, "timestamp");
        json_int64(writer, write->timestamp_ms);
        json_key(writer, "duplicate");
        json_bool(writer, write->duplicate);
    } else {
        _cleanup_buffer_ struct buffer lines;
        buffer_init(&lines, HTTP_RESPONSE_BYTES_MAX);
        sorter_append_lines(sorter, write->partition, &lines);
        json_key(writer, "count");
        json_uint64(writer, write->count);
        json_key(writer, "error_code");
        json_uint64(writer, write->error_code);
        json_key(writer, "error");
        json_string_z(writer, write->error.message);
        json_key(writer, "lines");
        json_raw(writer, buffer_slice(&lines));
    }
    json_end_object(writer);
}

/* The one error of all writes, or 0. */
static unsigned common_error(const struct write *writes, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (writes[i].error_code != writes[0].error_code) {
            return 0;
        }
    }
    return writes[0].error_code;
}

static unsigned success_status(const struct produce *produce, const struct write *writes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (writes[i].error_code != 0) {
            return 207;
        }
    }
    return produce->parameters.acks == NODE_ACKS_NONE ? 202 : 200;
}

static void reply(struct produce *produce, const struct sorter *sorter, const struct write *writes,
                  size_t count) {
    struct call *call = produce->call;
    if (count == 1) {
        call->term = writes[0].term;
        call->served_by = writes[0].error_code == 0 ? writes[0].served_by : call->served_by;
    }
    unsigned error_code = common_error(writes, count);
    if (error_code != 0) {
        call_fail(call, error_code, "%s", writes[0].error.message);
        return;
    }
    http_response_set_status(call->response, success_status(produce, writes, count));
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "topic");
    json_string(&writer, produce->topic.name);
    json_key(&writer, "offsets");
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        append_result(&writer, sorter, &writes[i]);
    }
    json_end_array(&writer);
    json_end_object(&writer);
}

/* False: the reply says why. */
static bool prepare_writes(struct produce *produce, const struct sorter *sorter, struct write *writes) {
    for (size_t i = 0; i < sorter->batch_count; i++) {
        const struct sorted_batch *batch = sorter->batches[i];
        uint64_t group;
        if (!topic_get_partition(produce->call, &produce->topic, batch->partition, &group)) {
            return false;
        }
        produce_init_write(produce, batch->partition, group, buffer_slice(&batch->bytes), batch->count,
                           &writes[i]);
    }
    if (sorter->batch_count > 1 && produce->parameters.expected_offset >= 0) {
        call_fail(produce->call, ERROR_MALFORMED,
                  "If-Match goes with records of one partition only: name it with ?partition");
        return false;
    }
    return true;
}

static void write_batches(struct produce *produce, const struct sorter *sorter) {
    size_t count = sorter->batch_count;
    _cleanup_free_ struct write *writes = calloc(count, sizeof *writes);
    if (writes == NULL) {
        call_fail(produce->call, ERROR_INTERNAL, "no memory for the records: nothing was appended");
        return;
    }
    if (!prepare_writes(produce, sorter, writes) ||
        (count == 1 && produce_redirected(produce, writes[0].group))) {
        return;
    }
    run_all(writes, count);
    reply(produce, sorter, writes, count);
}

void produce_lines(struct produce *produce, bool values_only) {
    __attribute__((cleanup(sorter_finish))) struct sorter sorter;
    struct error error = {0};
    enum status status = sorter_init(&sorter, &produce->choice, clock_wall_ms());
    if (status != STATUS_OK) {
        call_fail(produce->call, ERROR_INTERNAL, "no memory for the records: nothing was appended");
        return;
    }
    status = sorter_take(&sorter, produce->call->request->body, values_only, &error);
    if (status == STATUS_OK) {
        status = sorter_finish_batches(&sorter, &error);
    }
    if (status != STATUS_OK) {
        call_fail_with(produce->call, status, &error);
    } else if (produce_read_key(produce, values_only ? PAYLOAD_LINES : PAYLOAD_NDJSON)) {
        write_batches(produce, &sorter);
    }
}
