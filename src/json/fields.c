/*
 * An object's fields by name, typed: everything here is json.h's tree and error messages, no library.
 */
#include "aviary/json.h"

#include <stdio.h>

enum { WHAT_SIZE = 96 };

static void describe(const char *name, char ret_what[WHAT_SIZE]) {
    (void)snprintf(ret_what, WHAT_SIZE, "field \"%.64s\"", name);
}

/* `*ret_field` NULL, with OK, where an optional field is not there. */
static enum status find(const struct json *object, const char *name, enum json_presence presence,
                        const struct json **ret_field, struct error *error) {
    if (json_type(object) != JSON_OBJECT) {
        return error_set(error, STATUS_INVALID, "a JSON object is needed, with field \"%.64s\"", name);
    }
    const struct json *field = json_field(object, name);
    if (presence == JSON_OPTIONAL) {
        *ret_field = field && json_type(field) != JSON_NULL ? field : NULL;
        return STATUS_OK;
    }
    if (!field) {
        return error_set(error, STATUS_INVALID, "field \"%.64s\" is missing", name);
    }
    *ret_field = field;
    return STATUS_OK;
}

enum status json_get_int64(const struct json *object, const char *name, enum json_presence presence,
                           int64_t low, int64_t high, int64_t *ret_number, struct error *error) {
    char what[WHAT_SIZE];
    const struct json *field;
    enum status status = find(object, name, presence, &field, error);
    if (status != STATUS_OK || !field) {
        return status;
    }
    describe(name, what);
    return json_to_int64(field, what, low, high, ret_number, error);
}

enum status json_get_bool(const struct json *object, const char *name, enum json_presence presence,
                          bool *ret_bool, struct error *error) {
    char what[WHAT_SIZE];
    const struct json *field;
    enum status status = find(object, name, presence, &field, error);
    if (status != STATUS_OK || !field) {
        return status;
    }
    describe(name, what);
    return json_to_bool(field, what, ret_bool, error);
}

enum status json_get_string(const struct json *object, const char *name, enum json_presence presence,
                            size_t size_max, struct slice *ret_string, struct error *error) {
    char what[WHAT_SIZE];
    const struct json *field;
    enum status status = find(object, name, presence, &field, error);
    if (status != STATUS_OK || !field) {
        return status;
    }
    describe(name, what);
    return json_to_string(field, what, size_max, ret_string, error);
}

enum status json_get_container(const struct json *object, const char *name, enum json_presence presence,
                               enum json_type type, const struct json **ret_container, struct error *error) {
    const struct json *field;
    enum status status = find(object, name, presence, &field, error);
    if (status != STATUS_OK || !field) {
        return status;
    }
    if (json_type(field) != type) {
        return error_set(error, STATUS_INVALID, "field \"%.64s\" must be an %s", name,
                         type == JSON_ARRAY ? "array" : "object");
    }
    *ret_container = field;
    return STATUS_OK;
}

static bool is_among(const char *name, const char *const *names) {
    for (; *names; names++) {
        if (strcmp(name, *names) == 0) {
            return true;
        }
    }
    return false;
}

enum status json_only_fields(const struct json *object, const char *const *names, struct error *error) {
    if (json_type(object) != JSON_OBJECT) {
        return error_set(error, STATUS_INVALID, "a JSON object is needed");
    }
    for (const struct json *field = json_first(object); field; field = json_next(field)) {
        if (!is_among(json_name(field), names)) {
            return error_set(error, STATUS_INVALID, "field \"%.64s\" is not known", json_name(field));
        }
    }
    return STATUS_OK;
}
