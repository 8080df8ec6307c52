/* The body is one record's value. The hot path: one batch of one record, no JSON tree. */
#include "produce.h"

#include "aviary/base/clock.h"

enum { RECORD_OVERHEAD_MAX = 64 }; /* its varints, without the headers' */

static enum status build(const struct produce *produce, struct buffer *names, struct buffer *batch,
                         struct error *error) {
    const struct parameters *parameters = &produce->parameters;
    const struct http_request *request = produce->call->request;
    struct record_header headers[RECORD_HEADERS_MAX];
    struct record record = {
        .has_key = parameters->has_key,
        .has_value = true,
        .key = parameters->key,
        .value = request->body,
        .timestamp_ms = parameters->has_timestamp ? parameters->timestamp_ms : clock_wall_ms(),
        .headers = headers,
    };
    enum status status = parameters_read_headers(request, names, headers, &record.header_count);
    if (status != STATUS_OK) {
        return error_set(error, status, "no memory for the record");
    }
    /* One allocation: the builder would else grow the buffer step by step. */
    status = buffer_reserve(batch, RECORD_BATCH_HEADER_SIZE + RECORD_OVERHEAD_MAX + record.key.size +
                                       record.value.size);
    if (status != STATUS_OK) {
        return error_set(error, status, "the record is too large: a batch takes %d bytes",
                         RECORD_BATCH_BYTES_MAX);
    }
    struct record_batch_builder builder;
    record_batch_builder_init(&builder, batch);
    status = record_batch_builder_add(&builder, &record, error);
    return status == STATUS_OK ? record_batch_builder_finish(&builder, error) : status;
}

void produce_raw(struct produce *produce) {
    _cleanup_buffer_ struct buffer names;
    _cleanup_buffer_ struct buffer batch;
    buffer_init(&names, HTTP_HEAD_BYTES_MAX);
    buffer_init(&batch, RECORD_BATCH_BYTES_MAX);
    struct error error = {0};
    enum status status = build(produce, &names, &batch, &error);
    if (status != STATUS_OK) {
        call_fail_with(produce->call, status, &error);
    } else if (produce_read_key(produce, PAYLOAD_RAW)) {
        produce_one(produce, buffer_slice(&batch), 1, false);
    }
}
