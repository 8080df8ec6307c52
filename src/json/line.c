#include "aviary/json/line.h"

#include "aviary/base/assert.h"

#include "scan.h"

struct line_parser {
    struct scan scan;
    struct buffer *scratch;
    size_t line_size;
    struct json_line *line;
    unsigned seen; /* bit n: field n of FIELDS was there */
};

/* The string's own bytes: where they stand or, where it has escapes, in the scratch. */
static bool string_bytes(struct line_parser *parser, const struct scan_string *string,
                         struct slice *ret_bytes) {
    if (!string->escaped) {
        *ret_bytes = string->inner;
        return true;
    }
    struct buffer *scratch = parser->scratch;
    /* All strings together are shorter than the line: with room for it, the scratch never moves under a
     * slice. */
    if (buffer_reserve(scratch, parser->line_size - scratch->size) != STATUS_OK) {
        return scan_fail(&parser->scan, buffer_status(scratch), "no memory for a line");
    }
    uint8_t *start = scratch->data + scratch->size;
    size_t size = scan_unescape(string->inner, start);
    scratch->size += size;
    *ret_bytes = slice_make(start, size);
    return true;
}

static bool take_string(struct line_parser *parser, struct slice *ret_bytes) {
    struct scan_string string;
    scan_space(&parser->scan);
    return scan_string(&parser->scan, &string) && string_bytes(parser, &string, ret_bytes);
}

static bool at_quote(struct line_parser *parser) {
    scan_space(&parser->scan);
    return scan_peek(&parser->scan) == '"';
}

static bool take_key(struct line_parser *parser) {
    if (scan_take_literal(&parser->scan, "null")) {
        return true;
    }
    if (!at_quote(parser)) {
        return scan_fail(&parser->scan, STATUS_INVALID, "field \"key\" must be a string or null");
    }
    parser->line->has_key = true;
    return take_string(parser, &parser->line->key);
}

static bool take_value(struct line_parser *parser) {
    struct json_line *line = parser->line;
    if (at_quote(parser)) {
        line->has_value = true;
        return take_string(parser, &line->value);
    }
    struct slice text;
    if (!scan_value(&parser->scan, &text)) {
        return false;
    }
    line->has_value = !slice_equal(text, slice_of_string("null"));
    if (line->has_value) {
        line->value = text;
    }
    return true;
}

static bool take_header(struct line_parser *parser) {
    struct scan *scan = &parser->scan;
    struct json_line *line = parser->line;
    if (line->header_count == RECORD_HEADERS_MAX) {
        return scan_fail(scan, STATUS_TOO_LARGE, "field \"headers\" has too many headers");
    }
    struct json_line_header *header = &line->headers[line->header_count++];
    *header = (struct json_line_header){0};
    if (!take_string(parser, &header->key) || !scan_byte(scan, ':', "a colon is missing behind a name")) {
        return false;
    }
    if (scan_take_literal(scan, "null")) {
        return true;
    }
    if (!at_quote(parser)) {
        return scan_fail(scan, STATUS_INVALID, "a header must be a string or null");
    }
    header->has_value = true;
    return take_string(parser, &header->value);
}

/* The fields of an object, from behind its opening bracket to behind its closing one. */
static bool take_fields(struct line_parser *parser, bool (*take_field)(struct line_parser *parser)) {
    struct scan *scan = &parser->scan;
    scan_space(scan);
    if (scan_peek(scan) == '}') {
        scan->at++;
        return true;
    }
    for (;;) {
        if (!take_field(parser)) {
            return false;
        }
        scan_space(scan);
        if (scan_peek(scan) != ',') {
            return scan_byte(scan, '}', "a comma or a closing bracket is missing");
        }
        scan->at++;
    }
}

static bool take_headers(struct line_parser *parser) {
    if (scan_take_literal(&parser->scan, "null")) {
        return true;
    }
    return scan_byte(&parser->scan, '{', "field \"headers\" must be an object or null") &&
           take_fields(parser, take_header);
}

