/*
 * The members that the metadata wants a group to have.
 */
#include "aviary/base/assert.h"
#include "aviary/metadata/reconcile.h"

void reconcile_partition_wanted(const struct metadata_partition *partition, struct raft_configuration *ret) {
    *ret = (struct raft_configuration){.count = partition->replica_count};
    for (uint32_t r = 0; r < partition->replica_count; r++) {
        ret->members[r] = (struct raft_member){.id = partition->replicas[r], .voter = true};
    }
}

/* Adds a broker that is not there yet, as long as there are fewer than `count_max` members. */
static void add(struct raft_configuration *configuration, raft_id id, bool voter, size_t count_max) {
    if (configuration->count < count_max && !raft_configuration_find(configuration, id)) {
        configuration->members[configuration->count++] = (struct raft_member){.id = id, .voter = voter};
    }
}

void reconcile_metadata_wanted(const struct metadata *metadata, const struct raft_configuration *now,
                               size_t voters_max, struct raft_configuration *ret) {
    size_t brokers = metadata_broker_count(metadata);
    size_t voters = voters_max < brokers ? voters_max : brokers;
    ASSERT(voters > 0);
    voters -= voters % 2 == 0;
    struct raft_configuration wanted = {.count = 0};
    for (size_t i = 0; i < brokers; i++) {
        raft_id id = metadata_broker_at(metadata, i)->incarnation;
        const struct raft_member *member = raft_configuration_find(now, id);
        if (member && member->voter) {
            add(&wanted, id, true, voters);
        }
    }
    for (size_t i = 0; i < brokers; i++) {
        add(&wanted, metadata_broker_at(metadata, i)->incarnation, true, voters);
    }
    for (size_t i = 0; i < brokers; i++) {
        add(&wanted, metadata_broker_at(metadata, i)->incarnation, false, RAFT_MEMBERS_MAX);
    }
    *ret = wanted;
}

bool reconcile_lost(const struct metadata *metadata, const struct raft_configuration *now,
                    raft_id ret_lost[RAFT_MEMBERS_MAX], size_t *ret_count) {
    size_t count = 0;
    for (uint32_t i = 0; i < now->count; i++) {
        raft_id id = now->members[i].id;
        if (!metadata_incarnation_is_past(metadata, id)) {
            return false;
        }
        if (!metadata_broker_by_incarnation(metadata, id)) {
            ret_lost[count++] = id;
        }
    }
    *ret_count = count;
    return true;
}
