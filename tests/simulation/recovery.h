/*
 * The end of a run: every fault is healed, and within a bound every group commits again, its members are
 * those that are wanted, and all replicas are the same.
 */
#ifndef AVIARY_TESTS_SIMULATION_RECOVERY_H
#define AVIARY_TESTS_SIMULATION_RECOVERY_H

#include "admin.h"

struct recovery {
    bool begun;
    bool done;
    uint64_t until_us;
    struct {
        uint64_t group;
        uint64_t operation; /* 0: none under way */
    } probes[ADMIN_PARTITIONS_MAX];
    size_t probe_count;
};

struct simulation;

/* Heals everything; clients and nemesis stop. */
void recovery_start(struct simulation *simulation);

#endif
