/* The configs of a topic in a request's body. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "topics.h"

/* A value as metadata keeps it. INVALID, also where metadata_check_config says so. */
static enum status read_value(const struct json *field, bool may_remove, struct metadata_config *config,
                              struct error *error) {
    enum status status = STATUS_OK;
    struct slice text = {0};
    char number_text[24];
    int64_t number;
    bool flag;
    switch (json_type(field)) {
    case JSON_STRING:
        status = json_to_string(field, config->name, TOPIC_CONFIG_VALUE_MAX - 1, &text, error);
        break;
    case JSON_NUMBER:
        status = json_to_int64(field, config->name, INT64_MIN, INT64_MAX, &number, error);
        if (status == STATUS_OK) {
            snprintf(number_text, sizeof number_text, "%" PRId64, number);
            text = slice_of_string(number_text);
        }
        break;
    case JSON_BOOL:
        status = json_to_bool(field, config->name, &flag, error);
        text = slice_of_string(status == STATUS_OK && flag ? "true" : "false");
        break;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        if (!may_remove || json_type(field) != JSON_NULL) {
            return error_set(error, STATUS_INVALID,
                             "config \"%s\" must be a string, a whole number or a boolean", config->name);
        }
        break;
    }
    struct error detail = {0};
    if (status == STATUS_OK) {
        status = metadata_check_config(slice_of_string(config->name), text, &detail);
        if (status != STATUS_OK) {
            return error_set(error, status, "config \"%s\": %s", config->name, detail.message);
        }
    }
    if (status == STATUS_OK) {
        memcpy(config->value, text.data ? text.data : (const uint8_t *)"", text.size);
        config->value[text.size] = '\0';
    }
    return status;
}

static enum status read_config(const struct json *field, bool may_remove, struct metadata_config *config,
                               struct error *error) {
    const char *name = json_name(field);
    if (strlen(name) > NAME_SIZE_MAX) {
        return error_set(error, STATUS_INVALID, "a config's name has at most %d bytes", NAME_SIZE_MAX);
    }
    memcpy(config->name, name, strlen(name) + 1);
    return read_value(field, may_remove, config, error);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct metadata_config *)a)->name, ((const struct metadata_config *)b)->name);
}

static enum status read_all(const struct json *object, bool may_remove, struct metadata_config *configs,
                            struct error *error) {
    size_t count = 0;
    for (const struct json *field = json_first(object); field; field = json_next(field)) {
        enum status status = read_config(field, may_remove, &configs[count++], error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    qsort(configs, count, sizeof *configs, compare_names);
    return STATUS_OK;
}

bool topics_read_configs(struct call *call, const struct json *body, bool may_remove,
                         struct metadata_config **ret_configs, uint32_t *ret_count) {
    const struct json *object = NULL;
    struct error error = {0};
    if (json_get_container(body, "configs", JSON_OPTIONAL, JSON_OBJECT, &object, &error) != STATUS_OK) {
        call_fail(call, ERROR_MALFORMED, "%s", error.message);
        return false;
    }
    size_t count = object ? json_count(object) : 0;
    if (count > TOPIC_CONFIGS_MAX) {
        call_fail(call, ERROR_CONFIG, "a topic has at most %d configs", TOPIC_CONFIGS_MAX);
        return false;
    }
    _cleanup_free_ struct metadata_config *configs = calloc(count + 1, sizeof *configs);
    if (configs == NULL) {
        call_fail(call, ERROR_INTERNAL, "no memory for the configs");
        return false;
    }
    if (count > 0 && read_all(object, may_remove, configs, &error) != STATUS_OK) {
        call_fail(call, ERROR_CONFIG, "%s", error.message);
        return false;
    }
    *ret_configs = TAKE_POINTER(configs);
    *ret_count = (uint32_t)count;
    return true;
}
