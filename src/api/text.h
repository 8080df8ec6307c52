/* Small readings of text that a client chose. Pure. */
#ifndef API_TEXT_H
#define API_TEXT_H

#include "aviary/base/buffer.h"
#include "aviary/base/hash.h"
#include "aviary/base/slice.h"

/* Decimal digits only, at most `max`. */
bool text_to_u64(struct slice text, uint64_t max, uint64_t *ret_number);
bool text_equal(struct slice text, const char *other);
/* ASCII letters of either case are the same. */
bool text_equal_any_case(struct slice text, const char *other);
bool text_begins_any_case(struct slice text, const char *prefix);
bool text_ends(struct slice text, const char *suffix);
/* Without blanks and tabs at either end. */
struct slice text_trim(struct slice text);
/* Takes the part before the next `separator` off `rest`; false where nothing is left. */
bool text_split(struct slice *rest, char separator, struct slice *ret_part);

enum { HASH128_TEXT_SIZE = 2 * HASH128_SIZE + 1 };
/* 32 hexadecimal digits and NUL, and back. */
void text_of_hash(const struct hash128 *hash, char ret_text[HASH128_TEXT_SIZE]);
bool text_to_hash(struct slice text, struct hash128 *ret_hash);

/* Base64 (RFC 4648) with padding. */
void text_append_base64(struct buffer *out, struct slice bytes);
/* As a part of a path or query: all but unreserved characters escaped. */
void text_append_escaped(struct buffer *out, struct slice text);

#endif
