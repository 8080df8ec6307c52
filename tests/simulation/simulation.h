/*
 * A whole cluster in one thread: the shipping raft, metadata, partition and replica code under a seeded
 * scheduler. The same seed makes the same run, event by event.
 *
 * What may happen (the fault model; a cluster must survive all of it at once, and loses nothing that it
 * acknowledged):
 *   - messages are delayed, lost, repeated and reordered; links are cut one way or both, in any pattern;
 *     streams close, and what was under way on them is lost. No message is altered: transport's checksums see
 *     to that, and have tests of their own.
 *   - brokers crash at any point, alone or all at once. Of the writes that were not synced a prefix survives,
 *     since the write-ahead log is one file. What was synced stays.
 *   - brokers pause, for longer than elections take; their monotonic clocks run apart, their wall clocks
 * jump.
 *   - disks are slow, refuse writes for want of space, or fail a sync, which ends the process.
 *   - a disk is wiped, and its broker comes back as a new incarnation, where a majority of the voters of
 * every group keeps its disk: nobody survives more.
 *   - leadership is transferred, the preference of candidates changes, topics come and go, the start of logs
 *     moves, and states are saved so often that followers need snapshots.
 *   - clients send to anybody, give up waiting, and repeat under the same key.
 * Then everything heals, and within 30 s every group must commit again and all its replicas be the same.
 */
#ifndef AVIARY_TESTS_SIMULATION_SIMULATION_H
#define AVIARY_TESTS_SIMULATION_SIMULATION_H

#include "admin.h"
#include "broker.h"
#include "clients.h"
#include "network.h"
#include "operations.h"
#include "recovery.h"
#include "trace.h"

/* How much happened: a run that does nothing proves nothing. */
struct statistics {
    uint64_t events;
    uint64_t committed;
    uint64_t acknowledged;
    uint64_t reads;
    uint64_t elections;
    uint64_t installs;
    uint64_t wipes;
    uint64_t crashes;
};

struct simulation {
    uint64_t seed;
    uint64_t seconds; /* of faults, before the recovery */
    struct prng prng;
    struct profile profile;
    struct scheduler scheduler;
    struct trace trace;
    struct network network;
    struct uuid cluster_id;
    struct metadata_first_voter first_voters[SIMULATION_BROKERS_MAX];
    struct broker brokers[SIMULATION_BROKERS_MAX];
    struct broker *by_incarnation[SIMULATION_INCARNATIONS_MAX]; /* NULL: its disk is lost */
    raft_id incarnation_count;                                  /* given so far */
    struct history history;
    struct operations operations;
    struct clients clients;
    struct admin admin;
    struct recovery recovery;
    struct statistics statistics;
};

struct simulation_result {
    uint64_t trace_hash;
    struct statistics statistics;
};

/* Ends the process where something is broken. */
struct simulation_result simulation_run(uint64_t seed, uint64_t seconds, bool print_trace);

struct uuid simulation_uuid(struct simulation *simulation);
/* NULL: nobody, or its disk is lost. */
struct broker *simulation_broker_of(const struct simulation *simulation, raft_id incarnation);
void simulation_set_incarnation(struct simulation *simulation, struct broker *broker, raft_id incarnation);
/* It has no incarnation now; its old one is gone for good. */
void simulation_set_lost(struct simulation *simulation, struct broker *broker);
/* A partition's group, or METADATA_GROUP where there is no partition. */
uint64_t simulation_pick_partition(struct simulation *simulation);
void simulation_restart_later(struct simulation *simulation, struct broker *broker);
/* The entry that a broker holds at a committed index is the one that was committed. */
void simulation_check_stored(struct simulation *simulation, struct broker *broker, uint64_t group,
                             uint64_t index);

#endif
