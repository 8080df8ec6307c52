/* Small texts that a client chose: numbers, offsets, media types, hashes, base64, escapes, UTF-8, uuids. */
#include "fuzz.h"

#include "api/media.h"
#include "api/offset.h"
#include "api/text.h"

#include <inttypes.h>
#include <stdio.h>

static void check_number(struct slice text) {
    char again[24];
    uint64_t number;
    if (!text_to_u64(text, UINT64_MAX, &number)) {
        return;
    }
    while (text.size > 1 && text.data[0] == '0') {
        text = slice_after(text, 1);
    }
    snprintf(again, sizeof again, "%" PRIu64, number);
    ASSERT(text_equal(text, again));
    ASSERT(text_to_u64(text, number, &number));
    ASSERT(number == 0 || !text_to_u64(text, number - 1, &number));
}

static void check_offset(struct slice text) {
    struct offset_form form;
    if (!offset_parse(text, &form)) {
        return;
    }
    ASSERT(form.value >= 0);
    if (form.kind == OFFSET_TIME) {
        return;
    }
    int64_t offset = offset_resolve(form, 3, INT64_MAX - 1);
    ASSERT(form.kind == OFFSET_AT || (offset >= 3 && offset <= INT64_MAX - 1));
}

static void check_media(struct slice text) {
    static const char *const types[] = {MEDIA_JSON, MEDIA_NDJSON, MEDIA_BATCH, MEDIA_BYTES};
    enum { TYPES = sizeof types / sizeof types[0] };
    unsigned named = 0;
    int chosen = media_choose(&text, types, TYPES);
    ASSERT(chosen >= -1 && chosen < TYPES);
    for (size_t i = 0; i < TYPES; i++) {
        named += media_is(text, types[i]) ? 1 : 0;
    }
    ASSERT(named <= 1);
}

static void check_hash(struct slice text) {
    char digits[HASH128_TEXT_SIZE];
    struct hash128 hash = hash128_of(text);
    struct hash128 again;
    text_of_hash(&hash, digits);
    ASSERT(text_to_hash(slice_of_string(digits), &again) && hash128_equal(&hash, &again));
    if (text_to_hash(text, &again)) {
        text_of_hash(&again, digits);
        ASSERT(text_equal(text, digits));
    }
}

static void check_uuid(struct slice text) {
    char again[UUID_TEXT_SIZE];
    struct uuid uuid;
    if (uuid_parse(text, &uuid) == STATUS_OK) {
        uuid_format(&uuid, again);
        ASSERT(text_equal_any_case(text, again));
    }
}

static int base64_digit(uint8_t digit) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = memchr(digits, digit, sizeof digits - 1);
    return at ? (int)(at - digits) : -1;
}

/* Decoded in the plainest way, the text is the bytes again. */
static void check_base64(struct slice bytes, struct buffer *text) {
    size_t decoded = 0;
    uint32_t bits = 0;
    text_append_base64(text, bytes);
    ASSERT(text->size == (bytes.size + 2) / 3 * 4);
    for (size_t i = 0; i < text->size && text->data[i] != '='; i++) {
        int digit = base64_digit(text->data[i]);
        ASSERT(digit >= 0);
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0) {
            ASSERT(decoded < bytes.size);
            ASSERT(bytes.data[decoded] == (uint8_t)(bits >> (6 - i % 4 * 2)));
            decoded++;
        }
    }
    ASSERT(decoded == bytes.size);
}

static uint8_t hex_digit(uint8_t digit) {
    ASSERT((digit >= '0' && digit <= '9') || (digit >= 'A' && digit <= 'F'));
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

static void check_escaped(struct slice bytes, struct buffer *text) {
    text_append_escaped(text, bytes);
    size_t at = 0;
    for (size_t i = 0; i < text->size; i++, at++) {
        uint8_t byte = text->data[i];
        if (byte == '%') {
            ASSERT(text->size - i > 2);
            byte = (uint8_t)(hex_digit(text->data[i + 1]) << 4 | hex_digit(text->data[i + 2]));
            i += 2;
        }
        ASSERT(at < bytes.size && bytes.data[at] == byte);
    }
    ASSERT(at == bytes.size);
}

/* A walk over sequences comes to the end exactly where all of it is UTF-8, and each sequence is one. */
static void check_utf8(struct slice text) {
    bool valid = utf8_valid(text);
    size_t size;
    while (text.size > 0 && (size = utf8_sequence_size(text)) > 0) {
        ASSERT(size <= text.size && size <= UTF8_SEQUENCE_MAX);
        ASSERT(utf8_valid(slice_make(text.data, size)));
        ASSERT(size == 1 || utf8_sequence_size(slice_make(text.data, size - 1)) == 0);
        text = slice_after(text, size);
    }
    ASSERT(valid == (text.size == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_blob_ struct blob *copy = fuzz_copy(slice_make(data, size));
    struct slice text = blob_slice(copy);
    static struct buffer out = {.size_max = SIZE_MAX};
    buffer_clear(&out);
    check_number(text);
    check_offset(text);
    check_media(text);
    check_hash(text);
    check_uuid(text);
    check_utf8(text);
    check_base64(text, &out);
    buffer_clear(&out);
    check_escaped(text, &out);
    struct slice trimmed = text_trim(text);
    ASSERT(slice_equal(trimmed, text_trim(trimmed)));
    return 0;
}
