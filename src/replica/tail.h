/*
 * The tail: a group's most recent entries, dense, in memory. What is not yet persisted or not yet applied is
 * never evicted; beyond that it is a cache for sending to followers.
 */
#ifndef REPLICA_TAIL_H
#define REPLICA_TAIL_H

#include "aviary/raft/types.h"

struct tail {
    struct raft_entry *slots; /* a ring of `capacity` (a power of two) */
    size_t capacity;
    size_t head;
    size_t count;
    size_t bytes;
};

void tail_finish(struct tail *tail);
/* Takes one reference of entry->blob. The index must follow the last one. NO_MEMORY: nothing changed,
 * reference not taken. */
enum status tail_append(struct tail *tail, const struct raft_entry *entry) AVIARY_MUST_USE;
/* Drops entries at and above `from`. */
void tail_truncate(struct tail *tail, uint64_t from);
/* Drops everything. */
void tail_clear(struct tail *tail);
/* Drops the oldest while there are more than `bytes_max` bytes, but only at or below `index_max`. */
void tail_evict(struct tail *tail, size_t bytes_max, uint64_t index_max);
/* The first index here; UINT64_MAX: empty. Storage may hold other entries from there on, as long as the batch
 * that replaces them is under way: what is read from it must end before. */
uint64_t tail_first(const struct tail *tail);
/* Borrowed; NULL where `index` is not here. */
const struct raft_entry *tail_find(const struct tail *tail, uint64_t index);

#endif
