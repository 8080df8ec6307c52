#include "nemesis.h"

#include "simulation.h"

struct nemesis_kind {
    void (*strike)(struct simulation *simulation);
    uint64_t (*interval_ms)(const struct fault_intervals *intervals);
};

static uint64_t below(struct simulation *simulation, uint64_t bound) {
    return prng_below(&simulation->prng, bound);
}

static struct broker *any_broker(struct simulation *simulation) {
    return &simulation->brokers[below(simulation, simulation->profile.brokers)];
}

/* For faults of one broker: now and then one that leads some group. */
static struct broker *victim(struct simulation *simulation) {
    struct broker *broker = any_broker(simulation);
    if (!prng_chance(&simulation->prng, simulation->profile.faults.leader_percent, 100) ||
        !broker_is_up(broker)) {
        return broker;
    }
    struct node_status status;
    uint64_t group = node_group_at(broker->node, below(simulation, node_group_count(broker->node)));
    ASSERT(node_status(broker->node, group, &status));
    struct broker *leader = simulation_broker_of(simulation, status.leader);
    return leader ? leader : broker;
}

static void crash_broker(struct simulation *simulation, struct broker *broker) {
    if (!broker_is_up(broker)) {
        return;
    }
    if (prng_chance(&simulation->prng, 1, 5) && !broker_is_paused(broker)) {
        broker_stop(broker);
    } else {
        broker_crash(broker);
    }
    simulation_restart_later(simulation, broker);
}

static void crash(struct simulation *simulation) {
    crash_broker(simulation, victim(simulation));
}

static void power_loss(struct simulation *simulation) {
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        crash_broker(simulation, &simulation->brokers[i]);
    }
}

static void pause_broker(struct simulation *simulation, struct broker *broker) {
    if (broker_is_up(broker) && !broker_is_paused(broker)) {
        broker_pause(broker,
                     1000 * (1 + below(simulation, prng_chance(&simulation->prng, 1, 4) ? 5000 : 500)));
    }
}

static void pause_some(struct simulation *simulation) {
    if (!prng_chance(&simulation->prng, 1, 8)) {
        pause_broker(simulation, victim(simulation));
        return;
    }
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        pause_broker(simulation, &simulation->brokers[i]);
    }
}

enum cut_kind { CUT_ISOLATE, CUT_PARTS, CUT_ONE_WAY, CUT_BRIDGE, CUT_RING, CUT_KINDS };

/* How the network is parted. */
struct cut {
    enum cut_kind kind;
    size_t brokers;
    size_t first;  /* whom it is about */
    uint64_t mask; /* PARTS: who is on which side */
    bool reverse;  /* ONE_WAY: it cannot send, or it cannot hear */
};

static struct cut draw_cut(struct simulation *simulation, enum cut_kind kind, size_t first) {
    return (struct cut){
        .kind = kind,
        .brokers = simulation->profile.brokers,
        .first = first,
        .mask = below(simulation, UINT64_C(1) << simulation->profile.brokers),
        .reverse = prng_chance(&simulation->prng, 1, 2),
    };
}

static bool is_cut(const struct cut *cut, size_t from, size_t to) {
    size_t a = (from + cut->brokers - cut->first) % cut->brokers; /* counted from the first one on */
    size_t b = (to + cut->brokers - cut->first) % cut->brokers;
    switch (cut->kind) {
    case CUT_ISOLATE:
        return a == 0 || b == 0;
    case CUT_PARTS:
        return (cut->mask >> from & 1) != (cut->mask >> to & 1);
    case CUT_ONE_WAY:
        return cut->reverse ? b == 0 : a == 0;
    case CUT_BRIDGE: /* all hear the first, and nobody else */
        return a != 0 && b != 0;
    case CUT_RING: /* all hear their neighbours */
        return (a + 1) % cut->brokers != b && (b + 1) % cut->brokers != a;
    case CUT_KINDS:
        break;
    }
    return false;
}

static void network_whole_again(struct simulation *simulation, const struct event *event) {
    (void)event;
    trace_event(simulation, "healed", 0, 0, 0, 0);
    network_heal(&simulation->network);
}

static void cut_network(struct simulation *simulation, const struct cut *cut) {
    bool resets =
        prng_chance(&simulation->prng, 1, 2); /* what hears nothing more hears that its stream ends */
    trace_event(simulation, "cut", cut->kind, cut->first, cut->mask, resets);
    for (size_t from = 0; from < cut->brokers; from++) {
        for (size_t to = 0; to < cut->brokers; to++) {
            bool is_now = from != to && is_cut(cut, from, to);
            if (is_now && resets && from == cut->first) {
                network_close_stream(simulation, from, to);
            }
            simulation->network.links[from][to].cut = is_now;
        }
    }
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us +
                                                                  1000 * (50 + below(simulation, 5000)),
                                                         .run = network_whole_again});
}

