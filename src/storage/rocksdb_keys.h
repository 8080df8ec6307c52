/*
 * Keys of the two column families (big-endian, so that their order is the numbers'), and the checksum of a
 * state. docs/storage-format.md describes them for readers without this code.
 *
 *   log    group u64, index u64  -> the entry (raft/entry.h)
 *   state  group u64, kind u8    -> crc32c u32 (little-endian) of key and bytes, then the bytes
 */
#ifndef AVIARY_STORAGE_ROCKSDB_KEYS_H
#define AVIARY_STORAGE_ROCKSDB_KEYS_H

#include "aviary/storage.h"

enum { LOG_KEY_SIZE = 16, STATE_KEY_SIZE = 9, STATE_CHECKSUM_SIZE = 4, STORAGE_FORMAT = 1 };

/* Kinds of STORAGE_GROUP_BROKER beside those of enum storage_state; only storage writes them. */
enum broker_state {
    BROKER_STATE_FORMAT = 0xFC,       /* u32: STORAGE_FORMAT */
    BROKER_STATE_DISK_UUID = 0xFD,    /* 16 bytes */
    BROKER_STATE_LAST_COMMIT = 0xFE,  /* u64: number of the last commit, from FIRST_COMMIT on */
    BROKER_STATE_COMMIT_COUNT = 0xFF, /* u64 without a checksum: a sum, every commit merges 1 into it */
};

struct log_key {
    uint8_t bytes[LOG_KEY_SIZE];
};

struct state_key {
    uint8_t bytes[STATE_KEY_SIZE];
};

static inline struct log_key log_key_make(uint64_t group, uint64_t index) {
    struct log_key key;
    bytes_put_u64be(key.bytes, group);
    bytes_put_u64be(key.bytes + 8, index);
    return key;
}

/* The key after that of (group, index). */
static inline struct log_key log_key_after(uint64_t group, uint64_t index) {
    return index == UINT64_MAX ? log_key_make(group + 1, 0) : log_key_make(group, index + 1);
}

static inline struct state_key state_key_make(uint64_t group, unsigned kind) {
    struct state_key key;
    bytes_put_u64be(key.bytes, group);
    key.bytes[8] = (uint8_t)kind;
    return key;
}

static inline uint32_t state_checksum(const struct state_key *key, struct slice bytes) {
    return crc32c_extend(crc32c(slice_make(key->bytes, STATE_KEY_SIZE)), bytes);
}

#endif
