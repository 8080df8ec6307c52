/*
 * A whole cluster in one thread: the shipping raft, metadata, partition and replica code under a seeded
 * scheduler. The same seed makes the same run, event by event.
 *
 * What may happen (the fault model; a cluster must survive all of it at once, and loses nothing that it
 * acknowledged):
 *   - messages are delayed, lost, repeated and reordered; links are cut one way or both, in any pattern, or
 *     become slow one way; streams close, and what was under way on them is lost. In some runs messages
 *     travel as frames in streams of bytes, of which some are flipped, cut out or repeated: the stream ends.
 *   - brokers crash at any point, alone or all at once. Of the writes that were not synced a prefix survives,
 *     since the write-ahead log is one file. What was synced stays, or storage must say that it does not.
 *   - brokers pause, for longer than elections take; their monotonic clocks run apart, their wall clocks
 *     jump.
 *   - disks are slow, refuse writes for want of space, or fail to write, which ends the process.
 *   - a disk is lost: wiped, without a tail that was synced, without something in its middle, or unreadable.
 *     Its broker comes back as a new incarnation. A tail that no witness knows of is not lost: the witness is
 *     50 ms behind.
 *   - bits of stored entries and states rot, and writes land in the place of others. Whoever meets that ends,
 *     at work or at its next start, until somebody takes the disk away; it counts as lost from the beginning.
 *   - all this to disks only where a majority of the voters of every group keeps its own: nobody survives
 *     more.
 *   - leadership is transferred, the preference of candidates changes, brokers join, topics come and go, the
 *     start of logs moves under followers who are behind, and states are saved so often that these need
 *     snapshots.
 *   - clients send to anybody, give up waiting, repeat under the same key, send without one, and use a key
 *     again for something else.
 * Then everything heals, damaged disks are replaced, and within 30 s every group must commit again and all
 * its replicas be the same.
 */
#ifndef AVIARY_TESTS_SIMULATION_SIMULATION_H
#define AVIARY_TESTS_SIMULATION_SIMULATION_H

#include "admin.h"
#include "broker.h"
#include "clients.h"
#include "network.h"
#include "operations.h"
#include "recovery.h"
#include "statistics.h"
#include "trace.h"

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
    struct readings readings;
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
/* The bytes that a broker has are those that were appended. NULL: no such entry ever was. */
void simulation_check_entry(const struct broker *broker, uint64_t group, const struct history_entry *entry,
                            const struct blob *blob);
/* What a broker holds at a committed index is what was committed. False: that is damaged, and a reader is
 * told so. */
bool simulation_check_stored(struct simulation *simulation, struct broker *broker, uint64_t group,
                             uint64_t index);

static inline void count(struct simulation *simulation, enum statistic statistic) {
    simulation->statistics.counts[statistic]++;
}

#endif
