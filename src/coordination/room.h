/*
 * The ZooKeeper implementation's state: one struct for each duty, one file for each struct.
 *
 * Threads: the room's thread runs `room_run`; callers of the port change what is desired. Both hold `lock`
 * while they touch anything here, except where a field says otherwise. The lock is never held while the
 * room's thread waits, opens or closes a handle, or delivers an event.
 */
#ifndef COORDINATION_ROOM_H
#define COORDINATION_ROOM_H

#include "address.h"
#include "aviary/base/cleanup.h"
#include "aviary/base/prng.h"
#include "aviary/base/thread.h"
#include "aviary/coordination/zookeeper.h"
#include "client.h"
#include "desired.h"
#include "nodes.h"
#include "task.h"

enum {
    ROOM_TICK_MS = 50,         /* the longest that the thread sleeps */
    SESSION_TIMEOUTS_LOST = 3, /* disconnected for so many session timeouts: drop the handle */
};

/* session.c: the handle's life */
struct session {
    bool connected;
    bool was_connected;      /* ever */
    int64_t id;              /* of the last session; 0: none yet */
    uint32_t timeout_ms;     /* as granted; as asked for before that */
    uint64_t connects;       /* client_news.connects as last seen */
    uint64_t unconnected_ms; /* since when there is no connection */
    bool is_open;            /* there is a handle */
    bool has_expired;        /* and its session is over */
    uint64_t reopen_ms;      /* not before, where there is none */
    uint32_t backoff_ms;
};

/* layout.c: the persistent nodes that everything else stands below */
struct layout {
    struct task task;
    bool ready;
    size_t unanswered;
    enum outcome worst;
};

/* cluster.c: /cluster/id */
struct cluster_duty {
    struct task task;
    bool is_known;  /* read since the last connect, so that it is safe to register */
    bool was_there; /* since the last connect */
    bool has_own;
    struct coordination_cluster own;
    bool has_proposed;
    struct coordination_cluster proposed;
};

/* registration.c: /brokers/ids/N */
struct registration {
    struct task task;
    int64_t session_id;      /* in which it was seen to stand; 0: in none */
    uint64_t taken_since_ms; /* since when another disk is registered under our id; 0: none is */
};

/* brokers.c: who is registered */
struct brokers_slot {
    struct room *room;
    uint32_t id;
};

struct brokers {
    struct task task;
    bool is_delivered; /* since the last connect */
    size_t unanswered;
    bool has_failed;
    struct brokers_slot slots[BROKERS_MAX];
    size_t found_count;
    struct coordination_broker found[BROKERS_MAX];
    size_t count; /* as delivered; written by the room's thread only, which may read it without the lock */
    struct coordination_broker list[BROKERS_MAX];
};

/* controller.c: /controller and /controller_epoch */
struct controller_duty {
    struct task task;
    /* Raft's word */
    uint64_t term;        /* the highest that was heard of */
    bool is_leader;       /* this broker leads group 0 in `term` */
    bool leader_is_known; /* somebody does */
    /* What was read last */
    bool is_there;
    struct controller_node node; /* zero where it cannot be read */
    int64_t owner_session;
    int32_t version;
    uint64_t epoch; /* 0: none */
    int32_t epoch_version;
    bool epoch_is_there;
    /* As delivered */
    bool is_delivered; /* since the last connect */
    struct controller_node delivered;
    uint64_t delivered_epoch;
};

/* view.c, view_*.c: what this broker publishes */
struct view {
    struct desired_map topics;     /* the controller's: topics, configs, and what must not be there */
    struct desired_map partitions; /* of the partitions that this broker leads */
    bool is_fenced; /* /controller_epoch is our term, at fence_version: topics may be written */
    int32_t fence_version;
    bool is_synced;      /* `topics` is the full list, so that what is not in it may be deleted */
    uint64_t generation; /* of the full list that was synced last */
    struct task listing;
    size_t under_way;    /* entries taken from both maps */
    uint64_t promote_ms; /* when delayed entries are looked through next */
    uint64_t review_ms;  /* when settled ones are looked at next */
};

