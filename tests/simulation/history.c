#include "history.h"

#include "operations.h"
#include "simulation.h"

#include <stdlib.h>

enum { SLOTS_MIN = 1024, TERMS_MIN = 64, TERM_LIMIT = 100000 };

static void group_history_destroy(struct group_history *group) {
    if (group == NULL) {
        return;
    }
    free(group->entries);
    free(group->slots);
    free(group->commits);
    free(group->leaders);
    free(group->commit_upto);
    free(group->votes);
    free(group);
}

void history_finish(struct history *history) {
    for (size_t i = 0; i < history->group_capacity; i++) {
        group_history_destroy(history->groups[i]);
    }
    free(history->groups);
    *history = (struct history){0};
}

/* `array` with room for `count` elements; new ones are zero. */
static void *grown(void *array, size_t *capacity, size_t count, size_t element_size) {
    if (count <= *capacity) {
        return array;
    }
    size_t larger = *capacity * 2 > count ? *capacity * 2 : count;
    uint8_t *memory = realloc(array, larger * element_size);
    ASSERT(memory != NULL);
    memset(memory + *capacity * element_size, 0, (larger - *capacity) * element_size);
    *capacity = larger;
    return memory;
}

struct group_history *history_group(struct simulation *simulation, uint64_t id) {
    struct history *history = &simulation->history;
    history->groups = grown(history->groups, &history->group_capacity, id + 1, sizeof(void *));
    if (history->groups[id] == NULL) {
        struct group_history *group = calloc(1, sizeof *group);
        ASSERT(group != NULL);
        group->id = id;
        history->groups[id] = group;
    }
    return history->groups[id];
}

static size_t slot_of(const struct group_history *group, uint64_t index, uint64_t term) {
    uint64_t hash = (index * UINT64_C(0x9e3779b97f4a7c15)) ^ (term * UINT64_C(0xc2b2ae3d27d4eb4f));
    size_t slot = (size_t)(hash >> 20) & (group->slot_count - 1);
    while (group->slots[slot] != 0) {
        const struct history_entry *entry = &group->entries[group->slots[slot] - 1];
        if (entry->index == index && entry->term == term) {
            break;
        }
        slot = (slot + 1) & (group->slot_count - 1);
    }
    return slot;
}

const struct history_entry *history_find(const struct group_history *group, uint64_t index, uint64_t term) {
    if (group->slot_count == 0) {
        return NULL;
    }
    uint32_t position = group->slots[slot_of(group, index, term)];
    return position == 0 ? NULL : &group->entries[position - 1];
}

const struct history_entry *history_committed(const struct group_history *group, uint64_t index) {
    ASSERT(index > 0 && index <= group->commit_count);
    return &group->entries[group->commits[index - 1].entry];
}

static void rehash(struct group_history *group) {
    free(group->slots);
    group->slot_count = group->slot_count == 0 ? SLOTS_MIN : group->slot_count * 2;
    group->slots = calloc(group->slot_count, sizeof *group->slots);
    ASSERT(group->slots != NULL);
    for (size_t i = 0; i < group->entry_count; i++) {
        group->slots[slot_of(group, group->entries[i].index, group->entries[i].term)] = (uint32_t)i + 1;
    }
}

static void add_entry(struct group_history *group, const struct history_entry *entry) {
    if (group->entry_count * 2 >= group->slot_count) {
        rehash(group);
    }
    group->entries =
        grown(group->entries, &group->entry_capacity, group->entry_count + 1, sizeof *group->entries);
    group->entries[group->entry_count] = *entry;
    group->slots[slot_of(group, entry->index, entry->term)] = (uint32_t)++group->entry_count;
}

uint32_t history_checksum(const struct blob *blob) {
    return crc32c(slice_after(blob_slice(blob), sizeof(uint32_t)));
}

void history_append(struct simulation *simulation, struct group_history *group, const struct blob *blob,
                    const struct entry_header *header, uint64_t previous_term) {
    uint32_t checksum = history_checksum(blob);
    const struct history_entry *known = history_find(group, header->index, header->term);
    if (known == NULL) {
        struct history_entry entry = {
            .index = header->index,
            .term = header->term,
            .previous_term = previous_term,
            .checksum = checksum,
            .type = header->type,
            .base_offset = header->base_offset,
            .count = header->count,
            .append_time_ms = header->append_time_ms,
            .operation = operation_of_entry(simulation, group->id, blob, header),
        };
        add_entry(group, &entry);
        return;
    }
    if (known->checksum != checksum) {
        violation(simulation, "log matching: group %lu has two entries of index %lu and term %lu", group->id,
                  header->index, header->term);
    }
    if (previous_term != 0 && known->previous_term != 0 && known->previous_term != previous_term) {
        violation(simulation,
                  "log matching: group %lu: before index %lu of term %lu stands term %lu here and %lu there",
                  group->id, header->index, header->term, previous_term, known->previous_term);
    }
}

