/*
 * xoshiro256** (Blackman and Vigna), seeded through splitmix64: the same seed gives the same numbers
 * everywhere. Not for secrets. A generator belongs to one thread.
 */
#ifndef AVIARY_BASE_PRNG_H
#define AVIARY_BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Uniform in [0, bound), without modulo bias; `bound` above 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);
/* Uniform in [low, high], low <= high. */
uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high);
/* True `numerator` times out of `denominator`. */
bool prng_chance(struct prng *prng, uint64_t numerator, uint64_t denominator);

#endif
