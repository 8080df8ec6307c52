/*
 * Who runs the cluster: registers brokers that come with a new disk, creates, deletes and configures topics,
 * moves the start of logs.
 */
#ifndef AVIARY_TESTS_SIMULATION_ADMIN_H
#define AVIARY_TESTS_SIMULATION_ADMIN_H

#include "aviary/metadata.h"
#include "scheduler.h"

enum { ADMIN_PARTITIONS_MAX = 16 };

struct admin {
    uint64_t attempt; /* of a command, under way; 0: none */
    uint64_t attempt_until_us;
    struct broker *registering; /* whom that registers; NULL: it is another command */
    struct uuid registering_disk;
    uint64_t next_change_us;
    uint64_t next_log_start_us;
    uint64_t topics_named;
    uint64_t groups[ADMIN_PARTITIONS_MAX]; /* of topics that stay */
    size_t group_count;
};

struct simulation;

void admin_start(struct simulation *simulation);
void admin_answer_later(struct simulation *simulation, uint64_t attempt);

#endif
