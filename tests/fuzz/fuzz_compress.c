/*
 * The codecs of record batches. Unpacking stays within its limit and leaves the output alone where it fails;
 * what was packed unpacks to the same bytes, and not under a limit below its size.
 */
#include "fuzz.h"

#include "aviary/compress.h"

enum { UNPACKED_MAX = 64 * 1024, CODECS = 5, PACK = 0x80 };

static const uint8_t before[] = "before";

static void out_begin(struct buffer *out) {
    buffer_clear(out);
    buffer_append(out, before, sizeof before);
}

static struct slice out_end(const struct buffer *out) {
    ASSERT(out->size >= sizeof before && memcmp(out->data, before, sizeof before) == 0);
    return slice_after(buffer_slice(out), sizeof before);
}

static void check_round_trip(enum compress_codec codec, struct slice plain) {
    static struct buffer packed = {.size_max = SIZE_MAX};
    static struct buffer unpacked = {.size_max = SIZE_MAX};
    out_begin(&packed);
    ASSERT(compress_pack(codec, plain, &packed, NULL) == STATUS_OK);
    out_begin(&unpacked);
    size_t limit = plain.size > 0 ? plain.size : 1;
    ASSERT(compress_unpack(codec, out_end(&packed), limit, &unpacked, NULL) == STATUS_OK);
    ASSERT(slice_equal(out_end(&unpacked), plain));
    if (plain.size > 1) {
        out_begin(&unpacked);
        ASSERT(compress_unpack(codec, out_end(&packed), plain.size - 1, &unpacked, NULL) == STATUS_TOO_LARGE);
        ASSERT(out_end(&unpacked).size == 0);
    }
}

static void check_unpack(enum compress_codec codec, struct slice packed, size_t limit) {
    static struct buffer unpacked = {.size_max = SIZE_MAX};
    struct error error;
    out_begin(&unpacked);
    enum status status = compress_unpack(codec, packed, limit, &unpacked, &error);
    struct slice plain = out_end(&unpacked);
    if (status != STATUS_OK) {
        ASSERT(status == STATUS_CORRUPT || status == STATUS_TOO_LARGE || status == STATUS_UNSUPPORTED);
        ASSERT(plain.size == 0 && error.message[0] != '\0');
        return;
    }
    ASSERT(plain.size <= limit);
    _cleanup_blob_ struct blob *copy = fuzz_copy(plain);
    check_round_trip(codec, blob_slice(copy));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    _cleanup_blob_ struct blob *input = fuzz_copy(slice_make(data + 2, size - 2));
    enum compress_codec codec = (enum compress_codec)(data[0] % CODECS);
    if (data[0] & PACK) {
        check_round_trip(codec, blob_slice(input));
    } else {
        size_t limit = (size_t)(data[1] + 1) * (UNPACKED_MAX / 256);
        check_unpack(codec, blob_slice(input), limit);
    }
    return 0;
}