static void reserve_term(struct simulation *simulation, struct group_history *group, uint64_t term) {
    if (term >= TERM_LIMIT) {
        violation(simulation, "group %lu came to term %lu: elections never end", group->id, term);
    }
    size_t capacity = group->term_capacity;
    size_t count = term < TERMS_MIN ? TERMS_MIN : term + 1;
    group->leaders = grown(group->leaders, &capacity, count, sizeof *group->leaders);
    group->commit_upto = grown(group->commit_upto, &group->term_capacity, count, sizeof *group->commit_upto);
}

/* Each entry names the offset behind the last batch, and a time that is not before its. */
static void check_dense(struct simulation *simulation, struct group_history *group,
                        const struct history_entry *entry) {
    if (group->id == METADATA_GROUP) {
        return;
    }
    if (entry->base_offset != group->next_offset ||
        (entry->count == 0) == (entry->type == RAFT_ENTRY_RECORDS)) {
        violation(simulation, "offsets: group %lu index %lu begins at offset %ld, and %ld is next", group->id,
                  entry->index, entry->base_offset, group->next_offset);
    }
    if (entry->append_time_ms < group->last_time_ms) {
        violation(simulation, "times: group %lu index %lu was appended at %ld, behind %ld", group->id,
                  entry->index, entry->append_time_ms, group->last_time_ms);
    }
    group->last_time_ms = entry->append_time_ms;
    group->next_offset += entry->count;
}

void history_commit(struct simulation *simulation, struct group_history *group, uint64_t index,
                    uint64_t entry_term, uint64_t term) {
    reserve_term(simulation, group, term);
    if (group->commit_upto[term] < index) {
        group->commit_upto[term] = index;
    }
    if (index <= group->commit_count) {
        const struct history_entry *entry = history_committed(group, index);
        if (entry->term != entry_term) {
            violation(
                simulation,
                "state machine safety: group %lu index %lu was committed with term %lu and now with %lu",
                group->id, index, entry->term, entry_term);
        }
        struct history_commit *commit = &group->commits[index - 1];
        commit->commit_term = commit->commit_term < term ? commit->commit_term : term;
        return;
    }
    const struct history_entry *entry = history_find(group, index, entry_term);
    if (index != group->commit_count + 1 || entry == NULL) {
        violation(simulation, "group %lu: index %lu of term %lu is committed behind %zu, and unheard of",
                  group->id, index, entry_term, group->commit_count);
    }
    group->commits =
        grown(group->commits, &group->commit_capacity, group->commit_count + 1, sizeof *group->commits);
    group->commits[group->commit_count++] = (struct history_commit){
        .entry = (size_t)(entry - group->entries), .offset_before = group->next_offset, .commit_term = term};
    check_dense(simulation, group, entry);
    if (entry->operation != 0) {
        operation_committed(simulation, group, entry);
    }
}

void history_lead(struct simulation *simulation, struct group_history *group, raft_id id, uint64_t term) {
    reserve_term(simulation, group, term);
    if (group->leaders[term] != 0 && group->leaders[term] != id) {
        violation(simulation, "election safety: group %lu has leaders %lu and %lu in term %lu", group->id,
                  group->leaders[term], id, term);
    }
    group->leaders[term] = id;
}

void history_vote(struct simulation *simulation, struct group_history *group, raft_id voter, uint64_t term,
                  raft_id candidate) {
    ASSERT(voter < SIMULATION_INCARNATIONS_MAX && candidate < SIMULATION_INCARNATIONS_MAX);
    if (term >= TERM_LIMIT) {
        violation(simulation, "group %lu came to term %lu: elections never end", group->id, term);
    }
    group->votes = grown(group->votes, &group->votes_capacity, term + 1, sizeof *group->votes);
    uint8_t *vote = &group->votes[term].candidates[voter];
    if (*vote != 0 && *vote != candidate) {
        violation(simulation, "votes: group %lu: %lu voted in term %lu for %u and for %lu", group->id, voter,
                  term, *vote, candidate);
    }
    *vote = (uint8_t)candidate;
}

uint64_t history_committed_before(const struct group_history *group, uint64_t term) {
    uint64_t index = 0;
    for (uint64_t at = 0; at < term && at < group->term_capacity; at++) {
        index = group->commit_upto[at] > index ? group->commit_upto[at] : index;
    }
    return index;
}

void history_digest(struct simulation *simulation, struct group_history *group, uint64_t index,
                    uint32_t digest) {
    ASSERT(index > 0 && index <= group->commit_count);
    struct history_commit *commit = &group->commits[index - 1];
    if (commit->has_digest && commit->digest != digest) {
        violation(simulation, "state machine safety: group %lu has two states at index %lu", group->id,
                  index);
    }
    commit->has_digest = true;
    commit->digest = digest;
}
