#include "field.h"

static bool is_token_character(uint8_t character) {
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
           (character >= 'a' && character <= 'z') ||
           (character != 0 && strchr("!#$%&'*+-.^_`|~", character) != NULL);
}

bool field_is_name(struct slice name) {
    for (size_t i = 0; i < name.size; i++) {
        if (!is_token_character(name.data[i])) {
            return false;
        }
    }
    return name.size > 0;
}

bool field_is_value(struct slice value) {
    for (size_t i = 0; i < value.size; i++) {
        if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 127) {
            return false;
        }
    }
    return true;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct slice trim(struct slice text) {
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[0])) {
        text = slice_after(text, 1);
    }
    return text;
}

bool field_find(struct slice lines, const char *name, struct slice *ret_value) {
    size_t name_size = strlen(name);
    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        struct slice line = slice_make(lines.data, end ? (size_t)(end - lines.data) : lines.size);
        if (line.size > name_size && line.data[name_size] == ':' &&
            strncasecmp((const char *)line.data, name, name_size) == 0) {
            *ret_value = trim(slice_after(line, name_size + 1));
            return true;
        }
        lines = slice_after(lines, line.size + 1);
    }
    return false;
}