static bool take_timestamp(struct line_parser *parser) {
    if (scan_take_literal(&parser->scan, "null")) {
        return true;
    }
    parser->line->has_timestamp = true;
    return scan_int64(
        &parser->scan, 0, INT64_MAX, &parser->line->timestamp_ms,
        "field \"timestamp\" must be a whole number of milliseconds since 1970, 0 or more, or null");
}

static bool take_partition(struct line_parser *parser) {
    if (scan_take_literal(&parser->scan, "null")) {
        return true;
    }
    int64_t partition;
    if (!scan_int64(&parser->scan, 0, PARTITIONS_PER_TOPIC_MAX - 1, &partition,
                    "field \"partition\" must be the number of a partition, 0 or more, or null")) {
        return false;
    }
    parser->line->has_partition = true;
    parser->line->partition = (uint32_t)partition;
    return true;
}

static const struct {
    const char *name;
    bool (*take)(struct line_parser *parser);
} FIELDS[] = {
    {"key", take_key},
    {"value", take_value},
    {"headers", take_headers},
    {"timestamp", take_timestamp},
    {"partition", take_partition},
};
enum { FIELD_VALUE = 1, FIELD_COUNT = sizeof FIELDS / sizeof FIELDS[0] };

static unsigned field_of(struct slice name) {
    unsigned field = 0;
    while (field < FIELD_COUNT && !slice_equal(name, slice_of_string(FIELDS[field].name))) {
        field++;
    }
    return field;
}

static bool take_field(struct line_parser *parser) {
    struct scan *scan = &parser->scan;
    struct slice name;
    scan_space(scan);
    const uint8_t *start = scan->at;
    if (!take_string(parser, &name)) {
        return false;
    }
    unsigned field = field_of(name);
    if (field == FIELD_COUNT) {
        scan->at = start;
        return scan_fail(scan, STATUS_INVALID,
                         "an unknown field: allowed are key, value, headers, timestamp and partition");
    }
    if ((parser->seen & (1u << field)) != 0) {
        scan->at = start;
        return scan_fail(scan, STATUS_INVALID, "a field is there twice");
    }
    parser->seen |= 1u << field;
    return scan_byte(scan, ':', "a colon is missing behind a name") && FIELDS[field].take(parser);
}

static void line_init(struct json_line *line) {
    /* Not the headers: they are large, and written before they count. */
    line->has_key = false;
    line->has_value = false;
    line->has_timestamp = false;
    line->has_partition = false;
    line->key = (struct slice){0};
    line->value = (struct slice){0};
    line->timestamp_ms = 0;
    line->partition = 0;
    line->header_count = 0;
}

static bool take_line(struct line_parser *parser) {
    struct scan *scan = &parser->scan;
    if (!scan_byte(scan, '{', "a line must be a JSON object") || !take_fields(parser, take_field) ||
        !scan_end(scan)) {
        return false;
    }
    if ((parser->seen & (1u << FIELD_VALUE)) == 0) {
        return scan_fail(scan, STATUS_INVALID, "field \"value\" is missing (null stands for a tombstone)");
    }
    return true;
}

enum status json_line_parse(struct slice line, struct buffer *scratch, struct json_line *ret_line,
                            struct error *error) {
    buffer_clear(scratch);
    if (line.size > scratch->size_max) {
        return error_set(error, STATUS_TOO_LARGE, "the line has %zu bytes, at most %zu are allowed",
                         line.size, scratch->size_max);
    }
    struct line_parser parser = {.scratch = scratch, .line_size = line.size, .line = ret_line};
    scan_init(&parser.scan, line);
    line_init(ret_line);
    return take_line(&parser) ? STATUS_OK : scan_error(&parser.scan, error);
}

bool json_line_split(struct slice *rest, struct slice *ret_line) {
    if (rest->size == 0) {
        return false;
    }
    const uint8_t *newline = memchr(rest->data, '\n', rest->size);
    size_t size = newline ? (size_t)(newline - rest->data) : rest->size;
    struct slice line = slice_make(rest->data, size);
    *rest = slice_after(*rest, newline ? size + 1 : size);
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    *ret_line = line;
    return true;
}
