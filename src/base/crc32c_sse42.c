#include "crc32c_sse42.h"

#include "aviary/base/assert.h"

#if defined(__x86_64__)

#include "aviary/base/bytes.h"

#include <nmmintrin.h>

/*
 * The instruction has a latency of three cycles and a throughput of one: three checksums over neighbouring
 * lanes run side by side. A lane's checksum is then moved over the bytes of the next one, which is a
 * multiplication by x^(8 * lane) modulo the polynomial, done by table (Adler's crc32c.c shows the idea).
 */
enum { LANE_LONG = 4096, LANE_SHORT = 256 };

struct shift {
    uint32_t table[4][256]; /* [k][b]: byte b at position k of a checksum, moved over one lane */
};

static bool present;
static struct shift shift_long;
static struct shift shift_short;

/* a * b modulo the polynomial; the highest bit is the coefficient of x^0. */
static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
        product ^= (a & bit) ? b : 0;
        b = (b >> 1) ^ ((b & 1) ? 0x82f63b78u : 0);
    }
    return product;
}

static void shift_fill(struct shift *shift, unsigned lane_size) {
    uint32_t power = 0x00800000u; /* x^8: one byte */
    for (unsigned size = 1; size < lane_size; size *= 2) {
        power = multiply(power, power);
    }
    for (int k = 0; k < 4; k++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            shift->table[k][byte] = multiply(power, byte << (8 * k));
        }
    }
}

__attribute__((constructor)) static void crc32c_sse42_init(void) {
    __builtin_cpu_init();
    present = __builtin_cpu_supports("sse4.2") != 0;
    if (present) {
        shift_fill(&shift_long, LANE_LONG);
        shift_fill(&shift_short, LANE_SHORT);
    }
}

bool crc32c_sse42_present(void) {
    return present;
}

static uint64_t shift_apply(const struct shift *shift, uint64_t crc) {
    return shift->table[0][crc & 0xff] ^ shift->table[1][(crc >> 8) & 0xff] ^
           shift->table[2][(crc >> 16) & 0xff] ^ shift->table[3][(crc >> 24) & 0xff];
}

/* Three lanes of `lane_size` bytes each from `at`. */
__attribute__((target("sse4.2"))) static uint64_t three_lanes(uint64_t crc, const uint8_t *at,
                                                              size_t lane_size, const struct shift *shift) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (const uint8_t *end = at + lane_size; at < end; at += 8) {
        crc = _mm_crc32_u64(crc, bytes_get_u64le(at));
        second = _mm_crc32_u64(second, bytes_get_u64le(at + lane_size));
        third = _mm_crc32_u64(third, bytes_get_u64le(at + 2 * lane_size));
    }
    return shift_apply(shift, shift_apply(shift, crc) ^ second) ^ third;
}

__attribute__((target("sse4.2"))) uint32_t crc32c_extend_sse42(uint32_t crc, struct slice slice) {
    ASSERT(present);
    const uint8_t *at = slice.data;
    size_t size = slice.size;
    uint64_t rest = (uint32_t)~crc;
    for (; size >= 3 * LANE_LONG; at += 3 * LANE_LONG, size -= 3 * LANE_LONG) {
        rest = three_lanes(rest, at, LANE_LONG, &shift_long);
    }
    for (; size >= 3 * LANE_SHORT; at += 3 * LANE_SHORT, size -= 3 * LANE_SHORT) {
        rest = three_lanes(rest, at, LANE_SHORT, &shift_short);
    }
    for (; size >= 8; at += 8, size -= 8) {
        rest = _mm_crc32_u64(rest, bytes_get_u64le(at));
    }
    for (; size > 0; at++, size--) {
        rest = _mm_crc32_u8((uint32_t)rest, *at);
    }
    return ~(uint32_t)rest;
}

#else

bool crc32c_sse42_present(void) {
    return false;
}

uint32_t crc32c_extend_sse42(uint32_t crc, struct slice slice) {
    (void)crc;
    (void)slice;
    ASSERT(crc32c_sse42_present());
    return 0;
}

#endif
