/*
 * The file `witness` of a data directory: up to which commit the database is known to be durable. It lags
 * behind by some milliseconds (STORAGE_WITNESS_DELAY_MS), so it costs a commit nothing; a database that comes
 * back with fewer commits than its witness has seen has lost acknowledged writes.
 *
 * Two slots, at 0 and at WITNESS_SLOT_DISTANCE, written in turn and each synced: a torn write spoils one, and
 * the other is at most one refresh older. A slot, little-endian, 40 bytes:
 *    0 u32  crc32c of everything after this field
 *    4 [4]  "AVWT"
 *    8 u32  format, 1
 *   12 u32  0
 *   16 [16] disk uuid
 *   32 u64  number of the last durable commit
 */
#ifndef AVIARY_STORAGE_WITNESS_H
#define AVIARY_STORAGE_WITNESS_H

#include "aviary/base.h"

enum { WITNESS_SLOT_SIZE = 40, WITNESS_SLOT_DISTANCE = 4096, WITNESS_FORMAT = 1 };

struct witness_record {
    struct uuid disk_uuid;
    uint64_t commit;
};

void witness_encode(const struct witness_record *record, uint8_t ret_bytes[WITNESS_SLOT_SIZE]);
enum status witness_decode(const uint8_t bytes[WITNESS_SLOT_SIZE],
                           struct witness_record *ret_record) AVIARY_MUST_USE;

/* The newer of the slots that hold. NOT_FOUND: no file; CORRUPT: neither holds; IO. */
enum status witness_load(int directory, struct witness_record *ret_record,
                         struct error *error) AVIARY_MUST_USE;
/* Makes the file anew, both slots the same. */
enum status witness_store(int directory, const struct witness_record *record,
                          struct error *error) AVIARY_MUST_USE;

/* An open file that is refreshed. Threads: one. */
struct witness {
    int fd; /* -1: closed */
    struct witness_record record;
    unsigned slot; /* to be written next */
};

enum status witness_open(struct witness *witness, int directory, const struct witness_record *record,
                         struct error *error) AVIARY_MUST_USE;
/* Takes one that was never opened, with fd -1. */
void witness_close(struct witness *witness);
/* Writes and syncs, over blocks that are there already: needs no free space. */
enum status witness_refresh(struct witness *witness, uint64_t commit, struct error *error) AVIARY_MUST_USE;

#endif
