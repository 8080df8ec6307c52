#include "raft_invariants.h"

#include "aviary/raft/entry.h"

#include <stdlib.h>

void invariants_init(struct invariants *invariants) {
    *invariants = (struct invariants){0};
}

void invariants_finish(struct invariants *invariants) {
    free(invariants->leaders);
    free(invariants->committed);
    invariants_init(invariants);
}

uint64_t invariants_value_of(const struct raft_entry *entry) {
    struct entry_header header;
    ASSERT(entry_check(blob_slice(entry->blob), 0, entry->index, &header) == STATUS_OK);
    ASSERT(header.term == entry->term && header.type == entry->type);
    struct slice payload = entry_payload(blob_slice(entry->blob));
    return payload.size >= 8 ? bytes_get_u64le(payload.data) : payload.size;
}

static void reserve_terms(struct invariants *invariants, uint64_t term) {
    size_t capacity = invariants->leader_capacity;
    if (term < capacity) {
        return;
    }
    size_t grown = (size_t)term * 2 + 16;
    invariants->leaders = realloc(invariants->leaders, grown * sizeof *invariants->leaders);
    ASSERT(invariants->leaders);
    memset(invariants->leaders + capacity, 0, (grown - capacity) * sizeof *invariants->leaders);
    invariants->leader_capacity = grown;
}

void invariants_leads(struct invariants *invariants, raft_id id, uint64_t term, const struct disk *log) {
    reserve_terms(invariants, term);
    ASSERT(invariants->leaders[term] == 0 || invariants->leaders[term] == id);
    if (invariants->leaders[term] == id) {
        return;
    }
    invariants->leaders[term] = id;
    ASSERT(disk_last_index(log) >= invariants->committed_count);
    for (uint64_t index = log->base_index + 1; index <= invariants->committed_count; index++) {
        const struct raft_entry *entry = disk_entry(log, index);
        ASSERT(entry);
        ASSERT(entry->term == invariants->committed[index - 1].term);
        ASSERT(invariants_value_of(entry) == invariants->committed[index - 1].value);
    }
}

uint64_t invariants_applies(struct invariants *invariants, uint64_t digest_before,
                            const struct raft_entry *entry) {
    uint64_t value = invariants_value_of(entry);
    uint64_t digest = (digest_before ^ value ^ entry->term << 32) * UINT64_C(1099511628211) + entry->index;
    if (entry->index <= invariants->committed_count) {
        const struct committed *first = &invariants->committed[entry->index - 1];
        ASSERT(first->term == entry->term);
        ASSERT(first->value == value);
        ASSERT(first->digest == digest);
        return digest;
    }
    ASSERT(entry->index == invariants->committed_count + 1);
    if (invariants->committed_count == invariants->committed_capacity) {
        invariants->committed_capacity = invariants->committed_capacity * 2 + 64;
        invariants->committed =
            realloc(invariants->committed, invariants->committed_capacity * sizeof *invariants->committed);
        ASSERT(invariants->committed);
    }
    invariants->committed[invariants->committed_count++] =
        (struct committed){.term = entry->term, .value = value, .digest = digest};
    return digest;
}

void invariants_installs(const struct invariants *invariants, uint64_t index, uint64_t digest) {
    ASSERT(index <= invariants->committed_count);
    ASSERT(invariants->committed[index - 1].digest == digest);
}

void invariants_logs_match(const struct disk *a, const struct disk *b) {
    uint64_t low = a->base_index > b->base_index ? a->base_index : b->base_index;
    uint64_t high = disk_last_index(a) < disk_last_index(b) ? disk_last_index(a) : disk_last_index(b);
    bool equal = false;
    for (uint64_t index = high; index > low; index--) {
        const struct raft_entry *in_a = disk_entry(a, index);
        const struct raft_entry *in_b = disk_entry(b, index);
        /* Once the terms are equal, all before is equal too. */
        ASSERT(!equal || in_a->term == in_b->term);
        equal = in_a->term == in_b->term;
        ASSERT(!equal || invariants_value_of(in_a) == invariants_value_of(in_b));
    }
}