static void cut_somehow(struct simulation *simulation, size_t first) {
    struct cut cut = draw_cut(simulation, (enum cut_kind)below(simulation, CUT_KINDS), first);
    cut_network(simulation, &cut);
}

static void cut(struct simulation *simulation) {
    cut_somehow(simulation, victim(simulation)->position);
}

static void network_calms(struct simulation *simulation, const struct event *event) {
    (void)event;
    if (!simulation->recovery.begun) {
        network_calm(simulation);
    }
}

static void storm(struct simulation *simulation) {
    struct network *network = &simulation->network;
    network->latency_us = below(simulation, 100000);
    network->jitter_us = below(simulation, 200000);
    network->drop_per_million = below(simulation, 500000);
    network->repeat_per_million = below(simulation, 300000);
    trace_event(simulation, "storm", 0, network->latency_us, network->jitter_us, network->drop_per_million);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us +
                                                                  1000 * (100 + below(simulation, 3000)),
                                                         .run = network_calms});
}

/* It looks dead to all others, and is not. */
static void close_all_of(struct simulation *simulation, size_t from) {
    for (size_t to = 0; to < simulation->profile.brokers; to++) {
        if (from != to) {
            network_close_stream(simulation, from, to);
        }
    }
}

static void close_streams(struct simulation *simulation) {
    size_t a = victim(simulation)->position;
    size_t b = below(simulation, simulation->profile.brokers);
    if (a == b) {
        close_all_of(simulation, a);
    } else {
        network_close_streams(simulation, a, b);
    }
}

static void disk_calms(struct simulation *simulation, const struct event *event) {
    if (!simulation->recovery.begun) {
        disk_calm(event->subject);
    }
}

static void disk_calms_later(struct simulation *simulation, struct disk *disk) {
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us +
                                                                  1000 * (100 + below(simulation, 3000)),
                                                         .run = disk_calms,
                                                         .subject = disk});
}

static void slow_disk(struct simulation *simulation) {
    struct disk *disk = &victim(simulation)->disk;
    disk->sync_us = 1000 * below(simulation, 1000);
    disk->jitter_us = 1000 * below(simulation, 1000);
    disk_calms_later(simulation, disk);
}

static void no_space(struct simulation *simulation) {
    struct disk *disk = &any_broker(simulation)->disk;
    storage_memory_set_writable(disk->memory, STATUS_NO_SPACE);
    disk_calms_later(simulation, disk);
}

static void failed_sync(struct simulation *simulation) {
    struct broker *broker = victim(simulation);
    broker->disk.fails = broker->disk.syncing;
}

/* Whether the group bears the loss of that broker's disk: whatever configuration holds in the end, a majority
 * of it keeps what it promised. */
static bool group_bears(struct simulation *simulation, const struct broker *at, uint64_t group,
                        const struct broker *lost) {
    struct node_member members[RAFT_MEMBERS_MAX];
    size_t count = node_members(at->node, group, members);
    size_t voters = 0;
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        const struct broker *broker = simulation_broker_of(simulation, members[i].id);
        /* A learner that is lost may just be about to vote. */
        voters += members[i].voter || broker == lost;
        left += members[i].voter && broker != NULL && broker != lost;
    }
    return left > voters / 2 && replica_view_is_settled(at, group);
}

/* No topic is on its way that might put its replicas on the disk that goes. */
static bool metadata_is_settled(struct simulation *simulation, const struct broker *broker) {
    struct node_status status;
    return node_status(broker->node, METADATA_GROUP, &status) && status.applied_index == status.last_index &&
           status.applied_index == history_group(simulation, METADATA_GROUP)->commit_count;
}

static bool may_wipe(struct simulation *simulation, const struct broker *lost) {
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        const struct broker *broker = &simulation->brokers[i];
        if (!broker_is_up(broker) || !metadata_is_settled(simulation, broker)) {
            return false;
        }
        for (size_t g = 0; g < node_group_count(broker->node); g++) {
            if (!group_bears(simulation, broker, node_group_at(broker->node, g), lost)) {
                return false;
            }
        }
    }
    return simulation->incarnation_count + 1 < SIMULATION_INCARNATIONS_MAX;
}

/* Waits for a moment in which it may be, and not for ever. */
static void wipe_soon(struct simulation *simulation, const struct event *event) {
    struct broker *broker = any_broker(simulation);
    if (simulation->recovery.begun) {
        return;
    }
    if (may_wipe(simulation, broker)) {
        broker_wipe(broker);
        simulation->statistics.wipes++;
    } else if (event->number > 0) {
        struct event next = *event;
        next.at_us = simulation->scheduler.now_us + 1000 * below(simulation, 50);
        next.number--;
        scheduler_add(&simulation->scheduler, next);
    }
}

static void wipe_one(struct simulation *simulation) {
    enum { TRIES = 100 };
    wipe_soon(simulation, &(struct event){.run = wipe_soon, .number = TRIES});
}

