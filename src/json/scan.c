#include "scan.h"

#include "aviary/base/assert.h"
#include "aviary/base/utf8.h"

#include <string.h>

enum { NUMBER_SIZE_MAX = 63 }; /* cJSON reads no more of a number, and would stop in its middle */

_Static_assert(JSON_DEPTH_MAX <= 64, "one bit of is_object a level");

void scan_init(struct scan *scan, struct slice text) {
    *scan = (struct scan){.begin = text.data, .at = text.data, .end = text.data};
    if (text.size > 0) {
        scan->end = text.data + text.size;
    }
}

bool scan_fail(struct scan *scan, enum status status, const char *problem) {
    scan->status = status;
    scan->problem = problem;
    return false;
}

enum status scan_error(const struct scan *scan, struct error *error) {
    return error_set(error, scan->status, "%s (at byte %td)", scan->problem, scan->at - scan->begin + 1);
}

static size_t left(const struct scan *scan) {
    return (size_t)(scan->end - scan->at);
}

void scan_space(struct scan *scan) {
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
        scan->at++;
    }
}

bool scan_byte(struct scan *scan, uint8_t byte, const char *problem) {
    scan_space(scan);
    if (scan->at == scan->end || *scan->at != byte) {
        return scan_fail(scan, STATUS_INVALID, problem);
    }
    scan->at++;
    return true;
}

bool scan_take_literal(struct scan *scan, const char *literal) {
    scan_space(scan);
    size_t size = strlen(literal);
    if (left(scan) < size || memcmp(scan->at, literal, size) != 0) {
        return false;
    }
    scan->at += size;
    return true;
}

bool scan_end(struct scan *scan) {
    scan_space(scan);
    if (scan->at != scan->end) {
        return scan_fail(scan, STATUS_INVALID, "something is left behind the JSON value");
    }
    return true;
}

static bool count_value(struct scan *scan) {
    if (scan->for_tree && scan->values == JSON_VALUES_MAX) {
        return scan_fail(scan, STATUS_TOO_LARGE, "the JSON has too many values");
    }
    scan->values++;
    return true;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

/* Takes digits; false, which is a failure, where there is none. */
static bool digits(struct scan *scan) {
    if (!is_digit(scan_peek(scan))) {
        return scan_fail(scan, STATUS_INVALID, "a digit is missing in a number");
    }
    while (is_digit(scan_peek(scan))) {
        scan->at++;
    }
    return true;
}

static bool whole_part(struct scan *scan) {
    if (scan_peek(scan) == '-') {
        scan->at++;
    }
    if (scan_peek(scan) != '0') {
        return digits(scan);
    }
    scan->at++;
    if (is_digit(scan_peek(scan))) {
        return scan_fail(scan, STATUS_INVALID, "a number may not begin with 0");
    }
    return true;
}

static bool number(struct scan *scan) {
    const uint8_t *start = scan->at;
    if (!whole_part(scan)) {
        return false;
    }
    if (scan_peek(scan) == '.') {
        scan->at++;
        if (!digits(scan)) {
            return false;
        }
    }
    if (scan_peek(scan) == 'e' || scan_peek(scan) == 'E') {
        scan->at++;
        if (scan_peek(scan) == '+' || scan_peek(scan) == '-') {
            scan->at++;
        }
        if (!digits(scan)) {
            return false;
        }
    }
    if (scan->for_tree && scan->at - start > NUMBER_SIZE_MAX) {
        return scan_fail(scan, STATUS_INVALID, "a number has more than 63 characters");
    }
    return true;
}

/* The digits at `start`, which number() has passed, as an int64; false beyond its range. */
static bool parse_int64(const uint8_t *start, const uint8_t *end, int64_t *ret_number) {
    bool negative = *start == '-';
    int64_t value = 0;
    for (const uint8_t *at = start + negative; at < end; at++) {
        int digit = *at - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value)) {
            return false;
        }
    }
    *ret_number = value;
    return true;
}

