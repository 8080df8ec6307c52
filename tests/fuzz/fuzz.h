/*
 * What fuzz targets share. A target is one file, fuzz_<what>.c, that defines LLVMFuzzerTestOneInput: it runs
 * one input through code of ours and asserts what must hold for any input, which is always more than that
 * nothing crashes. scripts/fuzz lets libFuzzer make the inputs up; replay.c runs those that were kept, in
 * tests/fuzz/corpus/<what>/, as a unit test.
 */
#ifndef AVIARY_TESTS_FUZZ_FUZZ_H
#define AVIARY_TESTS_FUZZ_FUZZ_H

#include "aviary/base.h"

/* libFuzzer's entry; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes in memory of exactly their size, so that AddressSanitizer sees one read too many. */
static inline struct blob *fuzz_copy(struct slice bytes) {
    struct blob *copy = blob_copy(bytes);
    ASSERT(copy != NULL);
    return copy;
}

/*
 * A copy of `bytes` whose first four are made the CRC-32C of the rest, little-endian, as our own formats
 * have it: without that, hardly an input would come past the checksum.
 */
static inline struct blob *fuzz_seal(struct slice bytes) {
    enum { CRC_SIZE = 4 };
    struct blob *sealed = fuzz_copy(bytes);
    if (sealed->size >= CRC_SIZE) {
        bytes_put_u32le(sealed->data, crc32c(slice_after(blob_slice(sealed), CRC_SIZE)));
    }
    return sealed;
}

/* A copy of the input behind its first byte, sealed where that byte is odd; NULL for an empty input. */
static inline struct blob *fuzz_input(const uint8_t *data, size_t size) {
    if (size == 0) {
        return NULL;
    }
    struct slice rest = slice_after(slice_make(data, size), 1);
    return data[0] & 1 ? fuzz_seal(rest) : fuzz_copy(rest);
}

#endif
