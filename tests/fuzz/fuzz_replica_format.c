/* The states that a replica keeps in storage: what decodes encodes to the same bytes. */
#include "fuzz.h"

#include "replica/format.h"

static void decode_and_encode_hard(struct slice bytes, struct buffer *out) {
    struct hard_state hard;
    if (format_hard_decode(bytes, &hard) == STATUS_OK) {
        format_hard_encode(&hard, out);
    }
}

static void decode_and_encode_configurations(struct slice bytes, struct buffer *out) {
    _cleanup_free_ struct raft_indexed_configuration *configurations = NULL;
    size_t count;
    if (format_configurations_decode(bytes, &configurations, &count) == STATUS_OK) {
        ASSERT(count > 0);
        format_configurations_encode(configurations, count, out);
    }
}

static void decode_and_encode_snapshot(struct slice bytes, struct buffer *out) {
    struct snapshot_state snapshot;
    if (format_snapshot_decode(bytes, &snapshot) == STATUS_OK) {
        ASSERT(snapshot.data.size <= bytes.size);
        format_snapshot_encode(&snapshot, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(struct slice, struct buffer *) = {
        decode_and_encode_hard, decode_and_encode_configurations, decode_and_encode_snapshot};
    static struct buffer encoded = {.size_max = SIZE_MAX};
    _cleanup_blob_ struct blob *input = fuzz_input(data, size);
    if (input == NULL) {
        return 0;
    }
    buffer_clear(&encoded);
    checks[(data[0] >> 1) % 3](blob_slice(input), &encoded);
    ASSERT(buffer_status(&encoded) == STATUS_OK);
    ASSERT(encoded.size == 0 || slice_equal(buffer_slice(&encoded), blob_slice(input)));
    return 0;
}
