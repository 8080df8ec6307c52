#include "aviary/metadata.h"

static bool is_allowed(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

enum status metadata_check_name(struct slice name, struct error *error) {
    if (name.size == 0) {
        return error_set(error, STATUS_INVALID, "a name must not be empty");
    }
    if (name.size > NAME_SIZE_MAX) {
        return error_set(error, STATUS_INVALID, "a name of %zu bytes is too long: %d at most", name.size,
                         NAME_SIZE_MAX);
    }
    for (size_t i = 0; i < name.size; i++) {
        if (!is_allowed(name.data[i])) {
            return error_set(error, STATUS_INVALID,
                             "byte 0x%02x at position %zu is not allowed in a name: use A-Z a-z 0-9 . _ -",
                             name.data[i], i);
        }
    }
    if (slice_equal(name, slice_of_string(".")) || slice_equal(name, slice_of_string(".."))) {
        return error_set(error, STATUS_INVALID, "\".\" and \"..\" are no names: choose another");
    }
    return STATUS_OK;
}
