#include "aviary/record.h"

void record_iterator_init(struct record_iterator *iterator, const struct record_batch_view *view,
                          struct slice records) {
    /* Field by field: the headers are large, and written before they are read. */
    iterator->rest = reader_make(records);
    iterator->base_offset = view->base_offset;
    iterator->base_timestamp_ms = view->base_timestamp_ms;
    iterator->max_timestamp_ms = view->max_timestamp_ms;
    iterator->timestamp_type = view->timestamp_type;
    iterator->count = view->count;
    iterator->next = 0;
}

/* The bytes of the next record behind its length. */
static enum status next_body(struct record_iterator *iterator, struct reader *ret_body, struct error *error) {
    if (iterator->rest.rest.size == 0) {
        return error_set(error, STATUS_CORRUPT, "the batch says it has %u records and ends after %u",
                         iterator->count, iterator->next);
    }
    int64_t size = reader_varint(&iterator->rest);
    /* A negative size is, as a size_t, longer than any slice. */
    struct slice body = reader_bytes(&iterator->rest, (size_t)size);
    if (!reader_ok(&iterator->rest)) {
        return error_set(error, STATUS_CORRUPT, "record %u: its length runs beyond the batch",
                         iterator->next);
    }
    *ret_body = reader_make(body);
    return STATUS_OK;
}

/* A length and its bytes; false for null, the length -1. */
static bool read_nullable(struct reader *body, struct slice *ret_bytes) {
    int64_t size = reader_varint(body);
    if (size == -1) {
        *ret_bytes = (struct slice){0};
        return false;
    }
    *ret_bytes = reader_bytes(body, (size_t)size);
    return true;
}

static enum status read_headers(struct record_iterator *iterator, struct reader *body, struct record *record,
                                struct error *error) {
    int64_t count = reader_varint(body);
    if (!reader_ok(body) || count < 0) {
        return error_set(error, STATUS_CORRUPT, "record %u: its key, value or count of headers is cut off",
                         iterator->next);
    }
    if (count > RECORD_HEADERS_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "record %u has %lld headers, at most %d are allowed",
                         iterator->next, (long long)count, RECORD_HEADERS_MAX);
    }
    for (int64_t i = 0; i < count; i++) {
        struct record_header *header = &iterator->headers[i];
        bool has_key = read_nullable(body, &header->key);
        header->has_value = read_nullable(body, &header->value);
        if (!reader_ok(body) || !has_key) {
            return error_set(error, STATUS_CORRUPT, "record %u: its header %lld is cut off or has no key",
                             iterator->next, (long long)i);
        }
    }
    record->headers = iterator->headers;
    record->header_count = (uint32_t)count;
    return STATUS_OK;
}

static enum status read_position(const struct record_iterator *iterator, struct reader *body,
                                 struct record *record, struct error *error) {
    (void)reader_u8(body); /* a record's attributes: none is defined */
    int64_t timestamp_delta = reader_varint(body);
    int64_t offset_delta = reader_varint(body);
    if (!reader_ok(body) || offset_delta != iterator->next) {
        return error_set(error, STATUS_CORRUPT, "record %u: its offset within the batch must be its number",
                         iterator->next);
    }
    if (__builtin_add_overflow(iterator->base_timestamp_ms, timestamp_delta, &record->timestamp_ms) ||
        __builtin_add_overflow(iterator->base_offset, offset_delta, &record->offset)) {
        return error_set(error, STATUS_CORRUPT, "record %u: its timestamp or offset is beyond 64 bits",
                         iterator->next);
    }
    if (iterator->timestamp_type == RECORD_TIMESTAMP_APPEND) {
        record->timestamp_ms = iterator->max_timestamp_ms;
    }
    return STATUS_OK;
}

enum status record_iterator_next(struct record_iterator *iterator, struct record *ret_record,
                                 struct error *error) {
    if (iterator->next == iterator->count) {
        if (reader_done(&iterator->rest)) {
            return STATUS_NOT_FOUND;
        }
        return error_set(error, STATUS_CORRUPT, "%zu bytes are left behind the batch's %u records",
                         iterator->rest.rest.size, iterator->count);
    }
    struct reader body;
    struct record record;
    enum status status = next_body(iterator, &body, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = read_position(iterator, &body, &record, error);
    if (status != STATUS_OK) {
        return status;
    }
    record.has_key = read_nullable(&body, &record.key);
    record.has_value = read_nullable(&body, &record.value);
    status = read_headers(iterator, &body, &record, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!reader_done(&body)) {
        return error_set(error, STATUS_CORRUPT, "record %u: %zu bytes are left behind its headers",
                         iterator->next, body.rest.size);
    }
    iterator->next++;
    *ret_record = record;
    return STATUS_OK;
}

enum status record_iterator_skip(struct record_iterator *iterator, uint32_t count, struct error *error) {
    for (uint32_t i = 0; i < count && iterator->next < iterator->count; i++) {
        struct reader body;
        enum status status = next_body(iterator, &body, error);
        if (status != STATUS_OK) {
            return status;
        }
        iterator->next++;
    }
    return STATUS_OK;
}

enum status record_batch_check_records(const struct record_batch_view *view, struct slice records,
                                       struct error *error) {
    struct record_iterator iterator;
    record_iterator_init(&iterator, view, records);
    struct record record;
    enum status status;
    do {
        status = record_iterator_next(&iterator, &record, error);
    } while (status == STATUS_OK);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
