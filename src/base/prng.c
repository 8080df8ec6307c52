#include "aviary/base/prng.h"

#include "aviary/base/assert.h"

static uint64_t splitmix64(uint64_t *state) {
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void prng_init(struct prng *prng, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        prng->state[i] = splitmix64(&seed);
    }
}

static uint64_t rotate_left(uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

uint64_t prng_next(struct prng *prng) {
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Rejects the first 2^64 mod `bound` numbers; what remains divides evenly. */
uint64_t prng_below(struct prng *prng, uint64_t bound) {
    ASSERT(bound > 0);
    uint64_t rejected = (0 - bound) % bound;
    uint64_t number = prng_next(prng);
    while (number < rejected) {
        number = prng_next(prng);
    }
    return number % bound;
}

uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high) {
    ASSERT(low <= high);
    uint64_t span = high - low;
    return span == UINT64_MAX ? prng_next(prng) : low + prng_below(prng, span + 1);
}

bool prng_chance(struct prng *prng, uint64_t numerator, uint64_t denominator) {
    return prng_below(prng, denominator) < numerator;
}
