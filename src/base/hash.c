#include "aviary/base/hash.h"

#include "aviary/base/bytes.h"

struct siphash {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

static void sip_rounds(struct siphash *s, int rounds) {
    for (int i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static void sip_compress(struct siphash *s, uint64_t word) {
    s->v3 ^= word;
    sip_rounds(s, 2);
    s->v0 ^= word;
}

/* The key 00 01 .. 0f of the paper's test vectors, and the 0xee that asks for 128 bits. */
static struct siphash sip_init(void) {
    const uint64_t key0 = 0x0706050403020100u;
    const uint64_t key1 = 0x0f0e0d0c0b0a0908u;
    return (struct siphash){
        .v0 = 0x736f6d6570736575u ^ key0,
        .v1 = 0x646f72616e646f6du ^ key1 ^ 0xee,
        .v2 = 0x6c7967656e657261u ^ key0,
        .v3 = 0x7465646279746573u ^ key1,
    };
}

struct hash128 hash128_of(struct slice slice) {
    struct siphash s = sip_init();
    uint64_t last = (uint64_t)slice.size << 56;
    while (slice.size >= 8) {
        sip_compress(&s, bytes_get_u64le(slice.data));
        slice = slice_after(slice, 8);
    }
    for (size_t i = 0; i < slice.size; i++) {
        last |= (uint64_t)slice.data[i] << (8 * i);
    }
    sip_compress(&s, last);
    struct hash128 hash;
    s.v2 ^= 0xee;
    sip_rounds(&s, 4);
    bytes_put_u64le(hash.bytes, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
    s.v1 ^= 0xdd;
    sip_rounds(&s, 4);
    bytes_put_u64le(hash.bytes + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
    return hash;
}

bool hash128_equal(const struct hash128 *a, const struct hash128 *b) {
    return memcmp(a->bytes, b->bytes, HASH128_SIZE) == 0;
}

bool hash128_is_zero(const struct hash128 *hash) {
    static const struct hash128 zero;
    return hash128_equal(hash, &zero);
}

/* org.apache.kafka.common.utils.Utils.murmur2: its length is a Java int, hence the cut to 32 bits. */
uint32_t hash_murmur2(struct slice slice) {
    const uint32_t seed = 0x9747b28c;
    const uint32_t m = 0x5bd1e995;
    uint32_t h = seed ^ (uint32_t)slice.size;
    while (slice.size >= 4) {
        uint32_t k = bytes_get_u32le(slice.data) * m;
        k = (k ^ (k >> 24)) * m;
        h = (h * m) ^ k;
        slice = slice_after(slice, 4);
    }
    if (slice.size > 0) {
        for (size_t i = 0; i < slice.size; i++) {
            h ^= (uint32_t)slice.data[i] << (8 * i);
        }
        h *= m;
    }
    h = (h ^ (h >> 13)) * m;
    return h ^ (h >> 15);
}
