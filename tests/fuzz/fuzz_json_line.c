/*
 * NDJSON: lines cut from a body are its bytes in order, and a line that parses to a record is, written from
 * that record, a line that parses to the same.
 */
#include "fuzz.h"

#include "aviary/json.h"

static bool same(bool has_a, struct slice a, bool has_b, struct slice b) {
    return has_a == has_b && (!has_a || slice_equal(a, b));
}

static void check_same(const struct json_line *a, const struct json_line *b) {
    ASSERT(same(a->has_key, a->key, b->has_key, b->key));
    ASSERT(same(a->has_value, a->value, b->has_value, b->value));
    ASSERT(a->has_timestamp == b->has_timestamp && a->timestamp_ms == b->timestamp_ms);
    ASSERT(a->has_partition == b->has_partition && a->partition == b->partition);
    ASSERT(a->header_count == b->header_count);
    for (uint32_t i = 0; i < a->header_count; i++) {
        const struct json_line_header *left = &a->headers[i];
        const struct json_line_header *right = &b->headers[i];
        ASSERT(slice_equal(left->key, right->key));
        ASSERT(same(left->has_value, left->value, right->has_value, right->value));
    }
}

static void check_bounds(const struct json_line *line) {
    ASSERT(line->header_count <= RECORD_HEADERS_MAX);
    ASSERT(line->timestamp_ms >= 0);
    ASSERT(line->partition < PARTITIONS_PER_TOPIC_MAX);
    ASSERT(utf8_valid(line->key) && utf8_valid(line->value));
}

static void write_headers(struct json_writer *writer, const struct json_line *line) {
    json_key(writer, "headers");
    json_begin_object(writer);
    for (uint32_t i = 0; i < line->header_count; i++) {
        json_key_slice(writer, line->headers[i].key);
        if (line->headers[i].has_value) {
            json_string(writer, line->headers[i].value);
        } else {
            json_null(writer);
        }
    }
    json_end_object(writer);
}

static void write_line(const struct json_line *line, struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    write_headers(&writer, line);
    if (line->has_key) {
        json_key(&writer, "key");
        json_string(&writer, line->key);
    }
    json_key(&writer, "value");
    if (line->has_value) {
        json_string(&writer, line->value);
    } else {
        json_null(&writer);
    }
    if (line->has_timestamp) {
        json_key(&writer, "timestamp");
        json_int64(&writer, line->timestamp_ms);
    }
    if (line->has_partition) {
        json_key(&writer, "partition");
        json_uint64(&writer, line->partition);
    }
    json_end_object(&writer);
}

static void check_line(struct slice text) {
    static struct json_line line;
    static struct json_line again;
    struct error error;
    _cleanup_buffer_ struct buffer scratch;
    _cleanup_buffer_ struct buffer written;
    _cleanup_buffer_ struct buffer written_scratch;
    buffer_init(&scratch, HTTP_BODY_BYTES_MAX);
    buffer_init(&written, SIZE_MAX);
    buffer_init(&written_scratch, SIZE_MAX);
    enum status status = json_line_parse(text, &scratch, &line, &error);
    if (status != STATUS_OK) {
        ASSERT(error.status == status && error.message[0] != '\0');
        return;
    }
    check_bounds(&line);
    write_line(&line, &written);
    ASSERT(json_line_parse(buffer_slice(&written), &written_scratch, &again, NULL) == STATUS_OK);
    check_same(&line, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_blob_ struct blob *body = fuzz_copy(slice_make(data, size));
    struct slice rest = blob_slice(body);
    struct slice line;
    const uint8_t *begins = body->data;
    while (json_line_split(&rest, &line)) {
        ASSERT(line.data == begins);
        ASSERT(line.size == 0 || memchr(line.data, '\n', line.size) == NULL);
        check_line(line);
        begins = rest.size > 0 ? rest.data : body->data + body->size;
    }
    ASSERT(rest.size == 0);
    return 0;
}
