#include "state.h"

#include "aviary/base/assert.h"

#include <stdlib.h>

static void sort_by_id(struct metadata_first_voter *voters, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct metadata_first_voter voter = voters[i];
        size_t at = i;
        for (; at > 0 && voters[at - 1].broker_id > voter.broker_id; at--) {
            voters[at] = voters[at - 1];
        }
        voters[at] = voter;
    }
}

static void insert_first_voters(struct metadata *metadata, const struct metadata_first_voter *voters,
                                size_t count) {
    struct metadata_first_voter sorted[FIRST_VOTERS_MAX];
    for (size_t i = 0; i < count; i++) {
        sorted[i] = voters[i];
    }
    sort_by_id(sorted, count);
    for (size_t i = 0; i < count; i++) {
        struct metadata_broker broker = {.id = sorted[i].broker_id, .disk_uuid = sorted[i].disk_uuid};
        ASSERT(broker.id > 0);
        ASSERT(i == 0 || broker.id > sorted[i - 1].broker_id);
        broker.incarnation = metadata_incarnation_give(metadata, broker.id);
        metadata_broker_insert(metadata, &broker);
    }
    metadata->first_voter_count = (uint32_t)count;
}

struct metadata *metadata_create(const struct uuid *cluster_id, const struct metadata_first_voter *voters,
                                 size_t count) {
    ASSERT(count <= FIRST_VOTERS_MAX);
    struct metadata *metadata = calloc(1, sizeof *metadata);
    if (!metadata) {
        return NULL;
    }
    metadata->owners = malloc(FIRST_VOTERS_MAX * sizeof *metadata->owners);
    if (!metadata->owners) {
        free(metadata);
        return NULL;
    }
    metadata->incarnation_capacity = FIRST_VOTERS_MAX;
    metadata->cluster_id = *cluster_id;
    metadata->next_group = 1;
    insert_first_voters(metadata, voters, count);
    return metadata;
}

void metadata_release(struct metadata *metadata) {
    for (size_t i = 0; i < metadata->topic_count; i++) {
        metadata_topic_destroy(metadata->by_name[i]);
    }
    free(metadata->by_name);
    free(metadata->by_group);
    free(metadata->owners);
}

void metadata_destroy(struct metadata *metadata) {
    if (!metadata) {
        return;
    }
    metadata_release(metadata);
    free(metadata);
}

void metadata_first_configuration(size_t voter_count, struct raft_configuration *ret) {
    ASSERT(voter_count > 0);
    ASSERT(voter_count <= FIRST_VOTERS_MAX);
    *ret = (struct raft_configuration){.count = (uint32_t)voter_count};
    for (uint32_t i = 0; i < ret->count; i++) {
        ret->members[i] = (struct raft_member){.id = i + 1, .voter = true};
    }
}

uint64_t metadata_applied_index(const struct metadata *metadata) {
    return metadata->applied_index;
}

const struct uuid *metadata_cluster_id(const struct metadata *metadata) {
    return &metadata->cluster_id;
}

size_t metadata_first_voter_count(const struct metadata *metadata) {
    return metadata->first_voter_count;
}

uint64_t metadata_next_group(const struct metadata *metadata) {
    return metadata->next_group;
}
