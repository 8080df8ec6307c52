/*
 * Log entries and group configurations, as stored and sent. What passes the check, sealed again from its
 * fields, is the same bytes; one changed bit does not pass.
 */
#include "fuzz.h"

#include "aviary/raft/entry.h"

enum { AT_PAYLOAD_SIZE = 44 };

static void check_entry(struct slice bytes, size_t flipped_bit) {
    struct entry_header header;
    struct entry_header again;
    if (entry_header_decode(bytes, &header) != STATUS_OK ||
        entry_check(bytes, header.group, header.index, &again) != STATUS_OK) {
        return;
    }
    ASSERT(again.payload_size == entry_payload(bytes).size);
    ASSERT(entry_check(bytes, header.group + 1, header.index, &again) == STATUS_CORRUPT);
    ASSERT(entry_check(bytes, header.group, header.index + 1, &again) == STATUS_CORRUPT);
    _cleanup_blob_ struct blob *sealed = entry_blob_create(entry_payload(bytes));
    ASSERT(sealed != NULL);
    entry_seal(sealed, &header);
    ASSERT(slice_equal(blob_slice(sealed), bytes));
    flipped_bit %= bytes.size * 8;
    sealed->data[flipped_bit / 8] ^= (uint8_t)(1U << flipped_bit % 8);
    ASSERT(entry_check(blob_slice(sealed), header.group, header.index, &again) == STATUS_CORRUPT);
}

static void check_configuration(struct slice bytes) {
    static struct buffer encoded = {.size_max = SIZE_MAX};
    struct raft_configuration configuration;
    struct raft_configuration again;
    struct reader reader = reader_make(bytes);
    if (raft_configuration_decode(&reader, &configuration) != STATUS_OK) {
        return;
    }
    buffer_clear(&encoded);
    raft_configuration_encode(&configuration, &encoded);
    ASSERT(slice_equal(buffer_slice(&encoded), slice_make(bytes.data, bytes.size - reader.rest.size)));
    struct reader encoded_reader = reader_make(buffer_slice(&encoded));
    ASSERT(raft_configuration_decode(&encoded_reader, &again) == STATUS_OK);
    ASSERT(raft_configuration_equal(&configuration, &again));
    ASSERT(raft_configuration_voters(&configuration) <= configuration.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { SEALED = 1, CONFIGURATION = 2 };
    _cleanup_blob_ struct blob *input = fuzz_input(data, size);
    if (input == NULL) {
        return 0;
    }
    if (data[0] & CONFIGURATION) {
        check_configuration(blob_slice(input));
        return 0;
    }
    if ((data[0] & SEALED) && input->size >= ENTRY_HEADER_SIZE) {
        bytes_put_u32le(input->data + AT_PAYLOAD_SIZE, (uint32_t)(input->size - ENTRY_HEADER_SIZE));
        bytes_put_u32le(input->data, crc32c(slice_after(blob_slice(input), 4)));
    }
    check_entry(blob_slice(input), data[0] * 37U);
    return 0;
}
