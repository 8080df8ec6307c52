/*
 * Entries for the tests of partition: small numbers become keys and payload hashes.
 */
#ifndef AVIARY_TESTS_UNIT_PARTITION_ENTRIES_H
#define AVIARY_TESTS_UNIT_PARTITION_ENTRIES_H

#include "aviary/base/bytes.h"
#include "aviary/partition.h"

/* `number` in the bytes that the key table does not look at first, `low` in those that it does. */
static inline struct hash128 hash_colliding(uint64_t number, uint32_t low) {
    struct hash128 hash = {0};
    bytes_put_u32le(hash.bytes, low);
    bytes_put_u64le(hash.bytes + 8, number);
    return hash;
}

static inline struct hash128 hash_number(uint64_t number) {
    return hash_colliding(number, (uint32_t)(number * 2654435761U));
}

static inline struct entry_header entry_records(uint64_t index, int64_t base_offset, uint32_t count,
                                                int64_t append_time_ms) {
    return (struct entry_header){
        .type = RAFT_ENTRY_RECORDS,
        .group = 7,
        .index = index,
        .term = 1,
        .base_offset = base_offset,
        .count = count,
        .append_time_ms = append_time_ms,
    };
}

static inline struct entry_header entry_keyed(struct entry_header header, uint64_t key, uint64_t payload) {
    header.flags = ENTRY_HAS_KEY;
    header.key = hash_number(key);
    header.payload = hash_number(payload);
    return header;
}

static inline struct entry_header entry_of_type(enum raft_entry_type type, uint64_t index) {
    return (struct entry_header){.type = type, .group = 7, .index = index, .term = 1};
}

static inline enum partition_key_state find_key(const struct partition *partition, uint64_t key,
                                                uint64_t payload, struct partition_answer *ret_answer) {
    struct hash128 key_hash = hash_number(key);
    struct hash128 payload_hash = hash_number(payload);
    return partition_find_key(partition, &key_hash, &payload_hash, ret_answer);
}

#endif
