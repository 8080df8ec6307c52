/*
 * The strict scanner beneath both ways of reading: RFC 8259, one pass, no allocation, no recursion.
 */
#ifndef AVIARY_JSON_SCAN_H
#define AVIARY_JSON_SCAN_H

#include "aviary/base/bytes.h"
#include "aviary/base/limits.h"
#include "aviary/base/slice.h"
#include "aviary/base/status.h"

struct scan {
    const uint8_t *begin;
    const uint8_t *at; /* the next byte; on failure where it failed */
    const uint8_t *end;
    enum status status;  /* OK, INVALID or TOO_LARGE */
    const char *problem; /* in words, where the status is not OK */
    bool for_tree;       /* refuse what cJSON's tree cannot hold: see json.h */
    uint32_t values;     /* values and names seen; bounded by JSON_VALUES_MAX for a tree */
    uint32_t depth;      /* of containers, within scan_value */
    uint64_t is_object;  /* bit n: the container at depth n + 1 is an object */
};

struct scan_string {
    struct slice inner; /* between the quotes, valid UTF-8 and valid escapes */
    bool escaped;       /* it has escapes: see scan_unescape */
};

/* Every function below returns false on failure, with status and problem set; `at` is then where it failed.
 */
void scan_init(struct scan *scan, struct slice text);
bool scan_fail(struct scan *scan, enum status status, const char *problem);
/* Sets `error` to the problem and the byte, counted from 1; returns the status. */
enum status scan_error(const struct scan *scan, struct error *error);

void scan_space(struct scan *scan);
/* The next byte, not taken; 0, which no JSON begins with, at the end. */
static inline uint8_t scan_peek(const struct scan *scan) {
    return scan->at < scan->end ? *scan->at : 0;
}
/* Takes white space, then `byte`, or fails with `problem`. */
bool scan_byte(struct scan *scan, uint8_t byte, const char *problem);
/* Takes white space, then `literal` ("null"), if it stands there; false is no failure. */
bool scan_take_literal(struct scan *scan, const char *literal);
bool scan_string(struct scan *scan, struct scan_string *ret_string);
/* A whole number without fraction and exponent, exact; fails beyond `low` to `high`. */
bool scan_int64(struct scan *scan, int64_t low, int64_t high, int64_t *ret_number, const char *problem);
/* Any value, over all its levels; white space before it is skipped, `ret_text` has none at its ends. */
bool scan_value(struct scan *scan, struct slice *ret_text);
/* Only white space is left. */
bool scan_end(struct scan *scan);

/* Writes what `inner`, of scan_string, stands for; never more bytes than `inner` has. Returns their number.
 */
size_t scan_unescape(struct slice inner, uint8_t *out);

/* True where none of the eight bytes at `at` ends or changes a string: no quote, backslash, control or high
 * bit. */
static inline bool scan_plain8(const uint8_t *at) {
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    uint64_t word = bytes_get_u64le(at);
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    /* A byte below n borrows from its high bit in word - ones * n (Bit Twiddling Hacks, "hasless"). */
    uint64_t found = (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
    return (found & highs) == 0;
}

#endif
