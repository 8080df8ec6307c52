#include "aviary/json/writer.h"

#include "aviary/base/assert.h"
#include "aviary/base/limits.h"

#include <inttypes.h>

void json_writer_init(struct json_writer *writer, struct buffer *out, enum json_layout layout) {
    *writer = (struct json_writer){.out = out, .layout = layout};
}

static bool in_object(const struct json_writer *writer) {
    return writer->depth > 0 && ((writer->is_object >> (writer->depth - 1)) & 1) != 0;
}

static void new_line(struct json_writer *writer) {
    if (writer->layout == JSON_COMPACT) {
        return;
    }
    buffer_append_u8(writer->out, '\n');
    for (uint32_t i = 0; i < writer->depth; i++) {
        buffer_append(writer->out, "  ", 2);
    }
}

/* What stands before an element of a container. */
static void separate(struct json_writer *writer) {
    if (writer->has_element) {
        buffer_append_u8(writer->out, ',');
    }
    new_line(writer);
}

static void before_value(struct json_writer *writer) {
    if (writer->depth == 0) {
        ASSERT(!writer->has_element); /* one root value */
    } else if (in_object(writer)) {
        ASSERT(writer->has_key);
    } else {
        separate(writer);
    }
    writer->has_key = false;
    writer->has_element = true;
}

static void begin(struct json_writer *writer, uint8_t bracket) {
    ASSERT(writer->depth < JSON_DEPTH_MAX);
    before_value(writer);
    buffer_append_u8(writer->out, bracket);
    uint64_t bit = (uint64_t)1 << writer->depth;
    writer->is_object = bracket == '{' ? writer->is_object | bit : writer->is_object & ~bit;
    writer->depth++;
    writer->has_element = false;
}

static void end(struct json_writer *writer, uint8_t bracket) {
    ASSERT(writer->depth > 0);
    ASSERT(!writer->has_key);
    ASSERT(in_object(writer) == (bracket == '}'));
    writer->depth--;
    if (writer->has_element) {
        new_line(writer);
    }
    buffer_append_u8(writer->out, bracket);
    writer->has_element = true;
}

void json_begin_object(struct json_writer *writer) {
    begin(writer, '{');
}

void json_end_object(struct json_writer *writer) {
    end(writer, '}');
}

void json_begin_array(struct json_writer *writer) {
    begin(writer, '[');
}

void json_end_array(struct json_writer *writer) {
    end(writer, ']');
}

void json_key_slice(struct json_writer *writer, struct slice key) {
    ASSERT(in_object(writer));
    ASSERT(!writer->has_key);
    separate(writer);
    json_append_string(writer->out, key);
    buffer_append(writer->out, ": ", writer->layout == JSON_PRETTY ? 2 : 1);
    writer->has_key = true;
}

void json_key(struct json_writer *writer, const char *key) {
    json_key_slice(writer, slice_of_string(key));
}

void json_string(struct json_writer *writer, struct slice string) {
    before_value(writer);
    json_append_string(writer->out, string);
}

void json_string_z(struct json_writer *writer, const char *string) {
    json_string(writer, slice_of_string(string));
}

void json_int64(struct json_writer *writer, int64_t value) {
    before_value(writer);
    buffer_append_decimal(writer->out, value);
}

void json_uint64(struct json_writer *writer, uint64_t value) {
    before_value(writer);
    if (value <= INT64_MAX) {
        buffer_append_decimal(writer->out, (int64_t)value);
    } else {
        buffer_append_format(writer->out, "%" PRIu64, value);
    }
}

void json_bool(struct json_writer *writer, bool value) {
    before_value(writer);
    buffer_append_string(writer->out, value ? "true" : "false");
}

void json_null(struct json_writer *writer) {
    before_value(writer);
    buffer_append_string(writer->out, "null");
}

void json_raw(struct json_writer *writer, struct slice text) {
    before_value(writer);
    buffer_append_slice(writer->out, text);
}
