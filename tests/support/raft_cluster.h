/*
 * Several Raft cores over a network and disks in memory, driven as raft.h asks of a driver: for tests that
 * read as timed traces. Everything follows from the seed. What must hold at all times is checked along the
 * way (raft_invariants.h).
 */
#ifndef AVIARY_TESTS_SUPPORT_RAFT_CLUSTER_H
#define AVIARY_TESTS_SUPPORT_RAFT_CLUSTER_H

#include "raft_disk.h"
#include "raft_invariants.h"
#include "raft_network.h"

enum {
    CLUSTER_NODES_MAX = 8,
    CLUSTER_TICK_MS = 10,
    CLUSTER_HEARTBEAT_MS = 50,
    CLUSTER_ELECTION_MIN_MS = 300,
    CLUSTER_ELECTION_MAX_MS = 600,
    CLUSTER_TRACE_MAX = 1024 * 1024,
    CLUSTER_READS_MAX = 64,
};

/* A message that waits for a write. */
struct held {
    uint64_t sequence;
    struct raft_message message; /* without entries and data */
};

struct node {
    raft_id id;
    bool up;
    struct raft *raft; /* NULL while down */
    struct raft_effects effects;
    struct disk memory;  /* all that was written */
    struct disk durable; /* what a crash leaves */
    struct disk_write *writes;
    size_t write_count;
    size_t write_capacity;
    struct held *held;
    size_t held_count;
    size_t held_capacity;
    bool slow_disk; /* nothing becomes durable but by cluster_persist */
    uint64_t applied_index;
    uint64_t digest;                            /* of what was applied */
    uint64_t snapshot_done_ms[NETWORK_IDS_MAX]; /* 0: none is being sent */
    uint64_t snapshot_index[NETWORK_IDS_MAX];
    struct raft_read reads[CLUSTER_READS_MAX];
    size_t read_count;
};

struct cluster {
    uint64_t now_ms;
    uint64_t seed;
    uint64_t sequence; /* of writes */
    uint64_t lives;    /* of cores, for their seeds */
    uint32_t inflight_appends_max;
    uint64_t inflight_bytes_max;
    uint32_t append_entries_max;
    struct network network;
    struct node nodes[CLUSTER_NODES_MAX]; /* ids 1, 2, ... */
    size_t node_count;
    struct raft_configuration first;
    struct invariants invariants;
    bool tracing;
    struct buffer trace;
};

/* `voters` and then `learners`, all up, nobody leads yet. */
void cluster_init(struct cluster *cluster, size_t voters, size_t learners, uint64_t seed);
void cluster_finish(struct cluster *cluster);
/* One more replica, not in any configuration yet; returns its id. */
raft_id cluster_add(struct cluster *cluster);

struct node *cluster_node(struct cluster *cluster, raft_id id);
/* Lets `ms` pass, one by one. */
void cluster_run(struct cluster *cluster, uint64_t ms);
/* Until somebody leads that a majority answers; its id. Fails after ten seconds. */
raft_id cluster_run_to_leader(struct cluster *cluster);
/* Until everyone who is up has applied what the leader has in its log. Fails after ten seconds. */
void cluster_run_to_agreement(struct cluster *cluster);
/* The leader of the highest term; 0: none. */
raft_id cluster_leader(struct cluster *cluster);
/* Feeds one event (its time is filled in) and carries its effects out. */
enum status cluster_step(struct cluster *cluster, raft_id id, struct raft_event event);
void cluster_deliver(struct cluster *cluster, const struct raft_message *message);
/* The newest message of that type under way from `from`; NULL: none. */
const struct raft_message *cluster_sent(const struct cluster *cluster, raft_id from,
                                        enum raft_message_type type);
enum status cluster_propose(struct cluster *cluster, raft_id id, uint64_t value);
enum status cluster_change(struct cluster *cluster, raft_id id, const struct raft_configuration *to);
enum status cluster_transfer(struct cluster *cluster, raft_id id, raft_id to);
enum status cluster_read(struct cluster *cluster, raft_id id, uint64_t context);
/* The end of that read; NULL: it has not ended. */
const struct raft_read *cluster_read_end(struct cluster *cluster, raft_id id, uint64_t context);

/* The process dies; writes that are not durable are lost. Others see their streams close where `closes`. */
void cluster_crash(struct cluster *cluster, raft_id id, bool closes);
void cluster_restart(struct cluster *cluster, raft_id id);
/* Makes the first `count` waiting writes durable. */
void cluster_persist(struct cluster *cluster, raft_id id, size_t count);
/* The same, but nobody is told: the process died before. */
void cluster_persist_silently(struct cluster *cluster, raft_id id, size_t count);
/* Saves the applied state and drops the log before it. */
void cluster_compact(struct cluster *cluster, raft_id id);
/* Both ways. */
void cluster_cut(struct cluster *cluster, raft_id a, raft_id b);
void cluster_isolate(struct cluster *cluster, raft_id id);
void cluster_heal(struct cluster *cluster);

/* Replaces the disk of a replica that is down: a log of entries with these terms, from index 1 on. */
void cluster_set_log(struct cluster *cluster, raft_id id, uint64_t term, const uint64_t *terms, size_t count);
/* An entry with `value` as payload. */
struct blob *cluster_entry_blob(uint64_t index, uint64_t term, enum raft_entry_type type, uint64_t value);

/* A line of its own in the trace. */
void cluster_note(struct cluster *cluster, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Compares the trace with tests/unit/golden/<name>.txt; with AVIARY_GOLDEN=write in the environment, writes
 * it. */
bool cluster_trace_is_golden(struct cluster *cluster, const char *name);

#endif
