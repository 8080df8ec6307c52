#include "aviary/base/utf8.h"

#include "aviary/base/assert.h"
#include "aviary/base/bytes.h"

static bool is_continuation(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

/* RFC 3629 section 4: what the second byte may be decides overlong forms, surrogates and the upper end. */
static bool second_byte_fits(uint8_t first, uint8_t second) {
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_continuation(second);
    }
}

size_t utf8_sequence_size(struct slice slice) {
    if (slice.size == 0) {
        return 0;
    }
    uint8_t first = slice.data[0];
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (slice.size < size || !second_byte_fits(first, slice.data[1])) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (!is_continuation(slice.data[i])) {
            return 0;
        }
    }
    return size;
}

bool utf8_valid(struct slice slice) {
    while (slice.size > 0) {
        /* Mostly ASCII in practice: eight bytes at once as long as none has its high bit. */
        if (slice.size >= 8 && (bytes_get_u64le(slice.data) & 0x8080808080808080u) == 0) {
            slice = slice_after(slice, 8);
            continue;
        }
        size_t size = utf8_sequence_size(slice);
        if (size == 0) {
            return false;
        }
        slice = slice_after(slice, size);
    }
    return true;
}

size_t utf8_encode(uint32_t code_point, uint8_t out[UTF8_SEQUENCE_MAX]) {
    ASSERT(code_point <= 0x10ffff);
    ASSERT(code_point < 0xd800 || code_point > 0xdfff);
    if (code_point < 0x80) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    static const uint8_t lead[] = {[2] = 0xc0, [3] = 0xe0, [4] = 0xf0};
    out[0] = (uint8_t)(lead[size] | code_point);
    return size;
}
