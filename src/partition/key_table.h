/*
 * The idempotency keys of a partition in log order: a ring that forgets its oldest, and an open-addressing
 * hash index over it, so that find, push and pop take constant time. Both grow by doubling and never shrink
 * but by finish.
 */
#ifndef AVIARY_PARTITION_KEY_TABLE_H
#define AVIARY_PARTITION_KEY_TABLE_H

#include "aviary/partition.h"

struct key_record {
    struct hash128 key;
    struct hash128 payload;
    struct partition_answer answer;
};

struct key_slot {
    uint32_t hash;     /* of the record's key, so that probing and growing need not touch the ring */
    uint32_t position; /* in the ring, counted from 1; 0: the slot is empty */
};

struct key_table {
    struct key_record *ring;
    size_t capacity; /* records allocated */
    size_t first;    /* where the oldest record stands */
    size_t count;
    size_t count_max; /* capacity never grows beyond */
    struct key_slot *slots;
    size_t slot_count; /* a power of two, at least twice the capacity; 0 before the first record */
};

/* An empty table that allocates nothing yet; `count_max` from 1 to UINT32_MAX / 2. */
void key_table_init(struct key_table *table, size_t count_max);
/* Frees all. Takes a table that was init-ed or zeroed. */
void key_table_finish(struct key_table *table);
/* Empties, keeps the memory. */
void key_table_clear(struct key_table *table);

/* NULL: not there. Valid until the next change. */
const struct key_record *key_table_find(const struct key_table *table, const struct hash128 *key);
/* The record that is `age` places younger than the oldest; `age` below count. */
const struct key_record *key_table_at(const struct key_table *table, size_t age);
/* Makes sure that the next push has memory; nothing to do where count is count_max. NO_MEMORY. */
enum status key_table_reserve(struct key_table *table) AVIARY_MUST_USE;
/* Adds the youngest record. Room was reserved, count is below count_max, the key is not there. */
void key_table_push(struct key_table *table, const struct key_record *record);
/* Forgets the oldest record; count above 0. */
void key_table_pop(struct key_table *table);

#endif
