#include "key_table.h"

#include "aviary/base/assert.h"
#include "aviary/base/bytes.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16 };

void key_table_init(struct key_table *table, size_t count_max) {
    ASSERT(count_max > 0);
    ASSERT(count_max <= UINT32_MAX / 2);
    *table = (struct key_table){.count_max = count_max};
}

void key_table_finish(struct key_table *table) {
    free(table->ring);
    free(table->slots);
    *table = (struct key_table){.count_max = table->count_max};
}

void key_table_clear(struct key_table *table) {
    if (table->count > 0) {
        memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    }
    table->first = 0;
    table->count = 0;
}

/* A key is a hash already: any part of it spreads evenly. */
static uint32_t hash_of(const struct hash128 *key) {
    return bytes_get_u32le(key->bytes);
}

static size_t ring_position(const struct key_table *table, size_t age) {
    size_t position = table->first + age;
    return position < table->capacity ? position : position - table->capacity;
}

/* The slot that holds `key`, or the empty one where it would go; slot_count is above 0. */
static size_t slot_of(const struct key_table *table, const struct hash128 *key) {
    uint32_t hash = hash_of(key);
    size_t mask = table->slot_count - 1;
    size_t at = hash & mask;
    while (table->slots[at].position != 0) {
        const struct key_slot *slot = &table->slots[at];
        if (slot->hash == hash && hash128_equal(&table->ring[slot->position - 1].key, key)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return at;
}

const struct key_record *key_table_find(const struct key_table *table, const struct hash128 *key) {
    if (table->count == 0) {
        return NULL;
    }
    uint32_t position = table->slots[slot_of(table, key)].position;
    return position == 0 ? NULL : &table->ring[position - 1];
}

const struct key_record *key_table_at(const struct key_table *table, size_t age) {
    ASSERT(age < table->count);
    return &table->ring[ring_position(table, age)];
}

static size_t slots_for(size_t capacity) {
    size_t slot_count = 2 * CAPACITY_FIRST;
    while (slot_count < 2 * capacity) {
        slot_count *= 2;
    }
    return slot_count;
}

static void index_record(struct key_table *table, size_t position) {
    const struct hash128 *key = &table->ring[position].key;
    struct key_slot *slot = &table->slots[slot_of(table, key)];
    ASSERT(slot->position == 0);
    *slot = (struct key_slot){.hash = hash_of(key), .position = (uint32_t)(position + 1)};
}

/* Moves the records to the front of a larger ring and builds the index anew. */
static void move_to(struct key_table *table, struct key_record *ring, size_t capacity, struct key_slot *slots,
                    size_t slot_count) {
    for (size_t i = 0; i < table->count; i++) {
        ring[i] = *key_table_at(table, i);
    }
    free(table->ring);
    free(table->slots);
    table->ring = ring;
    table->capacity = capacity;
    table->first = 0;
    table->slots = slots;
    table->slot_count = slot_count;
    for (size_t i = 0; i < table->count; i++) {
        index_record(table, i);
    }
}

enum status key_table_reserve(struct key_table *table) {
    if (table->count < table->capacity || table->capacity == table->count_max) {
        return STATUS_OK;
    }
    size_t capacity = table->capacity > 0 ? 2 * table->capacity : CAPACITY_FIRST;
    if (capacity > table->count_max) {
        capacity = table->count_max;
    }
    size_t slot_count = slots_for(capacity);
    struct key_record *ring = malloc(capacity * sizeof *ring);
    struct key_slot *slots = calloc(slot_count, sizeof *slots);
    if (!ring || !slots) {
        free(ring);
        free(slots);
        return STATUS_NO_MEMORY;
    }
    move_to(table, ring, capacity, slots, slot_count);
    return STATUS_OK;
}

void key_table_push(struct key_table *table, const struct key_record *record) {
    ASSERT(table->count < table->capacity);
    size_t position = ring_position(table, table->count);
    table->ring[position] = *record;
    table->count++;
    index_record(table, position);
}

/*
 * Empties `hole` without a tombstone (Knuth, TAOCP 6.4, algorithm R): later records of the same run move up,
 * unless that would put them before the slot where their own search begins.
 */
static void slot_remove(struct key_table *table, size_t hole) {
    size_t mask = table->slot_count - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at].position != 0; at = (at + 1) & mask) {
        size_t home = table->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct key_slot){0};
}

void key_table_pop(struct key_table *table) {
    slot_remove(table, slot_of(table, &key_table_at(table, 0)->key));
    table->first = ring_position(table, 1);
    table->count--;
}
