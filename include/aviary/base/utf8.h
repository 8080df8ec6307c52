/*
 * UTF-8 (RFC 3629), judged strictly: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#ifndef AVIARY_BASE_UTF8_H
#define AVIARY_BASE_UTF8_H

#include "aviary/base/slice.h"

enum { UTF8_SEQUENCE_MAX = 4 };

/* Bytes of the sequence that `slice` begins with, 1 to 4; 0 where it is empty or begins with none. */
size_t utf8_sequence_size(struct slice slice);
/* True where all of `slice` is UTF-8; an empty slice is. */
bool utf8_valid(struct slice slice);
/* Writes `code_point`, at most 0x10FFFF and no surrogate, to `out`; returns the bytes written, 1 to 4. */
size_t utf8_encode(uint32_t code_point, uint8_t out[UTF8_SEQUENCE_MAX]);

#endif
