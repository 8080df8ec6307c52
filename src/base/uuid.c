#include "aviary/base/uuid.h"

#include <errno.h>
#include <sys/random.h>

enum status uuid_generate(struct uuid *ret_uuid) {
    struct uuid uuid;
    ssize_t size;
    do {
        size = getrandom(uuid.bytes, sizeof uuid.bytes, 0);
    } while (size < 0 && errno == EINTR);
    if (size != UUID_SIZE) {
        return STATUS_IO;
    }
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40); /* version 4: random */
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80); /* the variant of RFC 4122 */
    *ret_uuid = uuid;
    return STATUS_OK;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b) {
    return memcmp(a->bytes, b->bytes, UUID_SIZE) == 0;
}

bool uuid_is_zero(const struct uuid *uuid) {
    static const struct uuid zero;
    return uuid_equal(uuid, &zero);
}

/* 8-4-4-4-12 digits: a dash stands before these bytes. */
static bool dash_before(size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    char *at = ret_text;
    for (size_t i = 0; i < UUID_SIZE; i++) {
        if (dash_before(i)) {
            *at++ = '-';
        }
        *at++ = digits[uuid->bytes[i] >> 4];
        *at++ = digits[uuid->bytes[i] & 0x0f];
    }
    *at = '\0';
}

/* The digit's value, or -1. */
static int hex_value(uint8_t digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

enum status uuid_parse(struct slice text, struct uuid *ret_uuid) {
    if (text.size != UUID_TEXT_SIZE - 1) {
        return STATUS_INVALID;
    }
    struct uuid uuid;
    const uint8_t *at = text.data;
    for (size_t i = 0; i < UUID_SIZE; i++) {
        if (dash_before(i) && *at++ != '-') {
            return STATUS_INVALID;
        }
        int high = hex_value(*at++);
        int low = hex_value(*at++);
        if (high < 0 || low < 0) {
            return STATUS_INVALID;
        }
        uuid.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_uuid = uuid;
    return STATUS_OK;
}
