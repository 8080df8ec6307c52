/*
 * CRC-32C by the processor's own instruction.
 */
#ifndef AVIARY_BASE_CRC32C_SSE42_H
#define AVIARY_BASE_CRC32C_SSE42_H

#include "aviary/base/slice.h"

/* True where the processor has the instruction; false on every architecture but x86-64. Any thread. */
bool crc32c_sse42_present(void);
/* As crc32c_extend. Only where the instruction is present. */
uint32_t crc32c_extend_sse42(uint32_t crc, struct slice slice);

#endif
