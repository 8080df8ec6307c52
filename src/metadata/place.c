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

/* Fewest replicas first: that keeps the replicas even. Where they are, fewest led, so that the leaders can
 * be.
 */
static bool is_better(const struct candidate *a, const struct candidate *b) {
    if (a->replicas != b->replicas) {
        return a->replicas < b->replicas;
    }
    return a->leaders != b->leaders ? a->leaders < b->leaders : a->tie < b->tie;
}

/* NULL: nobody is left with room. */
static struct candidate *choose_replica(struct field *field) {
    struct candidate *best = NULL;
    for (size_t i = 0; i < field->count; i++) {
        struct candidate *candidate = &field->candidates[i];
        bool may = !candidate->taken && candidate->replicas < GROUPS_PER_BROKER_MAX;
        if (may && (!best || is_better(candidate, best))) {
            best = candidate;
        }
    }
    return best;
}

/* Between two that lead as few: the one with more replicas, whose turn as replica comes later. */
static bool leads_better(const struct candidate *a, const struct candidate *b) {
    return a->leaders != b->leaders ? a->leaders < b->leaders : a->replicas > b->replicas;
}

/* Moves the one that should lead to the front, the preferred leader's place. */
static void choose_leader(struct candidate **chosen, uint32_t count) {
    uint32_t leader = 0;
    for (uint32_t r = 1; r < count; r++) {
        if (leads_better(chosen[r], chosen[leader])) {
            leader = r;
        }
    }
    struct candidate *candidate = chosen[leader];
    chosen[leader] = chosen[0];
    chosen[0] = candidate;
    candidate->leaders++;
}

static enum status place_partition(struct field *field, struct prng *prng, uint32_t replication_factor,
                                   struct metadata_assignment *ret_assignment) {
    struct candidate *chosen[REPLICATION_FACTOR_MAX];
    for (size_t i = 0; i < field->count; i++) {
        field->candidates[i].taken = false;
        field->candidates[i].tie = prng_next(prng);
    }
    for (uint32_t r = 0; r < replication_factor; r++) {
        chosen[r] = choose_replica(field);
        if (!chosen[r]) {
            return STATUS_TOO_LARGE;
        }
        chosen[r]->taken = true;
        chosen[r]->replicas++;
    }
    choose_leader(chosen, replication_factor);
    *ret_assignment = (struct metadata_assignment){.count = replication_factor};
    for (uint32_t r = 0; r < replication_factor; r++) {
        ret_assignment->replicas[r] = chosen[r]->incarnation;
    }
    return STATUS_OK;
}

static struct candidate *find(struct field *field, raft_id incarnation) {
    struct candidate *candidate = field->candidates;
    while (candidate->incarnation != incarnation) {
        candidate++;
    }
    return candidate;
}

/* Hands a partition's lead to a replica that leads at least two fewer. */
static bool hand_over(struct field *field, struct metadata_assignment *assignment) {
    struct candidate *leader = find(field, assignment->replicas[0]);
    for (uint32_t r = 1; r < assignment->count; r++) {
        struct candidate *other = find(field, assignment->replicas[r]);
        if (leader->leaders > other->leaders + 1) {
            leader->leaders--;
            other->leaders++;
            assignment->replicas[0] = other->incarnation;
            assignment->replicas[r] = leader->incarnation;
            return true;
        }
    }
    return false;
}

/* One partition after the other cannot foresee who will need a lead: repaired once all stand. Ends, because
 * each change brings two counts closer together. */
static void even_leaders(struct field *field, struct metadata_assignment *assignments, uint32_t count) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t p = 0; p < count; p++) {
            changed = hand_over(field, &assignments[p]) || changed;
        }
    }
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
    if (status == STATUS_OK) {
        even_leaders(&field, ret_assignments, partition_count);
    }
    return status;
}
