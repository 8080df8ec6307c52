/*
 * Placement: greedy, one partition after the other, each replica where there is least so far.
 */
#include "aviary/base/prng.h"
#include "state.h"

struct candidate {
    raft_id incarnation;
    uint32_t leaders;
    uint32_t replicas;
    uint64_t tie; /* drawn anew for each partition, so that the neighbours of a broker vary */
    bool taken;   /* holds a replica of the partition at hand */
};

struct field {
    struct candidate candidates[BROKERS_MAX];
    size_t count;
};

static enum status gather(const struct metadata *metadata, const raft_id *brokers, size_t count,
                          struct field *field) {
    for (size_t i = 0; i < count; i++) {
        const struct metadata_broker *broker = metadata_broker_by_incarnation(metadata, brokers[i]);
        if (!broker) {
            return STATUS_INVALID;
        }
        for (size_t k = 0; k < i; k++) {
            if (brokers[k] == brokers[i]) {
                return STATUS_INVALID;
            }
        }
        const struct broker_entry *entry = &metadata->brokers[metadata_broker_position(metadata, broker->id)];
        field->candidates[i] = (struct candidate){
            .incarnation = brokers[i], .leaders = entry->leader_count, .replicas = entry->replica_count};
    }
    field->count = count;
    return STATUS_OK;
}

static bool is_better(const struct candidate *a, const struct candidate *b, bool as_leader) {
    if (as_leader && a->leaders != b->leaders) {
        return a->leaders < b->leaders;
    }
    return a->replicas != b->replicas ? a->replicas < b->replicas : a->tie < b->tie;
}

/* NULL: nobody is left with room. */
static struct candidate *choose(struct field *field, bool as_leader) {
    struct candidate *best = NULL;
    for (size_t i = 0; i < field->count; i++) {
        struct candidate *candidate = &field->candidates[i];
        if (candidate->taken || candidate->replicas >= GROUPS_PER_BROKER_MAX) {
            continue;
        }
        if (!best || is_better(candidate, best, as_leader)) {
            best = candidate;
        }
    }
    return best;
}

static enum status place_partition(struct field *field, struct prng *prng, uint32_t replication_factor,
                                   struct metadata_assignment *ret_assignment) {
    for (size_t i = 0; i < field->count; i++) {
        field->candidates[i].taken = false;
        field->candidates[i].tie = prng_next(prng);
    }
    *ret_assignment = (struct metadata_assignment){.count = replication_factor};
    for (uint32_t r = 0; r < replication_factor; r++) {
        struct candidate *chosen = choose(field, r == 0);
        if (!chosen) {
            return STATUS_TOO_LARGE;
        }
        chosen->taken = true;
        chosen->replicas++;
        chosen->leaders += r == 0;
        ret_assignment->replicas[r] = chosen->incarnation;
    }
    return STATUS_OK;
}

enum status metadata_place(const struct metadata *metadata, const raft_id *brokers, size_t broker_count,
                           uint32_t partition_count, uint32_t replication_factor, uint64_t seed,
                           struct metadata_assignment *ret_assignments) {
    if (broker_count > BROKERS_MAX || partition_count == 0 || partition_count > PARTITIONS_PER_TOPIC_MAX ||
        replication_factor == 0 || replication_factor > REPLICATION_FACTOR_MAX) {
        return STATUS_INVALID;
    }
    struct field field;
    enum status status = gather(metadata, brokers, broker_count, &field);
    if (status != STATUS_OK) {
        return status;
    }
    if (broker_count < replication_factor) {
        return STATUS_UNAVAILABLE;
    }
    struct prng prng;
    prng_init(&prng, seed);
    for (uint32_t p = 0; p < partition_count && status == STATUS_OK; p++) {
        status = place_partition(&field, &prng, replication_factor, &ret_assignments[p]);
    }
    return status;
}
