#include "text.h"

#include <ctype.h>
#include <strings.h>

bool text_to_u64(struct slice text, uint64_t max, uint64_t *ret_number) {
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || digit > max || number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    if (text.size == 0) {
        return false;
    }
    *ret_number = number;
    return true;
}

bool text_equal(struct slice text, const char *other) {
    return slice_equal(text, slice_of_string(other));
}

bool text_begins_any_case(struct slice text, const char *prefix) {
    size_t size = strlen(prefix);
    return text.size >= size && strncasecmp((const char *)text.data, prefix, size) == 0;
}

bool text_equal_any_case(struct slice text, const char *other) {
    return text.size == strlen(other) && text_begins_any_case(text, other);
}

bool text_ends(struct slice text, const char *suffix) {
    size_t size = strlen(suffix);
    return text.size >= size && memcmp(text.data + text.size - size, suffix, size) == 0;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

struct slice text_trim(struct slice text) {
    while (text.size > 0 && is_blank(text.data[0])) {
        text = slice_after(text, 1);
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

bool text_split(struct slice *rest, char separator, struct slice *ret_part) {
    if (rest->size == 0) {
        return false;
    }
    const uint8_t *end = memchr(rest->data, separator, rest->size);
    size_t size = end ? (size_t)(end - rest->data) : rest->size;
    *ret_part = slice_make(rest->data, size);
    *rest = slice_after(*rest, size + (end ? 1 : 0));
    return true;
}

void text_of_hash(const struct hash128 *hash, char ret_text[HASH128_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH128_SIZE; i++) {
        ret_text[2 * i] = digits[hash->bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    ret_text[HASH128_TEXT_SIZE - 1] = '\0';
}

static int hex_digit(uint8_t character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

bool text_to_hash(struct slice text, struct hash128 *ret_hash) {
    if (text.size != HASH128_TEXT_SIZE - 1) {
        return false;
    }
    struct hash128 hash;
    for (size_t i = 0; i < HASH128_SIZE; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        hash.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_hash = hash;
    return true;
}

void text_append_base64(struct buffer *out, struct slice bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *at = buffer_extend(out, (bytes.size + 2) / 3 * 4);
    if (at == NULL) {
        return; /* the failure stays in `out` */
    }
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        *at++ = (uint8_t)digits[group >> 18];
        *at++ = (uint8_t)digits[group >> 12 & 63];
        *at++ = left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=';
        *at++ = left > 2 ? (uint8_t)digits[group & 63] : '=';
    }
}

void text_append_escaped(struct buffer *out, struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        bool unreserved = byte < 128 && (isalnum(byte) || memchr("-._~", byte, 4));
        if (unreserved) {
            buffer_append_u8(out, byte);
        } else {
            buffer_append_format(out, "%%%02X", byte);
        }
    }
}
