/*
 * coordination: who is here, who may campaign first, and the published view of the cluster.
 *
 * This is the port that `broker` speaks to. Two implementations stand behind it: ZooKeeper
 * (coordination/zookeeper.h) and a static list of peers (coordination/static.h). Only `server` names them.
 *
 * What coordination tells is a hint, never a truth: Raft decides who leads, group 0 decides what exists.
 *
 * Threads: every function may be called from any thread and returns at once; nothing waits for ZooKeeper but
 * coordination_destroy, which waits at most COORDINATION_CLOSE_MS. Events come one at a time, in order, from
 * a thread of the room. The receiver copies what it needs and returns; it must not block, and it may call any
 * function of this header but coordination_destroy.
 *
 * Failures: publishing functions fail only for the caller's reasons (INVALID, TOO_LARGE), for want of memory
 * (NO_MEMORY) or of room in the bounded map of desired nodes (FULL); nothing has changed then. Whether and
 * when ZooKeeper took a node is not reported: the room retries until a node is written or superseded.
 */
#ifndef AVIARY_COORDINATION_H
#define AVIARY_COORDINATION_H

#include "aviary/base/limits.h"
#include "aviary/base/status.h"
#include "aviary/base/uuid.h"

#include <stddef.h>
#include <stdint.h>

/* What a broker announces of itself. A peer of a static list has only its id, host and peer port. */
struct coordination_broker {
    uint32_t id; /* from 1 */
    char host[HOST_SIZE_MAX + 1];
    uint16_t rest_port; /* 0: unknown */
    uint16_t peer_port;
    struct uuid disk_uuid;  /* zero: unknown */
    struct uuid cluster_id; /* zero: belongs to no cluster yet, or unknown */
    uint32_t expect;        /* brokers to wait for at a first start; 0: unknown */
    int64_t timestamp_ms;   /* wall clock of its announcement; 0: unknown */
};

struct coordination_voter {
    uint32_t broker_id;
    struct uuid disk_uuid;
};

/* A cluster's identity: made once, at the first start. */
struct coordination_cluster {
    struct uuid id;
    size_t first_voter_count; /* 1 .. FIRST_VOTERS_MAX */
    struct coordination_voter first_voters[FIRST_VOTERS_MAX];
};

enum coordination_session_state {
    /* First session, or the same one again after DISCONNECTED. After it, and after REOPENED, BROKERS_CHANGED
       and CONTROLLER_CHANGED come in any case. */
    COORDINATION_SESSION_CONNECTED,
    COORDINATION_SESSION_DISCONNECTED, /* nothing is known of the others until CONNECTED or REOPENED */
    COORDINATION_SESSION_REOPENED,     /* a new session: the old one's ephemerals are gone or will go */
};

enum coordination_event_type {
    /* The whole list of announcements, sorted by id, own one included. Static: once, from coordination_start.
     */
    COORDINATION_BROKERS_CHANGED,
    /* /controller or /controller_epoch changed. Says who is to campaign first; a leader is known from Raft
       only. */
    COORDINATION_CONTROLLER_CHANGED,
    COORDINATION_SESSION,
    /* /cluster/id was read: after coordination_create_cluster, at the start of a session, and when it
       changed. */
    COORDINATION_CLUSTER,
    /* ZooKeeper belongs to another cluster. The object closed its session, and does nothing more but report
       status. */
    COORDINATION_FOREIGN_CLUSTER,
    /* Another disk is announced under this broker's id, longer than a dead session can last. Closed, as
       above. */
    COORDINATION_ID_TAKEN,
};

struct coordination_event {
    enum coordination_event_type type;
    union {
        struct {
            const struct coordination_broker *list; /* valid during the call */
            size_t count;                           /* 0 .. BROKERS_MAX */
        } brokers;
        struct {
            uint32_t broker_id; /* 0: none */
            uint64_t term;      /* of that node; 0: none */
            uint64_t epoch;     /* of /controller_epoch; 0: none */
        } controller;
        enum coordination_session_state session;
        struct coordination_cluster cluster;    /* CLUSTER and FOREIGN_CLUSTER */
        struct coordination_broker id_taken_by; /* ID_TAKEN; all but the id is zero where it cannot be read */
    };
};

typedef void coordination_event_fn(void *context, const struct coordination_event *event);

struct coordination_start {
    struct coordination_broker self;
    /* The cluster this broker's disk belongs to, or NULL before the first start or JOIN. Copied. */
    const struct coordination_cluster *cluster;
    coordination_event_fn *on_event;
    void *context; /* given to on_event; outlives the object */
};

struct coordination_replicas {
    size_t count; /* 0 .. RAFT_MEMBERS_MAX */
    uint32_t broker_ids[RAFT_MEMBERS_MAX];
};

struct coordination_config {
    const char *name;
    const char *value;
};

/* A topic as the controller publishes it: /brokers/topics/T and /config/topics/T. Everything in it is copied.
 */
struct coordination_topic {
    const char *name; /* 1 .. NAME_SIZE_MAX of [A-Za-z0-9._-], not "." or ".." */
    struct uuid id;   /* tells a re-created topic from the old one */
    const struct coordination_replicas *partitions;
    size_t partition_count; /* 1 .. PARTITIONS_PER_TOPIC_MAX */
    const struct coordination_config *configs;
    size_t config_count; /* 0 .. TOPIC_CONFIGS_MAX */
};

/* A partition as its leader publishes it: /brokers/topics/T/partitions/P/state. Copied. */
struct coordination_partition {
    const char *topic;
    uint32_t partition;
    uint64_t group; /* Raft group id: grows and is never reused, so it tells a re-created topic's partition */
    uint64_t leader_epoch; /* the leader's term; it leads, so the leader is this broker */
    uint64_t controller_epoch;
    struct coordination_replicas in_sync;
};

