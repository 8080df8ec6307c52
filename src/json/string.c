/*
 * Strings as JSON writes them: scanning, unescaping, escaping.
 */
#include "aviary/base/buffer.h"
#include "aviary/base/utf8.h"
#include "aviary/json/writer.h"

#include "scan.h"

enum { UNICODE_DIGITS = 4, UNICODE_ESCAPE_SIZE = 6 };

static int hex_value(uint8_t digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    uint8_t lower = digit | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits at `at`; -1 where one is none. */
static int32_t unicode_digits(const uint8_t *at) {
    int32_t unit = 0;
    for (int i = 0; i < UNICODE_DIGITS; i++) {
        int value = hex_value(at[i]);
        if (value < 0) {
            return -1;
        }
        unit = unit << 4 | value;
    }
    return unit;
}

static bool is_high_surrogate(int32_t unit) {
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int32_t unit) {
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The code point of the \uXXXX, or pair of them, that `text` begins with; -1 where it is none. */
static int32_t unicode_escape(struct slice text, size_t *ret_size) {
    if (text.size < UNICODE_ESCAPE_SIZE) {
        return -1;
    }
    int32_t first = unicode_digits(text.data + 2);
    *ret_size = UNICODE_ESCAPE_SIZE;
    if (first < 0 || is_low_surrogate(first)) {
        return -1;
    }
    if (!is_high_surrogate(first)) {
        return first;
    }
    const uint8_t *next = text.data + UNICODE_ESCAPE_SIZE;
    if (text.size < 2 * UNICODE_ESCAPE_SIZE || next[0] != '\\' || next[1] != 'u') {
        return -1;
    }
    int32_t second = unicode_digits(next + 2);
    *ret_size = 2 * UNICODE_ESCAPE_SIZE;
    return is_low_surrogate(second) ? 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00) : -1;
}

static bool scan_unicode_escape(struct scan *scan) {
    size_t size;
    int32_t code_point = unicode_escape(slice_make(scan->at, (size_t)(scan->end - scan->at)), &size);
    if (code_point < 0) {
        return scan_fail(scan, STATUS_INVALID, "a \\u escape is cut off, or half of a surrogate pair");
    }
    if (code_point == 0 && scan->for_tree) {
        return scan_fail(scan, STATUS_INVALID, "\\u0000 is not allowed here");
    }
    scan->at += size;
    return true;
}

static bool scan_escape(struct scan *scan) {
    if (scan->end - scan->at < 2) {
        return scan_fail(scan, STATUS_INVALID, "a string is not closed");
    }
    switch (scan->at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        scan->at += 2;
        return true;
    case 'u':
        return scan_unicode_escape(scan);
    default:
        return scan_fail(scan, STATUS_INVALID, "an unknown escape in a string");
    }
}

/* One character that is neither an escape nor the closing quote. */
static bool scan_character(struct scan *scan) {
    if (*scan->at < 0x20) {
        return scan_fail(scan, STATUS_INVALID, "a control character in a string: write it as \\u00XX");
    }
    size_t size = utf8_sequence_size(slice_make(scan->at, (size_t)(scan->end - scan->at)));
    if (size == 0) {
        return scan_fail(scan, STATUS_INVALID, "a string is not UTF-8");
    }
    scan->at += size;
    return true;
}

bool scan_string(struct scan *scan, struct scan_string *ret_string) {
    if (scan_peek(scan) != '"') {
        return scan_fail(scan, STATUS_INVALID, "a string in quotes is missing");
    }
    scan->at++;
    const uint8_t *start = scan->at;
    bool escaped = false;
    for (;;) {
        while (scan->end - scan->at >= 8 && scan_plain8(scan->at)) {
            scan->at += 8;
        }
        if (scan->at == scan->end) {
            return scan_fail(scan, STATUS_INVALID, "a string is not closed");
        }
        if (*scan->at == '"') {
            break;
        }
        bool escape = *scan->at == '\\';
        escaped |= escape;
        if (!(escape ? scan_escape(scan) : scan_character(scan))) {
            return false;
        }
    }
    *ret_string = (struct scan_string){
        .inner = slice_make(start, (size_t)(scan->at - start)),
        .escaped = escaped,
    };
    scan->at++;
    return true;
}

/* What a backslash and `letter` stand for; a quote, backslash or slash for itself. */
static uint8_t escape_meaning(uint8_t letter) {
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

size_t scan_unescape(struct slice inner, uint8_t *out) {
    uint8_t *at = out;
    while (inner.size > 0) {
        const uint8_t *backslash = memchr(inner.data, '\\', inner.size);
        size_t plain = backslash ? (size_t)(backslash - inner.data) : inner.size;
        memcpy(at, inner.data, plain);
        at += plain;
        inner = slice_after(inner, plain);
        if (inner.size == 0) {
            break;
        }
        size_t size = 2;
        if (inner.data[1] == 'u') {
            at += utf8_encode((uint32_t)unicode_escape(inner, &size), at);
        } else {
            *at++ = escape_meaning(inner.data[1]);
        }
        inner = slice_after(inner, size);
    }
    return (size_t)(at - out);
}

/* Bytes at the front of `string` that JSON takes as they are. */
static size_t plain_size(struct slice string) {
    const uint8_t *at = string.data;
    const uint8_t *end = at + string.size;
    while (at < end) {
        if (end - at >= 8 && scan_plain8(at)) {
            at += 8;
            continue;
        }
        size_t size = utf8_sequence_size(slice_make(at, (size_t)(end - at)));
        if (size == 0 || *at < 0x20 || *at == '"' || *at == '\\') {
            break;
        }
        at += size;
    }
    return (size_t)(at - string.data);
}

static void append_escape(struct buffer *out, uint8_t byte) {
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the byte, the letter */
    for (const char *pair = short_forms; *pair != '\0'; pair += 2) {
        if ((uint8_t)pair[0] == byte) {
            buffer_append_u8(out, '\\');
            buffer_append_u8(out, (uint8_t)pair[1]);
            return;
        }
    }
    if (byte >= 0x80) {
        buffer_append_string(out, "\xef\xbf\xbd"); /* U+FFFD for a byte that is not UTF-8 */
        return;
    }
    static const char hex[] = "0123456789abcdef";
    buffer_append_string(out, "\\u00");
    buffer_append_u8(out, (uint8_t)hex[byte >> 4]);
    buffer_append_u8(out, (uint8_t)hex[byte & 0x0f]);
}

void json_append_string(struct buffer *out, struct slice string) {
    buffer_append_u8(out, '"');
    while (string.size > 0) {
        size_t plain = plain_size(string);
        buffer_append(out, string.data, plain);
        string = slice_after(string, plain);
        if (string.size > 0) {
            append_escape(out, string.data[0]);
            string = slice_after(string, 1);
        }
    }
    buffer_append_u8(out, '"');
}