/* outbox.c: events that wait for the lock to be released */
struct outbox {
    bool session_lost;
    bool session;
    enum coordination_session_state session_state;
    bool cluster;
    struct coordination_cluster cluster_value;
    bool controller;
    bool brokers;
    bool foreign;
    struct coordination_cluster foreign_value;
    bool id_taken;
    struct coordination_broker id_taken_by;
};

struct room {
    struct coordination base;
    struct connect_string connect; /* constant */
    uint32_t timeout_ms;           /* asked for; constant */

    struct mutex lock;
    struct condition ended_or_delivered;
    bool is_stopping;
    bool has_ended;
    bool is_abandoned; /* destroy did not wait any longer: the thread frees the room */
    bool is_delivering;
    struct thread thread; /* the caller's of start and destroy */

    struct coordination_broker self;
    coordination_event_fn *on_event; /* constant from start on */
    void *event_context;
    bool is_closed;      /* FOREIGN_CLUSTER or ID_TAKEN: no session any more */
    uint64_t now_ms;     /* of this step */
    uint64_t changed_ms; /* status: when `connected` changed last */
    char last_error[COORDINATION_ERROR_TEXT_MAX];
    struct prng prng;

    struct client *client; /* room's thread, without the lock; client_wake from any */
    struct session session;
    struct layout layout;
    struct cluster_duty cluster;
    struct registration registration;
    struct brokers brokers;
    struct controller_duty controller;
    struct view view;
    struct outbox outbox;
};

/* room.c */
void room_run(void *room);
/* Remembers the text for coordination_status; logs it where it is not the last one again. */
void room_error(struct room *room, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Gives up on ZooKeeper for good; the text says why, in the log and the status. */
void room_close(struct room *room, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Frees everything; the thread has ended. */
void room_destroy(struct room *room);

typedef char path_text[COORDINATION_PATH_MAX];
/* The prefix and what is formatted. False where it is too long, which only junk in ZooKeeper makes it. */
bool room_path(const struct room *room, path_text ret_path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * session.c: session_look takes the client's news and returns the watches that fired; session_keep opens and
 * closes the handle, and releases the lock to do so.
 */
uint32_t session_look(struct room *room);
void session_keep(struct room *room);

/* Each duty: a step where its task is due. */
void layout_step(struct room *room);
/* A node's parent was missing: make them all again before anything else. */
void layout_renew(struct room *room);
void cluster_step(struct room *room);
void registration_step(struct room *room);
void brokers_step(struct room *room);
void controller_step(struct room *room);
void view_step(struct room *room);

/* view.c */
enum status view_init(struct view *view) AVIARY_MUST_USE;
void view_finish(struct view *view);
/* ZooKeeper may have lost anything: look at everything again. */
void view_review_all(struct room *room);
/* Not the controller any more: topics are another's. */
void view_forget_topics(struct room *room);
/* A write found another epoch than the fence's. */
void view_lost_fence(struct room *room);
/*
 * What every answer about an entry goes through first. True: the entry is still as it was when it was taken
 * and the answer tells something. False: it was given back, because it was erased, put again, or the answer
 * is lost.
 */
bool view_resume(struct room *room, struct desired *entry, const struct answer *answer);
/* Give a taken entry back. */
void view_settle(struct room *room, struct desired *entry);
void view_again(struct room *room, struct desired *entry);
void view_retry(struct room *room, struct desired *entry);
/* It is done, or superseded: it is no longer desired. */
void view_drop(struct room *room, struct desired *entry);
/* Retries where `status` says that the request was not sent. */
void view_sent(struct room *room, struct desired *entry, enum status status);

/* view_topic.c, view_partition.c, view_removal.c: begin with a taken entry */
void view_topic_begin(struct room *room, struct desired *entry);
void view_partition_begin(struct room *room, struct desired *entry);
void view_removal_begin(struct room *room, struct desired *entry);
/* Desires that nothing is at the path. False where there is no room or memory to note it. */
bool view_put_absent(struct room *room, const char *path) AVIARY_MUST_USE;
/* view_listing.c: finds topics that are not desired. */
void view_listing_step(struct room *room);

/* outbox.c: delivers what waits; releases the lock meanwhile. */
void outbox_deliver(struct room *room);

#endif
