/*
 * One line of records in NDJSON, read in one pass and without a tree:
 *
 *     {"key":"k","value":"v","headers":{"h":"x"},"timestamp":1700000000000,"partition":0}
 *
 * Only `value` is required, and may be any JSON value: a string stands for its own UTF-8 bytes, null for a
 * record without a value (a tombstone), everything else for its JSON text, as it stands in the line. The
 * others may be null, which is as if they were missing. `key` is a string; `headers` is an object of strings
 * and nulls, in which a name may be there more than once, as in Kafka; `timestamp` is in milliseconds since
 * 1970-01-01 UTC. No other field, and none twice.
 *
 * Strictness is that of json.h, but "\u0000" stands for its byte, whole numbers are exact to 2^63 - 1, and
 * within a `value` that is an object, a name may be there twice: its text is the client's business.
 */
#ifndef AVIARY_JSON_LINE_H
#define AVIARY_JSON_LINE_H

#include "aviary/base/buffer.h"
#include "aviary/base/limits.h"
#include "aviary/base/slice.h"
#include "aviary/base/status.h"

struct json_line_header {
    struct slice key;
    struct slice value;
    bool has_value;
};

struct json_line {
    bool has_key;
    bool has_value;
    bool has_timestamp;
    bool has_partition;
    struct slice key;
    struct slice value;
    int64_t timestamp_ms; /* 0 or more */
    uint32_t partition;   /* below PARTITIONS_PER_TOPIC_MAX */
    uint32_t header_count;
    struct json_line_header headers[RECORD_HEADERS_MAX];
};

/*
 * The slices of `ret_line` point into `line` or, where a string had escapes, into `scratch`: good until the
 * caller's bytes change or `scratch` is used again. `scratch` is cleared first; its maximum is at least the
 * longest line.
 * INVALID: the message says what is wrong at which byte of the line, and holds none of its bytes. TOO_LARGE:
 * more than JSON_DEPTH_MAX levels or RECORD_HEADERS_MAX headers, or the line is longer than `scratch` may be.
 * NO_MEMORY. On failure `ret_line` is undefined: it is large, and written in place.
 */
enum status json_line_parse(struct slice line, struct buffer *scratch, struct json_line *ret_line,
                            struct error *error) AVIARY_MUST_USE;

/*
 * Takes the next line off `rest`, without its "\n" and a "\r" before that; the last one may lack its "\n".
 * False where nothing is left.
 */
bool json_line_split(struct slice *rest, struct slice *ret_line);

#endif
