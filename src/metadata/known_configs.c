/*
 * The topic configs that this build knows, and what values they take.
 */
#include "aviary/metadata.h"

#include <stdio.h>

enum { CHOICES_MAX = 4, LIST_SIZE = 256 };

struct known_config {
    const char *name;
    int64_t minimum; /* of an integer: where there are no choices */
    int64_t maximum;
    const char *choices[CHOICES_MAX + 1]; /* up to NULL */
};

static const struct known_config KNOWN[] = {
    {.name = "cleanup.policy", .choices = {"delete", "compact", "compact,delete", "delete,compact"}},
    {.name = "max.message.bytes", .minimum = 1, .maximum = RECORD_BATCH_BYTES_MAX},
    {.name = "retention.bytes", .minimum = -1, .maximum = INT64_MAX},
    {.name = "retention.ms", .minimum = -1, .maximum = INT64_MAX},
};

enum { KNOWN_COUNT = sizeof KNOWN / sizeof KNOWN[0] };

/* Decimal, with a minus where it is negative and nothing else around it. */
static bool parse_integer(struct slice text, int64_t *ret_value) {
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.size) {
        return false;
    }
    int64_t value = 0; /* kept negative: INT64_MIN has no positive counterpart */
    for (; at < text.size; at++) {
        int digit = text.data[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (!negative && __builtin_sub_overflow(0, value, &value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

static enum status check_integer(const struct known_config *known, struct slice value, struct error *error) {
    int64_t number;
    if (parse_integer(value, &number) && number >= known->minimum && number <= known->maximum) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_INVALID, "%s takes a whole number from %lld to %lld", known->name,
                     (long long)known->minimum, (long long)known->maximum);
}

/* Adds to the list in `list`, cut at its end; not with commas, which choices hold themselves. */
static void add_to_list(char list[LIST_SIZE], const char *text) {
    size_t used = strlen(list);
    snprintf(list + used, LIST_SIZE - used, "%s%s", used > 0 ? " | " : "", text);
}

static enum status check_choice(const struct known_config *known, struct slice value, struct error *error) {
    for (size_t i = 0; known->choices[i]; i++) {
        if (slice_equal(value, slice_of_string(known->choices[i]))) {
            return STATUS_OK;
        }
    }
    char list[LIST_SIZE] = "";
    for (size_t i = 0; known->choices[i]; i++) {
        add_to_list(list, known->choices[i]);
    }
    return error_set(error, STATUS_INVALID, "%s takes one of: %s", known->name, list);
}

enum status metadata_check_config(struct slice name, struct slice value, struct error *error) {
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        const struct known_config *known = &KNOWN[i];
        if (!slice_equal(name, slice_of_string(known->name))) {
            continue;
        }
        if (value.size == 0) {
            return STATUS_OK;
        }
        return known->choices[0] ? check_choice(known, value, error) : check_integer(known, value, error);
    }
    char list[LIST_SIZE] = "";
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        add_to_list(list, KNOWN[i].name);
    }
    return error_set(error, STATUS_INVALID, "unknown topic config: there are %s", list);
}

int64_t metadata_topic_config_integer(const struct metadata_topic *topic, const char *name,
                                      int64_t fallback) {
    const char *value = metadata_topic_config(topic, name);
    int64_t number;
    return value && parse_integer(slice_of_string(value), &number) ? number : fallback;
}
