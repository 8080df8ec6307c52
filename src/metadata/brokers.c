/*
 * The table of brokers and the history of incarnations.
 */
#include "aviary/base/assert.h"
#include "state.h"

#include <stdlib.h>

size_t metadata_broker_position(const struct metadata *metadata, uint32_t id) {
    size_t low = 0;
    size_t high = metadata->broker_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (metadata->brokers[middle].broker.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool stands_at(const struct metadata *metadata, size_t position, uint32_t id) {
    return position < metadata->broker_count && metadata->brokers[position].broker.id == id;
}

struct broker_entry *metadata_broker_find(struct metadata *metadata, uint32_t id) {
    size_t position = metadata_broker_position(metadata, id);
    return stands_at(metadata, position, id) ? &metadata->brokers[position] : NULL;
}

void metadata_broker_insert(struct metadata *metadata, const struct metadata_broker *broker) {
    ASSERT(metadata->broker_count < BROKERS_MAX);
    size_t position = metadata_broker_position(metadata, broker->id);
    struct broker_entry *at = &metadata->brokers[position];
    memmove(at + 1, at, (metadata->broker_count - position) * sizeof *at);
    *at = (struct broker_entry){.broker = *broker};
    metadata->broker_count++;
}

enum status metadata_incarnation_reserve(struct metadata *metadata) {
    if (metadata->incarnation_count == INCARNATIONS_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (metadata->incarnation_count < metadata->incarnation_capacity) {
        return STATUS_OK;
    }
    size_t capacity = 2 * metadata->incarnation_capacity;
    if (capacity > INCARNATIONS_MAX) {
        capacity = INCARNATIONS_MAX;
    }
    uint32_t *owners = realloc(metadata->owners, capacity * sizeof *owners);
    if (!owners) {
        return STATUS_NO_MEMORY;
    }
    metadata->owners = owners;
    metadata->incarnation_capacity = capacity;
    return STATUS_OK;
}

raft_id metadata_incarnation_give(struct metadata *metadata, uint32_t broker_id) {
    ASSERT(metadata->incarnation_count < metadata->incarnation_capacity);
    metadata->owners[metadata->incarnation_count] = broker_id;
    metadata->incarnation_count++;
    return metadata->incarnation_count;
}

size_t metadata_broker_count(const struct metadata *metadata) {
    return metadata->broker_count;
}

const struct metadata_broker *metadata_broker_at(const struct metadata *metadata, size_t position) {
    ASSERT(position < metadata->broker_count);
    return &metadata->brokers[position].broker;
}

const struct metadata_broker *metadata_broker_by_id(const struct metadata *metadata, uint32_t id) {
    size_t position = metadata_broker_position(metadata, id);
    return stands_at(metadata, position, id) ? &metadata->brokers[position].broker : NULL;
}

uint32_t metadata_broker_id_of(const struct metadata *metadata, raft_id incarnation) {
    if (incarnation == 0 || incarnation > metadata->incarnation_count) {
        return 0;
    }
    return metadata->owners[incarnation - 1];
}

bool metadata_incarnation_is_past(const struct metadata *metadata, raft_id incarnation) {
    return incarnation <= metadata->incarnation_count;
}

const struct metadata_broker *metadata_broker_by_incarnation(const struct metadata *metadata,
                                                             raft_id incarnation) {
    uint32_t id = metadata_broker_id_of(metadata, incarnation);
    const struct metadata_broker *broker = id == 0 ? NULL : metadata_broker_by_id(metadata, id);
    return broker && broker->incarnation == incarnation ? broker : NULL;
}
