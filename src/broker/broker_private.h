/*
 * The broker, private to this room.
 *
 * Which file does what: broker.c life; shard.c, observer.c, mailbox.c the turns that drive the node;
 * view*.c what others see of replicas; route.c leaders; topics.c, produce.c, fetch.c, operations.c use cases;
 * housekeeper.c the thread for slow things; start_*.c the first start; calls.c what peers ask; peers.c whom
 * transport talks to; publish.c the view; lost.c disks that are gone for good; unsafe.c what is done about
 * it.
 */
#ifndef BROKER_PRIVATE_H
#define BROKER_PRIVATE_H

#include "calls.h"
#include "cluster_file.h"
#include "housekeeper.h"
#include "pending.h"
#include "scrub.h"
#include "shard.h"
#include "start.h"
#include "view.h"

#include "aviary/broker.h"

#include <stdio.h>

enum { LEADER_HINTS = 1024 };

/* A leader of a group without a replica here, as another broker said. */
struct leader_hint {
    uint64_t group;     /* 0: free */
    uint32_t broker_id; /* 0: not known */
    uint64_t term;
    uint32_t doubted; /* the one before that was forgotten; 0: none */
};

struct broker_counters {
    _Atomic uint64_t leader_changes;
    _Atomic uint64_t produce_batches;
    _Atomic uint64_t produce_records;
    _Atomic uint64_t produce_bytes;
    _Atomic uint64_t commit_count;
    _Atomic uint64_t commit_us;
    _Atomic uint64_t commit_buckets[16];
};

struct broker {
    struct broker_options options; /* fixed after create */

    struct cluster_file cluster;     /* under the housekeeper's mutex until `running`; fixed after it. Written
                                        with start_mutex held too. */
    const struct metadata *metadata; /* belongs to the node; read under metadata_lock */
    atomic_bool running;             /* the node runs */

    pthread_rwlock_t metadata_lock; /* written in turns of the shard around changes of the metadata */
    struct views views;
    struct shard shard;
    struct housekeeper housekeeper;
    struct scrub scrub;
    struct broker_counters counters;

    struct mutex start_mutex; /* one at a time saves the cluster file, and none once it is a member's */

    struct mutex leaders_mutex;
    struct condition leaders_moved;                /* a replica's leader, term or readiness changed */
    uint64_t leaders_generation;                   /* guarded by leaders_mutex, like the hints */
    struct leader_hint leader_hints[LEADER_HINTS]; /* by group % LEADER_HINTS */

    struct mutex failure_mutex;
    struct condition failed;
    char failure[ERROR_MESSAGE_MAX]; /* guarded by failure_mutex; empty: none */
};

bool broker_is_running(const struct broker *broker);
/* The process must end. The first reason counts. Any thread. */
void broker_fail(struct broker *broker, const char *reason);
void broker_leaders_changed(struct broker *broker);
/* UNAVAILABLE with what is waited for, unless running. */
enum status broker_check_running(struct broker *broker, struct error *error) AVIARY_MUST_USE;

/* Opens the node and starts its shard; `cluster` is durable by now. Housekeeper's thread. */
enum status broker_run(struct broker *broker, const struct cluster_file *cluster,
                       struct error *error) AVIARY_MUST_USE;
/*
 * Writes what the broker remembers of its cluster; blocks until it is durable, or some seconds (UNKNOWN: it
 * may become so later). CONFLICT: the broker is a member of one already, and that is for ever. Any thread.
 */
enum status broker_save_cluster(struct broker *broker, const struct cluster_file *cluster) AVIARY_MUST_USE;
/* What it remembers now. Any thread. */
void broker_get_cluster(struct broker *broker, struct cluster_file *ret_cluster);

/* route.c: what this broker knows by itself, without waiting. False: no leader known. */
bool route_known(struct broker *broker, uint64_t group, struct broker_route *ret_route);

/* lost.c: what is gone for good. */
/* A broker asks for an incarnation with that disk. */
void lost_note_disk(struct broker *broker, const struct metadata_broker *asking);
/* Tells the node whose disks were replaced although the metadata cannot learn it. Housekeeper's thread. */
void lost_refresh(struct broker *broker);
/* A majority of the metadata group's disks, as far as this broker's replica knows. */
bool lost_metadata(struct broker *broker);
/* CONFLICT-like refusal of everything that needs a leader: gives UNAVAILABLE, and says what people can do. */
enum status lost_error(uint64_t group, struct error *error);

/* topics.c: at the controller. Proposes a metadata command and waits for what applying it said. */
enum status metadata_execute(struct broker *broker, const struct metadata_command *command,
                             uint64_t deadline_ms, struct metadata_result *ret_result,
                             struct error *error) AVIARY_MUST_USE;

/* register.c: a broker announces its disk and addresses to the controller. */
struct registration {
    struct uuid cluster_id;
    struct metadata_broker broker; /* incarnation apart */
};
/* At the controller. CONFLICT: another broker with that id is alive. */
enum status register_broker(struct broker *broker, const struct registration *registration,
                            uint64_t deadline_ms, raft_id *ret_incarnation,
                            struct error *error) AVIARY_MUST_USE;

#endif
