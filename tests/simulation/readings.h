/*
 * Linearizable reads: what one shows is no older than what anybody knew when it was asked for, and it is
 * confirmed by a majority that answered a round of heartbeats which began after that (thesis 6.4).
 */
#ifndef AVIARY_TESTS_SIMULATION_READINGS_H
#define AVIARY_TESTS_SIMULATION_READINGS_H

#include "history.h"

struct broker;
struct simulation;

/* Heartbeats of one leader in one group and term. */
struct heartbeat_rounds {
    uint64_t term;
    uint64_t sent;
    uint64_t answered[SIMULATION_INCARNATIONS_MAX]; /* by member: the newest */
};

struct reading {
    uint64_t group;
    struct broker *broker;
    uint64_t life;
    uint64_t floor_index; /* known to be stored when it was asked for */
    int64_t floor_offset;
    uint64_t term;          /* of the broker then, */
    uint64_t configuration; /* its newest configuration, */
    uint64_t round;         /* and the last round of heartbeats */
    bool ended;
};

struct readings {
    struct reading *readings;
    size_t count;
    size_t capacity;
};

void readings_finish(struct readings *readings);
void reading_start(struct simulation *simulation, struct broker *broker, uint64_t group);
void reading_ready(struct broker *broker, uint64_t context, enum status status);
/* Someone saw what a replica has applied. */
void reading_saw(struct simulation *simulation, const struct node_status *status);
/* A broker sends, or is given, a message. */
void readings_send(struct broker *broker, const struct raft_message *message);
void readings_hear(struct broker *broker, const struct raft_message *message);
/* Every one that a living broker took has ended. */
void readings_check_ended(const struct simulation *simulation);

#endif
