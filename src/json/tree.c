#include "aviary/json.h"

#include "aviary/base/assert.h"
#include "aviary/base/cleanup.h"

#include "scan.h"

#include <cJSON.h>

/* `struct json` is never defined: it is cJSON's node under a name of ours. */
static const cJSON *node_of(const struct json *value) {
    return (const cJSON *)(const void *)value;
}

static const struct json *value_of(const cJSON *node) {
    return (const struct json *)(const void *)node;
}

static int compare_names(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* Sorted, so that an object of many fields costs no square. */
static enum status check_names(const cJSON *object, struct error *error) {
    size_t count = (size_t)cJSON_GetArraySize(object);
    if (count < 2) {
        return STATUS_OK;
    }
    _cleanup_free_ const char **names = calloc(count, sizeof *names);
    if (!names) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to read JSON");
    }
    size_t used = 0;
    for (const cJSON *field = object->child; field; field = field->next) {
        names[used++] = field->string;
    }
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            return error_set(error, STATUS_INVALID, "field \"%.64s\" is there twice", names[i]);
        }
    }
    return STATUS_OK;
}

/* Recursive: the scanner has seen to it that there are at most JSON_DEPTH_MAX levels. */
static enum status check_all_names(const cJSON *node, struct error *error) {
    if (cJSON_IsObject(node)) {
        enum status status = check_names(node, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    for (const cJSON *child = node->child; child; child = child->next) {
        enum status status = check_all_names(child, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* cJSON takes more than JSON is, and cuts strings at a NUL: only what the scanner has passed gets to it. */
static enum status check_text(struct slice text, struct error *error) {
    struct scan scan;
    struct slice value;
    scan_init(&scan, text);
    scan.for_tree = true;
    return scan_value(&scan, &value) && scan_end(&scan) ? STATUS_OK : scan_error(&scan, error);
}

enum status json_parse(struct slice text, struct json **ret_json, struct error *error) {
    enum status status = check_text(text, error);
    if (status != STATUS_OK) {
        return status;
    }
    cJSON *root = cJSON_ParseWithLength((const char *)text.data, text.size);
    if (!root) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to read JSON");
    }
    status = check_all_names(root, error);
    if (status != STATUS_OK) {
        cJSON_Delete(root);
        return status;
    }
    *ret_json = (struct json *)(void *)root;
    return STATUS_OK;
}

void json_destroy(struct json *json) {
    cJSON_Delete((cJSON *)(void *)json);
}

enum json_type json_type(const struct json *value) {
    const cJSON *node = node_of(value);
    if (cJSON_IsBool(node)) {
        return JSON_BOOL;
    }
    if (cJSON_IsNumber(node)) {
        return JSON_NUMBER;
    }
    if (cJSON_IsString(node)) {
        return JSON_STRING;
    }
    if (cJSON_IsArray(node)) {
        return JSON_ARRAY;
    }
    if (cJSON_IsObject(node)) {
        return JSON_OBJECT;
    }
    ASSERT(cJSON_IsNull(node));
    return JSON_NULL;
}

const struct json *json_field(const struct json *object, const char *name) {
    if (!cJSON_IsObject(node_of(object))) {
        return NULL;
    }
    return value_of(cJSON_GetObjectItemCaseSensitive(node_of(object), name));
}

const struct json *json_first(const struct json *container) {
    return value_of(node_of(container)->child);
}

const struct json *json_next(const struct json *element) {
    return value_of(node_of(element)->next);
}

size_t json_count(const struct json *container) {
    return (size_t)cJSON_GetArraySize(node_of(container));
}

const char *json_name(const struct json *field) {
    const char *name = node_of(field)->string;
    return name ? name : "";
}

/* 2^53 - 1: up to here every whole number has a double of its own. */
static const int64_t EXACT_MAX = ((int64_t)1 << 53) - 1;

enum status json_to_int64(const struct json *value, const char *what, int64_t low, int64_t high,
                          int64_t *ret_number, struct error *error) {
    int64_t exact_low = low < -EXACT_MAX ? -EXACT_MAX : low;
    int64_t exact_high = high > EXACT_MAX ? EXACT_MAX : high;
    double number = cJSON_IsNumber(node_of(value)) ? node_of(value)->valuedouble : 0.5;
    /* Compared as a double first: one out of range may not be converted. */
    if (number < (double)exact_low || number > (double)exact_high || (double)(int64_t)number < number ||
        (double)(int64_t)number > number) {
        return error_set(error, STATUS_INVALID, "%s must be a whole number from %lld to %lld", what,
                         (long long)exact_low, (long long)exact_high);
    }
    *ret_number = (int64_t)number;
    return STATUS_OK;
}

enum status json_to_bool(const struct json *value, const char *what, bool *ret_bool, struct error *error) {
    if (!cJSON_IsBool(node_of(value))) {
        return error_set(error, STATUS_INVALID, "%s must be true or false", what);
    }
    *ret_bool = cJSON_IsTrue(node_of(value)) != 0;
    return STATUS_OK;
}

enum status json_to_string(const struct json *value, const char *what, size_t size_max,
                           struct slice *ret_string, struct error *error) {
    if (!cJSON_IsString(node_of(value))) {
        return error_set(error, STATUS_INVALID, "%s must be a string", what);
    }
    struct slice string = slice_of_string(node_of(value)->valuestring);
    if (string.size > size_max) {
        return error_set(error, STATUS_INVALID, "%s must be a string of at most %zu bytes, it has %zu", what,
                         size_max, string.size);
    }
    *ret_string = string;
    return STATUS_OK;
}
