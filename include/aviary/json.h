/*
 * json: reading requests and configuration (here), writing responses (json/writer.h), and the fast way for
 * lines of records (json/line.h).
 *
 * Reading is strict, RFC 8259 to the letter: UTF-8 only, no lone surrogate, nothing behind the value, no byte
 * order mark, no name twice in an object. Also refused, because the tree could not hold them faithfully:
 * "\u0000" in a string and numbers of more than 63 characters. Bounds: JSON_DEPTH_MAX, JSON_VALUES_MAX.
 *
 * Whole numbers are exact from -(2^53 - 1) to 2^53 - 1. Beyond, a double holds only some of them, so the
 * getters **refuse** them and say so, however wide the range that is asked for.
 *
 * Threads: a document belongs to one thread at a time.
 */
#ifndef AVIARY_JSON_H
#define AVIARY_JSON_H

#include "aviary/base/buffer.h"
#include "aviary/base/limits.h"
#include "aviary/base/slice.h"
#include "aviary/base/status.h"

#include "aviary/json/line.h"
#include "aviary/json/writer.h"

/* A document, which is also its root value, or a value within it, which lives as long as the document. */
struct json;

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* INVALID: the message says what is wrong at which byte. TOO_LARGE: over a bound. NO_MEMORY. */
enum status json_parse(struct slice text, struct json **ret_json, struct error *error) AVIARY_MUST_USE;
/* Takes NULL; only what json_parse gave. */
void json_destroy(struct json *json);

static inline void cleanup_json_pointer(struct json **json) {
    json_destroy(*json);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json_pointer)))

enum json_type json_type(const struct json *value);
/* The field of an object, its name compared byte for byte; NULL where there is none or `object` is none. */
const struct json *json_field(const struct json *object, const char *name);
/* Elements of an array or fields of an object, in the text's order: NULL behind the last and for other types.
 */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *element);
size_t json_count(const struct json *container);
/* Of a field of an object; "" for others. */
const char *json_name(const struct json *field);

/*
 * A value as what it must be. INVALID otherwise, with `what` in the message as the thing's name:
 * `partitions[2] must be a whole number from 0 to 1023`.
 */
enum status json_to_int64(const struct json *value, const char *what, int64_t low, int64_t high,
                          int64_t *ret_number, struct error *error) AVIARY_MUST_USE;
enum status json_to_bool(const struct json *value, const char *what, bool *ret_bool,
                         struct error *error) AVIARY_MUST_USE;
/* At most `size_max` bytes of UTF-8 without NUL; valid as long as the document. */
enum status json_to_string(const struct json *value, const char *what, size_t size_max,
                           struct slice *ret_string, struct error *error) AVIARY_MUST_USE;

/* Whether a field may be missing or null; then the getter returns OK and leaves the output as it is. */
enum json_presence { JSON_REQUIRED, JSON_OPTIONAL };

/* A field as what it must be: `field "partitions" must be a whole number from 1 to 1024`. INVALID. */
enum status json_get_int64(const struct json *object, const char *name, enum json_presence presence,
                           int64_t low, int64_t high, int64_t *ret_number,
                           struct error *error) AVIARY_MUST_USE;
enum status json_get_bool(const struct json *object, const char *name, enum json_presence presence,
                          bool *ret_bool, struct error *error) AVIARY_MUST_USE;
enum status json_get_string(const struct json *object, const char *name, enum json_presence presence,
                            size_t size_max, struct slice *ret_string, struct error *error) AVIARY_MUST_USE;
/* An object or array as `type` says. */
enum status json_get_container(const struct json *object, const char *name, enum json_presence presence,
                               enum json_type type, const struct json **ret_container,
                               struct error *error) AVIARY_MUST_USE;
/* `object` is an object and has no field but those of `names`, which ends with NULL. INVALID. */
enum status json_only_fields(const struct json *object, const char *const *names,
                             struct error *error) AVIARY_MUST_USE;

#endif