enum coordination_mode { COORDINATION_ALONE, COORDINATION_STATIC, COORDINATION_ZOOKEEPER };

enum { COORDINATION_ERROR_TEXT_MAX = 256 };

struct coordination_status {
    enum coordination_mode mode;
    bool connected;                               /* true where there is nothing to connect to */
    bool closed;                                  /* after FOREIGN_CLUSTER or ID_TAKEN */
    int64_t session_id;                           /* 0: none */
    uint64_t since_ms;                            /* clock_monotonic_ms of the last change of `connected` */
    size_t pending;                               /* desired nodes not yet written or not yet verified */
    char last_error[COORDINATION_ERROR_TEXT_MAX]; /* empty: none so far */
};

struct coordination;

/* What an implementation provides; each entry is the function of the same name below. */
struct coordination_operations {
    enum status (*start)(struct coordination *coordination, const struct coordination_start *start,
                         struct error *error);
    enum status (*create_cluster)(struct coordination *coordination,
                                  const struct coordination_cluster *cluster);
    void (*set_cluster)(struct coordination *coordination, const struct coordination_cluster *cluster);
    void (*publish_controller)(struct coordination *coordination, uint64_t term);
    void (*observed_leader)(struct coordination *coordination, uint32_t broker_id, uint64_t term);
    enum status (*publish_topic)(struct coordination *coordination, const struct coordination_topic *topic);
    enum status (*remove_topic)(struct coordination *coordination, const char *name);
    enum status (*sync_view)(struct coordination *coordination, const struct coordination_topic *topics,
                             size_t count);
    enum status (*publish_partition)(struct coordination *coordination,
                                     const struct coordination_partition *partition);
    void (*forget_partition)(struct coordination *coordination, const char *topic, uint32_t partition);
    void (*status)(struct coordination *coordination, struct coordination_status *ret_status);
    void (*destroy)(struct coordination *coordination);
};

/* The first member of every implementation. */
struct coordination {
    const struct coordination_operations *operations;
};

/*
 * Begins to register, to watch and to deliver events; call once. Events may come before it returns.
 * NO_MEMORY, UNAVAILABLE where no thread can be made.
 */
enum status coordination_start(struct coordination *coordination, const struct coordination_start *start,
                               struct error *error) AVIARY_MUST_USE;
/*
 * Ends the session, so that this broker's ephemeral nodes vanish at once, and frees the object. No event
 * comes after it returned. Waits at most COORDINATION_CLOSE_MS, even where ZooKeeper hangs. Takes NULL. Not
 * from within an event.
 */
void coordination_destroy(struct coordination *coordination);

/*
 * First start: makes /cluster/id once. The outcome is a CLUSTER event with whatever is there afterwards,
 * which may be another broker's. Repeating it is harmless. UNSUPPORTED for static peers and alone.
 */
enum status coordination_create_cluster(struct coordination *coordination,
                                        const struct coordination_cluster *cluster) AVIARY_MUST_USE;
/*
 * This broker's disk belongs to `cluster` from now on (durably: call it after that is on disk). Its
 * announcement then carries the id; a missing /cluster/id is written again; another id there is a
 * FOREIGN_CLUSTER.
 */
void coordination_set_cluster(struct coordination *coordination, const struct coordination_cluster *cluster);

/*
 * This broker became leader of group 0 in `term`: it takes /controller from a holder of no higher term,
 * raises /controller_epoch, and from then on writes topics and configs, until coordination_observed_leader
 * says that another leads or that none does. Terms below one seen before are ignored.
 */
void coordination_publish_controller(struct coordination *coordination, uint64_t term);
/*
 * Raft's word on who leads group 0: `broker_id` in `term`, or 0 where none is known. A broker that is not
 * that leader gives /controller up; where none is known, any may take a free /controller to be the first to
 * campaign. Another's leadership ends this broker's duty for topics and configs. Terms below one seen before
 * are ignored.
 */
void coordination_observed_leader(struct coordination *coordination, uint32_t broker_id, uint64_t term);

/*
 * The published view. Each call takes the whole desired state of a node, the latest wins, and it is written
 * in its time; it is remembered as this broker's duty and written again after ZooKeeper lost it. Topics are
 * the controller's duty (ignored, with OK, by a broker that is not), partitions their leader's.
 */
enum status coordination_publish_topic(struct coordination *coordination,
                                       const struct coordination_topic *topic) AVIARY_MUST_USE;
/* Deletes the topic's nodes, children first. */
enum status coordination_remove_topic(struct coordination *coordination, const char *name) AVIARY_MUST_USE;
/*
 * The controller's full list: replaces all topics desired before. The first one after
 * coordination_publish_controller is compared with what ZooKeeper has: what differs is repaired and what is
 * not in the list is deleted. Later ones cost only what changed. On failure the list desired before stays.
 * `count` up to TOPICS_MAX.
 */
enum status coordination_sync_view(struct coordination *coordination, const struct coordination_topic *topics,
                                   size_t count) AVIARY_MUST_USE;
/*
 * Writes only upwards in (group, leader_epoch); the same leader may rewrite an equal one. Superseded by a
 * higher one, it is forgotten.
 */
enum status coordination_publish_partition(struct coordination *coordination,
                                           const struct coordination_partition *partition) AVIARY_MUST_USE;
/* This broker leads that partition no more: its node is left as it is and is no longer this broker's duty. */
void coordination_forget_partition(struct coordination *coordination, const char *topic, uint32_t partition);

/* For /readyz and /v1/cluster. */
void coordination_status(struct coordination *coordination, struct coordination_status *ret_status);
/* "alone", "static" or "zookeeper". */
const char *coordination_mode_name(enum coordination_mode mode);

#endif
