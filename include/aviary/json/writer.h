/*
 * Writes JSON straight into a buffer, without a tree.
 *
 *     json_begin_object(&writer);
 *     json_key(&writer, "partitions");
 *     json_int64(&writer, 3);
 *     json_end_object(&writer);
 *
 * A failure to grow stays in the buffer: check buffer_status once at the end. Calls out of order (a value
 * where a key must stand, an end without its begin) are programmer errors and abort.
 *
 * Strings are written as UTF-8; bytes that are not UTF-8 are **replaced**, each by U+FFFD. Who must not lose
 * them asks utf8_valid first and chooses another form.
 */
#ifndef AVIARY_JSON_WRITER_H
#define AVIARY_JSON_WRITER_H

#include "aviary/base/buffer.h"
#include "aviary/base/slice.h"

enum json_layout {
    JSON_COMPACT,
    JSON_PRETTY, /* a line a value, two spaces a level */
};

/* In the caller's memory, nothing to release. The fields are the writer's own. */
struct json_writer {
    struct buffer *out;
    enum json_layout layout;
    uint32_t depth;     /* containers open, at most JSON_DEPTH_MAX */
    uint64_t is_object; /* bit n: the container at depth n + 1 is an object */
    bool has_element;   /* the innermost container has an element, so the next needs a comma */
    bool has_key;       /* a key was written, its value is due */
};

/* Writes one value behind what `out` holds. */
void json_writer_init(struct json_writer *writer, struct buffer *out, enum json_layout layout);
void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
void json_key_slice(struct json_writer *writer, struct slice key);
void json_string(struct json_writer *writer, struct slice string);
void json_string_z(struct json_writer *writer, const char *string);
void json_int64(struct json_writer *writer, int64_t value);
void json_uint64(struct json_writer *writer, uint64_t value);
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
/* `text` is one JSON value already. */
void json_raw(struct json_writer *writer, struct slice text);

/* Appends `string` with its quotes, escaped as above. */
void json_append_string(struct buffer *out, struct slice string);

#endif