bool scan_int64(struct scan *scan, int64_t low, int64_t high, int64_t *ret_number, const char *problem) {
    scan_space(scan);
    const uint8_t *start = scan->at;
    int64_t value;
    bool fits = whole_part(scan) && parse_int64(start, scan->at, &value) && value >= low && value <= high;
    uint8_t next = scan_peek(scan);
    if (!fits || next == '.' || next == 'e' || next == 'E') {
        scan->at = start;
        return scan_fail(scan, STATUS_INVALID, problem);
    }
    *ret_number = value;
    return true;
}

static bool scalar(struct scan *scan) {
    struct scan_string string;
    uint8_t byte = scan_peek(scan);
    if (byte == '"') {
        return scan_string(scan, &string);
    }
    if (byte == '-' || is_digit(byte)) {
        return number(scan);
    }
    if (scan_take_literal(scan, "true") || scan_take_literal(scan, "false") ||
        scan_take_literal(scan, "null")) {
        return true;
    }
    return scan_fail(scan, STATUS_INVALID, "a JSON value is missing");
}

static bool in_object(const struct scan *scan) {
    return (scan->is_object >> (scan->depth - 1)) & 1;
}

static bool name_and_colon(struct scan *scan) {
    struct scan_string name;
    scan_space(scan);
    if (scan_peek(scan) != '"') {
        return scan_fail(scan, STATUS_INVALID, "a field's name in quotes is missing");
    }
    return count_value(scan) && scan_string(scan, &name) &&
           scan_byte(scan, ':', "a colon is missing behind a name");
}

static bool open_container(struct scan *scan) {
    if (scan->depth == JSON_DEPTH_MAX) {
        return scan_fail(scan, STATUS_TOO_LARGE, "the JSON is nested too deep");
    }
    uint64_t bit = (uint64_t)1 << scan->depth;
    scan->is_object = *scan->at == '{' ? scan->is_object | bit : scan->is_object & ~bit;
    scan->depth++;
    scan->at++;
    return true;
}

/* Closes what ends here; then, unless the outermost value ended, takes a comma, and a name where one is due.
 */
static bool after_value(struct scan *scan) {
    while (scan->depth > 0) {
        scan_space(scan);
        uint8_t byte = scan_peek(scan);
        if (byte == ',') {
            scan->at++;
            return !in_object(scan) || name_and_colon(scan);
        }
        if (byte != (in_object(scan) ? '}' : ']')) {
            return scan_fail(scan, STATUS_INVALID, "a comma or a closing bracket is missing");
        }
        scan->at++;
        scan->depth--;
    }
    return true;
}

/* The start of a value: a scalar whole, of a container what comes before its first element. */
static bool begin_value(struct scan *scan, bool *ret_complete) {
    scan_space(scan);
    uint8_t byte = scan_peek(scan);
    if (!count_value(scan)) {
        return false;
    }
    if (byte != '{' && byte != '[') {
        *ret_complete = true;
        return scalar(scan);
    }
    if (!open_container(scan)) {
        return false;
    }
    scan_space(scan);
    if (scan_peek(scan) == (byte == '{' ? '}' : ']')) {
        scan->at++;
        scan->depth--;
        *ret_complete = true;
        return true;
    }
    *ret_complete = false;
    return byte == '[' || name_and_colon(scan);
}

bool scan_value(struct scan *scan, struct slice *ret_text) {
    scan_space(scan);
    const uint8_t *start = scan->at;
    ASSERT(scan->depth == 0);
    do {
        bool complete = false;
        while (!complete) {
            if (!begin_value(scan, &complete)) {
                return false;
            }
        }
        if (!after_value(scan)) {
            return false;
        }
    } while (scan->depth > 0);
    *ret_text = slice_make(start, (size_t)(scan->at - start));
    return true;
}
