#include "nemesis.h"

#include "nemesis_kinds.h"
#include "simulation.h"

struct nemesis_kind {
    void (*strike)(struct simulation *simulation);
    uint64_t (*interval_ms)(const struct fault_intervals *intervals);
};

uint64_t nemesis_below(struct simulation *simulation, uint64_t bound) {
    return prng_below(&simulation->prng, bound);
}

struct broker *nemesis_any_broker(struct simulation *simulation) {
    return &simulation->brokers[nemesis_below(simulation, simulation->profile.brokers)];
}

struct broker *nemesis_victim(struct simulation *simulation) {
    struct broker *broker = nemesis_any_broker(simulation);
    if (!prng_chance(&simulation->prng, simulation->profile.faults.leader_percent, 100) ||
        !broker_is_up(broker)) {
        return broker;
    }
    struct node_status status;
    uint64_t group = node_group_at(broker->node, nemesis_below(simulation, node_group_count(broker->node)));
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
    crash_broker(simulation, nemesis_victim(simulation));
}

static void power_loss(struct simulation *simulation) {
    size_t up = 0;
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        up += broker_is_up(&simulation->brokers[i]);
    }
    if (up == simulation->profile.brokers) {
        count(simulation, STATISTIC_POWER_LOSSES);
    }
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        crash_broker(simulation, &simulation->brokers[i]);
    }
}

static void pause_broker(struct simulation *simulation, struct broker *broker) {
    if (broker_is_up(broker) && !broker_is_paused(broker)) {
        count(simulation, STATISTIC_PAUSES);
        broker_pause(broker, 1000 * (1 + nemesis_below(simulation,
                                                       prng_chance(&simulation->prng, 1, 4) ? 5000 : 500)));
    }
}

static void pause_some(struct simulation *simulation) {
    if (!prng_chance(&simulation->prng, 1, 8)) {
        pause_broker(simulation, nemesis_victim(simulation));
        return;
    }
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        pause_broker(simulation, &simulation->brokers[i]);
    }
}

static void step_clock(struct simulation *simulation) {
    count(simulation, STATISTIC_CLOCK_STEPS);
    nemesis_any_broker(simulation)->wall_offset_ms = (int64_t)nemesis_below(simulation, 20000) - 10000;
}

static void transfer(struct simulation *simulation) {
    struct broker *broker = nemesis_victim(simulation);
    if (!broker_is_up(broker) || broker_is_paused(broker)) {
        return;
    }
    uint64_t group = node_group_at(broker->node, nemesis_below(simulation, node_group_count(broker->node)));
    raft_id to = prng_chance(&simulation->prng, 1, 2) ? 0 : nemesis_any_broker(simulation)->incarnation;
    enum status status = node_transfer(broker->node, broker_now_ms(broker), group, to);
    trace_event(simulation, "transfer", broker->id, group, to, status);
    if (status == STATUS_OK) {
        count(simulation, STATISTIC_TRANSFERS);
    }
    broker_wants_flush(broker);
}

static void prefer(struct simulation *simulation) {
    struct broker *broker = nemesis_any_broker(simulation);
    if (broker_is_up(broker) && !broker_is_paused(broker)) {
        node_set_metadata_preference(broker->node, (uint32_t)nemesis_below(simulation, 4),
                                     nemesis_below(simulation, 700));
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
INTERVAL(slow_link)
INTERVAL(close)
INTERVAL(slow_disk)
INTERVAL(no_space)
INTERVAL(failed_sync)
INTERVAL(lose_disk)
INTERVAL(damage)
INTERVAL(clock)
INTERVAL(transfer)
INTERVAL(preference)

static struct nemesis_kind kinds[] = {
    {crash, crash_interval_ms},
    {power_loss, power_loss_interval_ms},
    {pause_some, pause_interval_ms},
    {nemesis_cut, cut_interval_ms},
    {nemesis_storm, storm_interval_ms},
    {nemesis_slow_link, slow_link_interval_ms},
    {nemesis_close_streams, close_interval_ms},
    {nemesis_slow_disk, slow_disk_interval_ms},
    {nemesis_full_disk, no_space_interval_ms},
    {nemesis_fail_write, failed_sync_interval_ms},
    {nemesis_lose_disk, lose_disk_interval_ms},
    {nemesis_damage, damage_interval_ms},
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
        next.at_us = simulation->scheduler.now_us + nemesis_below(simulation, 2 * interval_us);
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
        nemesis_cut_somehow(simulation, broker->position);
        break;
    case AMBUSH_CLOSE:
        nemesis_close_all_of(simulation, broker->position);
        break;
    case AMBUSH_PART:
        nemesis_part(simulation, broker->position);
        break;
    }
}

/* About when what it does comes to some of the others; sooner as likely as later. */
static void ambush_later(struct simulation *simulation, struct broker *broker, uint64_t kind) {
    uint64_t span_us = 10 * (simulation->profile.latency_us + simulation->profile.sync_us);
    uint64_t wait_us = nemesis_below(simulation, (span_us >> nemesis_below(simulation, 8)) + 1);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us + wait_us,
                                                         .run = ambush,
                                                         .subject = broker,
                                                         .number = kind});
}

void nemesis_sees_leader(struct simulation *simulation, struct broker *broker) {
    if (prng_chance(&simulation->prng, simulation->profile.faults.ambush_percent, 100)) {
        ambush_later(simulation, broker, nemesis_below(simulation, AMBUSH_KINDS));
    }
}

void nemesis_sees_change(struct simulation *simulation, struct broker *broker) {
    if (prng_chance(&simulation->prng, simulation->profile.faults.part_percent, 100)) {
        ambush_later(simulation, broker, AMBUSH_PART);
    }
}
