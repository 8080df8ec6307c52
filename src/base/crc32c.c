#include "aviary/base/crc32c.h"

#include "aviary/base/bytes.h"

#include "crc32c_sse42.h"

/* The polynomial 0x1EDC6F41, bits reversed. */
static const uint32_t POLYNOMIAL = 0x82f63b78;

/* SLICES[k][b]: what byte b, followed by k zero bytes, adds to the checksum (Kounavis and Berry,
 * slicing-by-8). */
static uint32_t SLICES[8][256];

/* Before main, so that no thread ever waits for, or sees half of, the table. */
__attribute__((constructor)) static void slices_fill(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
        }
        SLICES[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int k = 1; k < 8; k++) {
            uint32_t before = SLICES[k - 1][byte];
            SLICES[k][byte] = (before >> 8) ^ SLICES[0][before & 0xff];
        }
    }
}

uint32_t crc32c_extend_portable(uint32_t crc, struct slice slice) {
    const uint8_t *at = slice.data;
    size_t size = slice.size;
    crc = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint32_t low = bytes_get_u32le(at) ^ crc;
        uint32_t high = bytes_get_u32le(at + 4);
        crc = SLICES[7][low & 0xff] ^ SLICES[6][(low >> 8) & 0xff] ^ SLICES[5][(low >> 16) & 0xff] ^
              SLICES[4][low >> 24] ^ SLICES[3][high & 0xff] ^ SLICES[2][(high >> 8) & 0xff] ^
              SLICES[1][(high >> 16) & 0xff] ^ SLICES[0][high >> 24];
    }
    for (; size > 0; at++, size--) {
        crc = (crc >> 8) ^ SLICES[0][(crc ^ *at) & 0xff];
    }
    return ~crc;
}

uint32_t crc32c_extend(uint32_t crc, struct slice slice) {
    if (crc32c_sse42_present()) {
        return crc32c_extend_sse42(crc, slice);
    }
    return crc32c_extend_portable(crc, slice);
}

uint32_t crc32c(struct slice slice) {
    return crc32c_extend(0, slice);
}
