/* Messages between peers: what decodes encodes to the very same bytes, and entries in it hold. */
#include "fuzz.h"

#include "aviary/raft/entry.h"
#include "aviary/transport.h"

/* Puts the checksums of an append's entries right, where the input's second bit asks for it. */
static void seal_entries(struct blob *input) {
    enum { TYPE_AT = 0, COUNT_AT = 82, ENTRIES_AT = 86 };
    if (input->size < ENTRIES_AT || input->data[TYPE_AT] != RAFT_MESSAGE_APPEND) {
        return;
    }
    uint32_t count = bytes_get_u32le(input->data + COUNT_AT);
    struct slice rest = slice_after(blob_slice(input), ENTRIES_AT);
    while (count-- > 0 && rest.size >= 4) {
        size_t size = bytes_get_u32le(rest.data);
        rest = slice_after(rest, 4);
        if (size < ENTRY_HEADER_SIZE || size > rest.size) {
            return;
        }
        uint8_t *entry = input->data + (rest.data - input->data);
        bytes_put_u32le(entry, crc32c(slice_make(entry + 4, size - 4)));
        rest = slice_after(rest, size);
    }
}

static void check_message(const struct raft_message *message) {
    ASSERT(message->entry_count <= RAFT_APPEND_ENTRIES_MAX);
    for (size_t i = 0; i < message->entry_count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        struct entry_header header;
        ASSERT(entry->index == message->index + 1 + i);
        ASSERT(entry_check(blob_slice(entry->blob), message->group, entry->index, &header) == STATUS_OK);
        ASSERT(header.term == entry->term);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct buffer encoded;
    if (size == 0) {
        return 0;
    }
    _cleanup_blob_ struct blob *input = fuzz_copy(slice_make(data + 1, size - 1));
    if (data[0] & 1) {
        seal_entries(input);
    }
    buffer_init(&encoded, PEER_BULK_FRAME_BYTES_MAX);
    struct reader reader = reader_make(blob_slice(input));
    struct raft_message message;
    while (!reader_done(&reader)) {
        if (transport_decode_message(&reader, &message) != STATUS_OK) {
            break;
        }
        check_message(&message);
        transport_encode_message(&message, &encoded);
        raft_message_finish(&message);
        size_t consumed = input->size - reader.rest.size;
        ASSERT(buffer_status(&encoded) == STATUS_OK);
        ASSERT(slice_equal(buffer_slice(&encoded), slice_make(input->data, consumed)));
    }
    buffer_finish(&encoded);
    return 0;
}
