/*
 * SipHash-2-4 with 128-bit output (Aumasson and Bernstein), under a fixed key: the same on every broker.
 */
#ifndef AVIARY_BASE_HASH_H
#define AVIARY_BASE_HASH_H

#include "aviary/base/slice.h"

enum { HASH128_SIZE = 16 };

struct hash128 {
    uint8_t bytes[HASH128_SIZE];
};

struct hash128 hash128_of(struct slice slice);
bool hash128_equal(const struct hash128 *a, const struct hash128 *b);
bool hash128_is_zero(const struct hash128 *hash);
/* Kafka's murmur2 (seed 0x9747b28c), so that a key lands on the partition that Kafka's clients choose. */
uint32_t hash_murmur2(struct slice slice);

#endif
