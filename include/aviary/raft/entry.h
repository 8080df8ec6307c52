/*
 * An entry's bytes: the same in the log of RocksDB, in a frame between peers and in the tail cache.
 *
 * Little-endian header of ENTRY_HEADER_SIZE bytes, then the payload:
 *    0 u32  crc32c of everything after this field
 *    4 u8   format, 1
 *    5 u8   type, enum raft_entry_type
 *    6 u16  flags: ENTRY_HAS_KEY
 *    8 u64  group      \  where it belongs: a misdirected write or frame is seen
 *   16 u64  index      /
 *   24 u64  term
 *   32 i64  base offset of the batch (RECORDS), else the next offset at that point
 *   40 u32  count of records (RECORDS), else 0
 *   44 u32  payload size in bytes
 *   48 i64  append time, milliseconds since 1970-01-01 UTC; never decreases within a partition
 *   56 [16] hash of the idempotency key, where ENTRY_HAS_KEY
 *   72 [16] hash of what was sent under that key
 *   88      payload
 */
#ifndef AVIARY_RAFT_ENTRY_H
#define AVIARY_RAFT_ENTRY_H

#include "aviary/raft/types.h"

enum { ENTRY_HEADER_SIZE = 88, ENTRY_FORMAT = 1 };
enum { ENTRY_HAS_KEY = 1 };

struct entry_header {
    enum raft_entry_type type;
    uint16_t flags;
    uint64_t group;
    uint64_t index;
    uint64_t term;
    int64_t base_offset;
    uint32_t count;
    uint32_t payload_size;
    int64_t append_time_ms;
    struct hash128 key;
    struct hash128 payload;
};

/* A blob with room for the header and `payload` copied behind it; the header is not written yet. NULL: no
 * memory. */
struct blob *entry_blob_create(struct slice payload);
/* Writes the header, payload_size from the blob's own size, and the checksum over all. Only before the blob
 * is shared. */
void entry_seal(struct blob *blob, const struct entry_header *header);
/* Reads the header. CORRUPT where size, format, type or checksum do not hold, or (group, index) is not as
 * given. */
enum status entry_check(struct slice bytes, uint64_t group, uint64_t index,
                        struct entry_header *ret) AVIARY_MUST_USE;
/* Reads the header without the checksum, for bytes checked before. CORRUPT where the size is too small or
 * format unknown. */
enum status entry_header_decode(struct slice bytes, struct entry_header *ret) AVIARY_MUST_USE;
/* The same for bytes that were read by (group, index): CORRUPT too where they are another entry's. */
enum status entry_header_check(struct slice bytes, uint64_t group, uint64_t index,
                               struct entry_header *ret) AVIARY_MUST_USE;
static inline struct slice entry_payload(struct slice bytes) {
    return slice_after(bytes, ENTRY_HEADER_SIZE);
}

#endif
