#include "aviary/base/assert.h"
#include "aviary/base/crc32c.h"
#include "aviary/record.h"

#include "format.h"

void record_batch_builder_init(struct record_batch_builder *builder, struct buffer *out) {
    *builder = (struct record_batch_builder){.out = out, .start = out->size};
    (void)buffer_extend(out, RECORD_BATCH_HEADER_SIZE); /* the failure stays in `out` */
}

/* Of a key, a value: the length, -1 for null, and the bytes. */
static size_t nullable_size(bool present, struct slice bytes) {
    return present ? bytes_varint_size((int64_t)bytes.size) + bytes.size : bytes_varint_size(-1);
}

static uint8_t *put_nullable(uint8_t *at, bool present, struct slice bytes) {
    at += bytes_put_varint(at, present ? (int64_t)bytes.size : -1);
    if (present && bytes.size > 0) {
        memcpy(at, bytes.data, bytes.size);
        at += bytes.size;
    }
    return at;
}

/* What stands behind the record's own length. */
static size_t body_size(const struct record *record, int64_t timestamp_delta, uint32_t number) {
    size_t size = 1 + bytes_varint_size(timestamp_delta) + bytes_varint_size(number);
    size += nullable_size(record->has_key, record->key);
    size += nullable_size(record->has_value, record->value);
    size += bytes_varint_size(record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        size += nullable_size(true, header->key) + nullable_size(header->has_value, header->value);
    }
    return size;
}

static uint8_t *put_body(uint8_t *at, const struct record *record, int64_t timestamp_delta, uint32_t number) {
    *at++ = 0; /* a record's attributes: none is defined */
    at += bytes_put_varint(at, timestamp_delta);
    at += bytes_put_varint(at, number);
    at = put_nullable(at, record->has_key, record->key);
    at = put_nullable(at, record->has_value, record->value);
    at += bytes_put_varint(at, record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        at = put_nullable(at, true, header->key);
        at = put_nullable(at, header->has_value, header->value);
    }
    return at;
}

/* Bytes that the batch may still take. */
static size_t room(const struct record_batch_builder *builder) {
    size_t batch_size = builder->out->size - builder->start;
    size_t in_batch = RECORD_BATCH_BYTES_MAX > batch_size ? RECORD_BATCH_BYTES_MAX - batch_size : 0;
    size_t in_buffer = builder->out->size_max - builder->out->size;
    return in_batch < in_buffer ? in_batch : in_buffer;
}

static enum status check_record(const struct record_batch_builder *builder, const struct record *record,
                                struct error *error) {
    if (builder->count == RECORDS_PER_BATCH_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "a batch takes at most %d records", RECORDS_PER_BATCH_MAX);
    }
    if (record->header_count > RECORD_HEADERS_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "record %u has %u headers, at most %d are allowed",
                         builder->count, record->header_count, RECORD_HEADERS_MAX);
    }
    if (record->timestamp_ms < 0) {
        return error_set(error, STATUS_INVALID, "record %u has a timestamp before 1970", builder->count);
    }
    return STATUS_OK;
}

enum status record_batch_builder_add(struct record_batch_builder *builder, const struct record *record,
                                     struct error *error) {
    struct buffer *out = builder->out;
    if (buffer_status(out) != STATUS_OK) {
        return error_set(error, buffer_status(out), "the batch cannot grow: %s",
                         status_name(buffer_status(out)));
    }
    enum status status = check_record(builder, record, error);
    if (status != STATUS_OK) {
        return status;
    }
    int64_t base_ms = builder->count == 0 ? record->timestamp_ms : builder->base_timestamp_ms;
    int64_t delta_ms = record->timestamp_ms - base_ms; /* neither is below 0: this cannot overflow */
    size_t body = body_size(record, delta_ms, builder->count);
    size_t whole = bytes_varint_size((int64_t)body) + body;
    if (whole > room(builder)) {
        return error_set(
            error, STATUS_TOO_LARGE,
            "record %u takes %zu bytes and the batch has room for %zu: send fewer or smaller records",
            builder->count, whole, room(builder));
    }
    uint8_t *at = buffer_extend(out, whole);
    if (!at) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a batch of %zu bytes", out->size);
    }
    const uint8_t *end = at + whole;
    at += bytes_put_varint(at, (int64_t)body);
    at = put_body(at, record, delta_ms, builder->count);
    ASSERT(at == end);
    builder->base_timestamp_ms = base_ms;
    if (builder->count == 0 || record->timestamp_ms > builder->max_timestamp_ms) {
        builder->max_timestamp_ms = record->timestamp_ms;
    }
    builder->count++;
    return STATUS_OK;
}

static void put_header(uint8_t *batch, size_t batch_size, const struct record_batch_builder *builder) {
    bytes_put_u32be(batch + AT_LENGTH, (uint32_t)(batch_size - LENGTH_BEGINS));
    batch[AT_MAGIC] = RECORD_BATCH_MAGIC;
    bytes_put_u16be(batch + AT_ATTRIBUTES, RECORD_CODEC_NONE);
    bytes_put_u32be(batch + AT_LAST_OFFSET_DELTA, builder->count - 1);
    bytes_put_u64be(batch + AT_BASE_TIMESTAMP, (uint64_t)builder->base_timestamp_ms);
    bytes_put_u64be(batch + AT_MAX_TIMESTAMP, (uint64_t)builder->max_timestamp_ms);
    bytes_put_u64be(batch + AT_PRODUCER_ID, (uint64_t)-1);
    bytes_put_u16be(batch + AT_PRODUCER_EPOCH, (uint16_t)-1);
    bytes_put_u32be(batch + AT_BASE_SEQUENCE, (uint32_t)-1);
    bytes_put_u32be(batch + AT_COUNT, builder->count);
    bytes_put_u32be(batch + AT_CRC, crc32c(slice_make(batch + CRC_BEGINS, batch_size - CRC_BEGINS)));
    record_batch_set_position(batch, 0, -1);
}

enum status record_batch_builder_finish(struct record_batch_builder *builder, struct error *error) {
    const struct buffer *out = builder->out;
    if (buffer_status(out) != STATUS_OK) {
        return error_set(error, buffer_status(out), "the batch cannot grow: %s",
                         status_name(buffer_status(out)));
    }
    if (builder->count == 0) {
        return error_set(error, STATUS_INVALID, "a batch needs at least one record");
    }
    put_header(out->data + builder->start, out->size - builder->start, builder);
    return STATUS_OK;
}
