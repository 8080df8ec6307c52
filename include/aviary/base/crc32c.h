/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): SSE4.2 where the processor has it, a table elsewhere.
 */
#ifndef AVIARY_BASE_CRC32C_H
#define AVIARY_BASE_CRC32C_H

#include "aviary/base/slice.h"

/* The checksum of `slice`. crc32c("123456789") is 0xE3069283. Any thread. */
uint32_t crc32c(struct slice slice);
/* Goes on from `crc`, the checksum of the bytes before; start with 0. */
uint32_t crc32c_extend(uint32_t crc, struct slice slice);
/* The portable implementation, for tests to hold the fast one against. */
uint32_t crc32c_extend_portable(uint32_t crc, struct slice slice);

#endif
