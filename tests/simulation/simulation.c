#include "simulation.h"

#include "nemesis.h"

#include <stdlib.h>

enum { EVENTS_PER_SECOND_MAX = 500000, RESTART_MS_MAX = 3000 };

struct uuid simulation_uuid(struct simulation *simulation) {
    struct uuid uuid;
    bytes_put_u64le(uuid.bytes, prng_next(&simulation->prng) | 1);
    bytes_put_u64le(uuid.bytes + 8, prng_next(&simulation->prng));
    return uuid;
}

struct broker *simulation_broker_of(const struct simulation *simulation, raft_id incarnation) {
    return incarnation < SIMULATION_INCARNATIONS_MAX ? simulation->by_incarnation[incarnation] : NULL;
}

void simulation_set_incarnation(struct simulation *simulation, struct broker *broker, raft_id incarnation) {
    ASSERT(incarnation > 0 && incarnation < SIMULATION_INCARNATIONS_MAX);
    ASSERT(simulation->by_incarnation[incarnation] == NULL);
    broker->incarnation = incarnation;
    simulation->by_incarnation[incarnation] = broker;
    if (simulation->incarnation_count < incarnation) {
        simulation->incarnation_count = incarnation;
    }
}

void simulation_set_lost(struct simulation *simulation, struct broker *broker) {
    simulation->by_incarnation[broker->incarnation] = NULL;
    broker->incarnation = 0;
}

uint64_t simulation_pick_partition(struct simulation *simulation) {
    const struct admin *admin = &simulation->admin;
    return admin->group_count == 0 ? METADATA_GROUP
                                   : admin->groups[prng_below(&simulation->prng, admin->group_count)];
}

static void restart(struct simulation *simulation, const struct event *event) {
    (void)simulation;
    struct broker *broker = event->subject;
    if (!broker_is_up(broker) && broker->life == event->number && broker->incarnation != 0) {
        broker_start(broker);
    }
}

void simulation_restart_later(struct simulation *simulation, struct broker *broker) {
    uint64_t wait_ms =
        prng_below(&simulation->prng, prng_chance(&simulation->prng, 1, 2) ? 100 : RESTART_MS_MAX);
    scheduler_add(&simulation->scheduler,
                  (struct event){.at_us = simulation->scheduler.now_us + 1000 * wait_ms,
                                 .run = restart,
                                 .subject = broker,
                                 .number = broker->life});
}

void simulation_check_entry(const struct broker *broker, uint64_t group, const struct history_entry *entry,
                            const struct blob *blob) {
    if (entry == NULL || history_checksum(blob) != entry->checksum) {
        violation(broker->simulation, "altered: broker %u has an entry of group %lu that is not index %lu",
                  broker->id, group, entry ? entry->index : 0);
    }
}

bool simulation_check_stored(struct simulation *simulation, struct broker *broker, uint64_t group,
                             uint64_t index) {
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status = disk_peek(&broker->disk, group, index, &blob);
    if (status != STATUS_OK && damage_find(&broker->disk, group, index)) {
        return false;
    }
    if (status != STATUS_OK) {
        violation(simulation, "lost: broker %u does not hold entry %lu of group %lu (%s)", broker->id, index,
                  group, status_name(status));
    }
    simulation_check_entry(broker, group, history_committed(history_group(simulation, group), index), blob);
    return true;
}

static void simulation_start(struct simulation *simulation) {
    simulation->cluster_id = simulation_uuid(simulation);
    network_init(simulation);
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        struct broker *broker = &simulation->brokers[i];
        broker_init(broker, simulation, i);
        if (i < simulation->profile.first_voters) {
            simulation->first_voters[i] = (struct metadata_first_voter){
                .broker_id = broker->id,
                .disk_uuid = broker->disk_uuid,
            };
            simulation_set_incarnation(simulation, broker, i + 1);
        } else {
            broker->joins_us = prng_below(&simulation->prng, 1000 * simulation->profile.join_ms + 1);
        }
    }
    for (size_t i = 0; i < simulation->profile.first_voters; i++) {
        broker_start(&simulation->brokers[i]);
    }
    admin_start(simulation);
    clients_start(simulation);
    nemesis_start(simulation);
}

static void simulation_advance(struct simulation *simulation, uint64_t until_us) {
    struct event event;
    while (!simulation->recovery.done && scheduler_next(&simulation->scheduler, until_us, &event)) {
        event.run(simulation, &event);
        if (simulation->scheduler.run_count > EVENTS_PER_SECOND_MAX * (simulation->seconds + 30)) {
            violation(simulation, "so many events that something goes round in circles");
        }
    }
}

static void simulation_finish(struct simulation *simulation) {
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        broker_finish(&simulation->brokers[i]);
    }
    network_finish(&simulation->network);
    scheduler_finish(&simulation->scheduler);
    operations_finish(&simulation->operations);
    readings_finish(&simulation->readings);
    history_finish(&simulation->history);
}

static void simulation_summarise(struct simulation *simulation) {
    simulation->statistics.counts[STATISTIC_EVENTS] = simulation->scheduler.run_count;
}

struct simulation_result simulation_run(uint64_t seed, uint64_t seconds, bool print_trace) {
    struct simulation *simulation = calloc(1, sizeof *simulation);
    ASSERT(simulation != NULL);
    simulation->seed = seed;
    simulation->seconds = seconds;
    simulation->trace.printing = print_trace;
    prng_init(&simulation->prng, seed);
    profile_draw(&simulation->prng, &simulation->profile);
    simulation_start(simulation);
    simulation_advance(simulation, seconds * 1000000);
    recovery_start(simulation);
    simulation_advance(simulation, UINT64_MAX);
    simulation_summarise(simulation);
    struct simulation_result result = {
        .trace_hash = simulation->trace.hash,
        .statistics = simulation->statistics,
    };
    simulation_finish(simulation);
    free(simulation);
    return result;
}
