#include "recovery.h"

#include "operations.h"
#include "simulation.h"

enum { CHECK_US = 200000, SETTLE_US = 2000000, BOUND_US = 30000000, LATENCY_US = 200, SYNC_US = 1000 };

static void heal(struct simulation *simulation) {
    struct network *network = &simulation->network;
    network_heal(simulation);
    network->latency_us = LATENCY_US;
    network->jitter_us = LATENCY_US;
    network->drop_per_million = 0;
    network->repeat_per_million = 0;
    network->straggler_per_million = 0;
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        struct broker *broker = &simulation->brokers[i];
        disk_calm(&broker->disk);
        broker->disk.sync_us = SYNC_US;
        broker->disk.jitter_us = SYNC_US;
        broker->disk.fails = STATUS_OK;
        if (!disk_is_whole(&broker->disk)) {
            broker_lose_disk(broker, DISK_WIPED);
        } else if (!broker_is_up(broker) && broker->incarnation != 0) {
            broker_start(broker);
        }
    }
}

/* Who leads, in the highest term; NULL: nobody who is ready. */
static struct broker *leader_of(struct simulation *simulation, uint64_t group,
                                struct node_status *ret_status) {
    struct broker *leader = NULL;
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        struct broker *broker = &simulation->brokers[i];
        struct node_status status;
        if (broker_is_up(broker) && node_status(broker->node, group, &status) && status.ready &&
            (leader == NULL || status.term > ret_status->term)) {
            leader = broker;
            *ret_status = status;
        }
    }
    return leader;
}

/* What is still wrong; NULL: nothing. */
static const char *look_at_replica(const struct broker *broker, const struct node_status *leader,
                                   uint32_t digest) {
    struct node_status status;
    uint32_t own;
    if (!broker_is_up(broker) || broker_is_paused(broker) ||
        !node_status(broker->node, leader->group, &status) ||
        !node_digest(broker->node, leader->group, &own)) {
        return "a replica is missing";
    }
    if (status.commit_index != leader->last_index || status.applied_index != leader->last_index ||
        status.last_index != leader->last_index) {
        return "a replica is behind";
    }
    return own == digest ? NULL : "two replicas differ";
}

static const char *look_at_group(struct simulation *simulation, uint64_t group, const raft_id *voters,
                                 size_t voter_count, size_t member_count) {
    struct node_status leader_status = {0};
    const struct broker *leader = leader_of(simulation, group, &leader_status);
    uint32_t digest;
    if (leader == NULL || !node_digest(leader->node, group, &digest)) {
        return "there is no leader";
    }
    struct node_member members[RAFT_MEMBERS_MAX];
    size_t count = node_members(leader->node, group, members);
    size_t voting = 0;
    for (size_t i = 0; i < count; i++) {
        const struct broker *broker = simulation_broker_of(simulation, members[i].id);
        const char *wrong =
            broker ? look_at_replica(broker, &leader_status, digest) : "a lost disk is a member";
        if (wrong) {
            return wrong;
        }
        voting += members[i].voter;
    }
    for (size_t i = 0; i < voter_count && voters; i++) {
        bool votes = false;
        for (size_t m = 0; m < count; m++) {
            votes = votes || (members[m].id == voters[i] && members[m].voter);
        }
        if (!votes) {
            return "one who should vote does not";
        }
    }
    return count == member_count && voting == voter_count ? NULL : "the members are not those wanted";
}

/* A record of now is committed. */
static bool probe(struct simulation *simulation, uint64_t group) {
    struct recovery *recovery = &simulation->recovery;
    size_t at = 0;
    while (at < recovery->probe_count && recovery->probes[at].group != group) {
        at++;
    }
    if (at == recovery->probe_count) {
        ASSERT(at < ADMIN_PARTITIONS_MAX);
        recovery->probes[recovery->probe_count++].group = group;
    }
    uint64_t *operation = &recovery->probes[at].operation;
    if (*operation != 0 && operation_at(simulation, *operation)->committed) {
        return true;
    }
    struct node_status status;
    const struct broker *leader = leader_of(simulation, group, &status);
    if (leader) {
        *operation = clients_probe(simulation, leader->position, group);
    }
    return false;
}

static const char *look_at_partition(struct simulation *simulation,
                                     const struct metadata_partition *partition, uint64_t *ret_group) {
    *ret_group = partition->group;
    const char *wrong = look_at_group(simulation, partition->group, partition->replicas,
                                      partition->replica_count, partition->replica_count);
    if (wrong == NULL && !probe(simulation, partition->group)) {
        wrong = "nothing was committed yet";
    }
    return wrong;
}

static const char *look_at_partitions(struct simulation *simulation, const struct metadata *metadata,
                                      uint64_t *ret_group) {
    size_t replicas = 0;
    size_t here = 0;
    for (size_t i = 0; i < metadata_topic_count(metadata); i++) {
        const struct metadata_topic *topic = metadata_topic_at(metadata, i);
        for (uint32_t p = 0; p < topic->partition_count; p++) {
            const char *wrong = look_at_partition(simulation, &topic->partitions[p], ret_group);
            if (wrong) {
                return wrong;
            }
            replicas += topic->partitions[p].replica_count;
        }
    }
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        here += node_group_count(simulation->brokers[i].node) - 1;
    }
    return here == replicas ? NULL : "a replica of a deleted partition is still there";
}

static const char *look(struct simulation *simulation, uint64_t *ret_group) {
    const struct profile *profile = &simulation->profile;
    *ret_group = METADATA_GROUP;
    const char *wrong =
        look_at_group(simulation, METADATA_GROUP, NULL, profile->metadata_voters, profile->brokers);
    struct node_status status;
    const struct broker *controller = leader_of(simulation, METADATA_GROUP, &status);
    if (wrong == NULL && simulation->admin.attempt != 0) {
        wrong = "a command is under way";
    }
    return wrong ? wrong : look_at_partitions(simulation, node_metadata(controller->node), ret_group);
}

/* Every replica's log, entry by entry. */
static void check_logs(struct simulation *simulation) {
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        struct broker *broker = &simulation->brokers[i];
        for (size_t g = 0; g < node_group_count(broker->node); g++) {
            struct node_status status;
            uint64_t group = node_group_at(broker->node, g);
            ASSERT(node_status(broker->node, group, &status));
            for (uint64_t index = status.first_index; index <= status.applied_index; index++) {
                ASSERT(simulation_check_stored(simulation, broker, group, index));
            }
        }
    }
}

static void check(struct simulation *simulation, const struct event *event) {
    uint64_t group;
    const char *wrong = look(simulation, &group);
    struct event next = *event;
    if (wrong == NULL && event->number > 0) {
        check_logs(simulation);
        operations_check_answered(simulation);
        readings_check_ended(simulation);
        simulation->recovery.done = true;
        return;
    }
    if (simulation->scheduler.now_us >= simulation->recovery.until_us) {
        violation(simulation, "no recovery: group %lu: %s", group, wrong);
    }
    /* Twice, so that what was under way the first time has ended. */
    next.number = wrong == NULL;
    next.at_us = simulation->scheduler.now_us + (wrong ? CHECK_US : SETTLE_US);
    scheduler_add(&simulation->scheduler, next);
}

void recovery_start(struct simulation *simulation) {
    simulation->recovery.begun = true;
    simulation->recovery.until_us = simulation->scheduler.now_us + BOUND_US;
    trace_event(simulation, "recovery", 0, 0, 0, 0);
    heal(simulation);
    scheduler_add(&simulation->scheduler,
                  (struct event){.at_us = simulation->scheduler.now_us + CHECK_US, .run = check});
}