static void step_clock(struct simulation *simulation) {
    any_broker(simulation)->wall_offset_ms = (int64_t)below(simulation, 20000) - 10000;
}

static void transfer(struct simulation *simulation) {
    struct broker *broker = victim(simulation);
    if (!broker_is_up(broker) || broker_is_paused(broker)) {
        return;
    }
    uint64_t group = node_group_at(broker->node, below(simulation, node_group_count(broker->node)));
    raft_id to = prng_chance(&simulation->prng, 1, 2) ? 0 : any_broker(simulation)->incarnation;
    enum status status = node_transfer(broker->node, broker_now_ms(broker), group, to);
    trace_event(simulation, "transfer", broker->id, group, to, status);
    broker_wants_flush(broker);
}

static void prefer(struct simulation *simulation) {
    struct broker *broker = any_broker(simulation);
    if (broker_is_up(broker) && !broker_is_paused(broker)) {
        node_set_metadata_preference(broker->node, (uint32_t)below(simulation, 4), below(simulation, 700));
    }
}

#define INTERVAL(kind)                                                                                       \
    static uint64_t kind##_interval_ms(const struct fault_intervals *intervals) {                            \
        return intervals->kind##_ms;                                                                         \
    }
INTERVAL(crash)
INTERVAL(power_loss)
INTERVAL(pause)
INTERVAL(cut)
INTERVAL(storm)
INTERVAL(close)
INTERVAL(slow_disk)
INTERVAL(no_space)
INTERVAL(failed_sync)
INTERVAL(wipe)
INTERVAL(clock)
INTERVAL(transfer)
INTERVAL(preference)

static struct nemesis_kind kinds[] = {
    {crash, crash_interval_ms},
    {power_loss, power_loss_interval_ms},
    {pause_some, pause_interval_ms},
    {cut, cut_interval_ms},
    {storm, storm_interval_ms},
    {close_streams, close_interval_ms},
    {slow_disk, slow_disk_interval_ms},
    {no_space, no_space_interval_ms},
    {failed_sync, failed_sync_interval_ms},
    {wipe_one, wipe_interval_ms},
    {step_clock, clock_interval_ms},
    {transfer, transfer_interval_ms},
    {prefer, preference_interval_ms},
};

static void strike(struct simulation *simulation, const struct event *event) {
    const struct nemesis_kind *kind = event->subject;
    if (simulation->recovery.begun) {
        return;
    }
    if (event->number > 0) {
        kind->strike(simulation);
    }
    uint64_t interval_us = 1000 * kind->interval_ms(&simulation->profile.faults);
    if (interval_us > 0) {
        struct event next = *event;
        next.at_us = simulation->scheduler.now_us + below(simulation, 2 * interval_us);
        next.number++;
        scheduler_add(&simulation->scheduler, next);
    }
}

void nemesis_start(struct simulation *simulation) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        scheduler_add(
            &simulation->scheduler,
            (struct event){.at_us = simulation->scheduler.now_us, .run = strike, .subject = &kinds[i]});
    }
}

enum ambush {
    AMBUSH_CRASH,
    AMBUSH_PAUSE,
    AMBUSH_CUT,
    AMBUSH_CLOSE,
    AMBUSH_KINDS,
    AMBUSH_PART = AMBUSH_KINDS
};

static void ambush(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    if (simulation->recovery.begun) {
        return;
    }
    switch ((enum ambush)event->number) {
    case AMBUSH_CRASH:
        crash_broker(simulation, broker);
        break;
    case AMBUSH_PAUSE:
        pause_broker(simulation, broker);
        break;
    case AMBUSH_CUT:
        cut_somehow(simulation, broker->position);
        break;
    case AMBUSH_CLOSE:
        close_all_of(simulation, broker->position);
        break;
    case AMBUSH_PART: {
        struct cut cut = draw_cut(simulation, CUT_PARTS, broker->position);
        cut_network(simulation, &cut);
        break;
    }
    }
}

/* About when what it does comes to some of the others; sooner as likely as later. */
static void ambush_later(struct simulation *simulation, struct broker *broker, uint64_t kind) {
    uint64_t span_us = 10 * (simulation->profile.latency_us + simulation->profile.sync_us);
    uint64_t wait_us = below(simulation, (span_us >> below(simulation, 8)) + 1);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us + wait_us,
                                                         .run = ambush,
                                                         .subject = broker,
                                                         .number = kind});
}

void nemesis_sees_leader(struct simulation *simulation, struct broker *broker) {
    if (prng_chance(&simulation->prng, simulation->profile.faults.ambush_percent, 100)) {
        ambush_later(simulation, broker, below(simulation, AMBUSH_KINDS));
    }
}

void nemesis_sees_change(struct simulation *simulation, struct broker *broker) {
    if (prng_chance(&simulation->prng, simulation->profile.faults.part_percent, 100)) {
        ambush_later(simulation, broker, AMBUSH_PART);
    }
}
