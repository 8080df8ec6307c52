/* The body is one encoded record batch: checked to the last record, then stored as it came. */
#include "produce.h"

#include "aviary/compress.h"

static enum status check_packed(struct call *call, const struct record_batch_view *view,
                                struct error *error) {
    if (!places_take(&call->api->places, call->deadline_ms)) {
        return error_set(error, STATUS_FULL,
                         "too many compressed batches at once: nothing was appended, try again later");
    }
    struct buffer records;
    buffer_init(&records, RECORD_BATCH_UNPACKED_MAX);
    enum status status = compress_unpack((enum compress_codec)view->codec, view->records,
                                         RECORD_BATCH_UNPACKED_MAX, &records, error);
    if (status == STATUS_OK) {
        status = record_batch_check_records(view, buffer_slice(&records), error);
    }
    buffer_finish(&records);
    places_give(&call->api->places);
    return status;
}

static enum status check(struct call *call, struct slice body, struct record_batch_view *ret_view,
                         struct error *error) {
    struct record_batch_view view;
    enum status status = record_batch_check(body, &view, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (view.codec != RECORD_CODEC_NONE) {
        status = check_packed(call, &view, error);
    }
    if (status == STATUS_OK) {
        *ret_view = view;
    }
    return status;
}

void produce_batch(struct produce *produce) {
    struct call *call = produce->call;
    struct slice body = call->request->body;
    struct record_batch_view view;
    struct error error = {0};
    enum status status = check(call, body, &view, &error);
    if (status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED) {
        call_fail(call, ERROR_BATCH, "the body is no good record batch: %s", error.message);
    } else if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
    } else if (produce_read_key(produce, PAYLOAD_BATCH)) {
        produce_one(produce, body, view.count, true);
    }
}
