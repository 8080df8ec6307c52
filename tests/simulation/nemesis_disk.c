#include "nemesis_kinds.h"
#include "simulation.h"

static void disk_calms(struct simulation *simulation, const struct event *event) {
    if (!simulation->recovery.begun) {
        disk_calm(event->subject);
    }
}

static void disk_calms_later(struct simulation *simulation, struct disk *disk) {
    scheduler_add(
        &simulation->scheduler,
        (struct event){.at_us = simulation->scheduler.now_us + 1000 * (100 + nemesis_below(simulation, 3000)),
                       .run = disk_calms,
                       .subject = disk});
}

void nemesis_slow_disk(struct simulation *simulation) {
    struct disk *disk = &nemesis_victim(simulation)->disk;
    disk->sync_us = 1000 * nemesis_below(simulation, 1000);
    disk->jitter_us = 1000 * nemesis_below(simulation, 1000);
    count(simulation, STATISTIC_SLOW_DISKS);
    disk_calms_later(simulation, disk);
}

void nemesis_full_disk(struct simulation *simulation) {
    struct disk *disk = &nemesis_any_broker(simulation)->disk;
    storage_memory_set_writable(disk->memory, STATUS_NO_SPACE);
    count(simulation, STATISTIC_FULL_DISKS);
    disk_calms_later(simulation, disk);
}

void nemesis_fail_write(struct simulation *simulation) {
    static const enum status statuses[] = {STATUS_IO, STATUS_NO_SPACE, STATUS_CORRUPT};
    struct disk *disk = &nemesis_victim(simulation)->disk;
    if (disk->syncing) {
        disk->fails = statuses[nemesis_below(simulation, sizeof statuses / sizeof statuses[0])];
    }
}

/* Whether the group bears the loss of that broker's disk: whatever configuration holds in the end, a majority
 * of it keeps what it promised. A disk that is damaged keeps nothing for certain. */
static bool group_bears(struct simulation *simulation, const struct broker *at, uint64_t group,
                        const struct broker *lost) {
    struct node_member members[RAFT_MEMBERS_MAX];
    size_t count = node_members(at->node, group, members);
    size_t voters = 0;
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        struct broker *broker = simulation_broker_of(simulation, members[i].id);
        bool goes = broker && (broker == lost || !disk_is_whole(&broker->disk));
        /* A learner that is lost may just be about to vote. */
        voters += members[i].voter || goes;
        left += members[i].voter && broker != NULL && !goes;
    }
    return left > voters / 2 && replica_view_is_settled(at, group);
}

/* No topic is on its way that might put its replicas on the disk that goes. */
static bool metadata_is_settled(struct simulation *simulation, const struct broker *broker) {
    struct node_status status;
    return node_status(broker->node, METADATA_GROUP, &status) && status.applied_index == status.last_index &&
           status.applied_index == history_group(simulation, METADATA_GROUP)->commit_count;
}

static bool may_lose(struct simulation *simulation, const struct broker *lost) {
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        const struct broker *broker = &simulation->brokers[i];
        bool joins_later = broker->life == 0 && broker->incarnation == 0;
        if (joins_later && broker != lost) {
            continue;
        }
        if (!broker_is_up(broker) || !metadata_is_settled(simulation, broker)) {
            return false;
        }
        for (size_t g = 0; g < node_group_count(broker->node); g++) {
            if (!group_bears(simulation, broker, node_group_at(broker->node, g), lost)) {
                return false;
            }
        }
    }
    return simulation->incarnation_count + simulation->profile.brokers < SIMULATION_INCARNATIONS_MAX;
}

enum { TRIES = 100 };

/* Waits for a moment in which it may be, and not for ever. */
static void again_soon(struct simulation *simulation, const struct event *event) {
    if (event->number == 0) {
        return;
    }
    struct event next = *event;
    next.at_us = simulation->scheduler.now_us + 1000 * nemesis_below(simulation, 50);
    next.number--;
    scheduler_add(&simulation->scheduler, next);
}

static void lose_disk(struct simulation *simulation, struct broker *broker) {
    static const enum statistic statistics[DISK_FATES] = {
        [DISK_WIPED] = STATISTIC_WIPED_DISKS,
        [DISK_TAIL_LOST] = STATISTIC_LOST_TAILS,
        [DISK_MIDDLE_LOST] = STATISTIC_LOST_MIDDLES,
        [DISK_UNREADABLE] = STATISTIC_UNREADABLE_DISKS,
    };
    broker_crash(broker);
    enum disk_fate fate = (enum disk_fate)prng_between(&simulation->prng, DISK_WIPED, DISK_FATES - 1);
    if (!disk_has_witness(&broker->disk)) {
        fate = DISK_WIPED;
    }
    count(simulation, statistics[fate]);
    broker_lose_disk(broker, fate);
}

static void lose_disk_soon(struct simulation *simulation, const struct event *event) {
    struct broker *broker = nemesis_any_broker(simulation);
    if (simulation->recovery.begun) {
        return;
    }
    if (may_lose(simulation, broker)) {
        lose_disk(simulation, broker);
    } else {
        again_soon(simulation, event);
    }
}

void nemesis_lose_disk(struct simulation *simulation) {
    lose_disk_soon(simulation, &(struct event){.run = lose_disk_soon, .number = TRIES});
}

static bool damage(struct simulation *simulation, struct disk *disk) {
    switch (nemesis_below(simulation, 4)) {
    case 0:
        if (damage_rot_state(disk)) {
            count(simulation, STATISTIC_ROTTEN_STATES);
            return true;
        }
        return false;
    case 1:
        if (damage_misdirect(disk)) {
            count(simulation, STATISTIC_MISDIRECTED_WRITES);
            return true;
        }
        return false;
    default:
        if (damage_rot_entry(disk)) {
            count(simulation, STATISTIC_ROTTEN_ENTRIES);
            return true;
        }
        return false;
    }
}

/* A process that goes on has much of it in memory: often one begins anew over what is damaged. */
static void damage_soon(struct simulation *simulation, const struct event *event) {
    struct broker *broker = nemesis_any_broker(simulation);
    if (simulation->recovery.begun) {
        return;
    }
    if (!broker_is_up(broker) || !disk_is_idle(&broker->disk) || !disk_is_whole(&broker->disk) ||
        !may_lose(simulation, broker) || !damage(simulation, &broker->disk)) {
        again_soon(simulation, event);
        return;
    }
    if (prng_chance(&simulation->prng, 1, 2)) {
        broker_crash(broker);
        simulation_restart_later(simulation, broker);
    }
}

void nemesis_damage(struct simulation *simulation) {
    damage_soon(simulation, &(struct event){.run = damage_soon, .number = TRIES});
}
