/*
 * 128-bit random identifiers (RFC 4122 version 4), written as 36 characters.
 */
#ifndef AVIARY_BASE_UUID_H
#define AVIARY_BASE_UUID_H

#include "aviary/base/slice.h"
#include "aviary/base/status.h"

enum { UUID_SIZE = 16, UUID_TEXT_SIZE = 37 };

struct uuid {
    uint8_t bytes[UUID_SIZE];
};

/* From getrandom(2); IO where the kernel gives none. */
enum status uuid_generate(struct uuid *ret_uuid) AVIARY_MUST_USE;
bool uuid_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_zero(const struct uuid *uuid);
/* Lower case, with dashes, ends with NUL. */
void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE]);
/* INVALID unless exactly 36 characters of that form, either case. */
enum status uuid_parse(struct slice text, struct uuid *ret_uuid) AVIARY_MUST_USE;

#endif
