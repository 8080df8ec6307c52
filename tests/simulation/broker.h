/*
 * A broker's process: a node with a disk and a place in the network, driven as replica.h asks. It starts, is
 * paused, crashes, loses its disk and comes back as a new incarnation.
 */
#ifndef AVIARY_TESTS_SIMULATION_BROKER_H
#define AVIARY_TESTS_SIMULATION_BROKER_H

#include "disk.h"
#include "replica_view.h"
#include "scheduler.h"

struct broker {
    struct simulation *simulation;
    struct transport transport;
    uint32_t id; /* 1, 2, ... */
    size_t position;
    struct uuid disk_uuid;
    raft_id incarnation; /* 0: to be registered before it can start */
    uint64_t joins_us;   /* it is registered no earlier */
    struct disk disk;
    struct node *node; /* NULL while down */
    uint64_t life;     /* changes at each start and each end; events of another life are void */
    bool flush_due;
    bool failed;  /* its node said so */
    bool failing; /* a failure is expected: a write could not be made durable */
    uint64_t paused_until_us;
    uint64_t clock_offset_us; /* monotonic clocks differ, */
    uint64_t clock_rate_ppm;  /* and run at different rates */
    int64_t wall_offset_ms;
    struct replica_views views;
};

void broker_init(struct broker *broker, struct simulation *simulation, size_t position);
void broker_finish(struct broker *broker);
void broker_start(struct broker *broker);
/* It dies at once; what was not synced is lost but for a prefix. */
void broker_crash(struct broker *broker);
/* It ends as it should: its states are saved, and all is synced. */
void broker_stop(struct broker *broker);
/* Down, and what was on its disk is not to be trusted: another disk, which is to be registered. */
void broker_lose_disk(struct broker *broker, enum disk_fate fate);
void broker_pause(struct broker *broker, uint64_t for_us);
/* A write could not be made durable: the node fails, as the process would. */
void broker_write_failed(struct broker *broker, uint64_t token, enum status status);

bool broker_is_up(const struct broker *broker);
bool broker_is_paused(const struct broker *broker);
/* While it is paused its events wait: true where this one was put off. */
bool broker_postpone(struct broker *broker, const struct event *event);
/* After an input. */
void broker_wants_flush(struct broker *broker);
uint64_t broker_now_ms(const struct broker *broker);
int64_t broker_wall_ms(const struct broker *broker);

#endif
