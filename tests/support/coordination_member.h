/*
 * A broker as coordination sees it, for tests: an object of the port, and all that it told so far.
 */
#ifndef AVIARY_TESTS_SUPPORT_COORDINATION_MEMBER_H
#define AVIARY_TESTS_SUPPORT_COORDINATION_MEMBER_H

#include "aviary/base/thread.h"
#include "aviary/coordination/zookeeper.h"

enum { MEMBER_SESSION_TIMEOUT_MS = 1000, MEMBER_WAIT_MS = 15000 };

struct member {
    struct coordination *coordination;
    struct coordination_broker self;
    uint32_t session_timeout_ms; /* MEMBER_SESSION_TIMEOUT_MS; may be changed before the start */

    struct mutex lock; /* guards what follows; hold it to read */
    int broker_events;
    size_t broker_count;
    struct coordination_broker brokers[BROKERS_MAX];
    int controller_events;
    uint32_t controller_id;
    uint64_t controller_term;
    uint64_t controller_epoch;
    int session_events[COORDINATION_SESSION_REOPENED + 1]; /* how many of each state */
    int cluster_events;
    struct coordination_cluster cluster;
    int foreign_events;
    int id_taken_events;
    struct coordination_broker id_taken_by;
};

/* `disk` fills the disk uuid, so that members are told apart. */
void member_init(struct member *member, uint32_t id, uint8_t disk);
/* Starts on 127.0.0.1:port under `prefix`; `cluster` may be NULL. */
void member_start(struct member *member, uint16_t port, const char *prefix,
                  const struct coordination_cluster *cluster);
/* Also ends its session. Takes a stopped one. */
void member_stop(struct member *member);

struct coordination_cluster member_cluster(uint8_t id);

/* Waits until `condition` holds, looked at under `member->lock`; fails the test after MEMBER_WAIT_MS. */
#define MEMBER_AWAIT(member, condition)                                                                      \
    AWAIT(({                                                                                                 \
        mutex_lock(&(member)->lock);                                                                         \
        bool holds_ = (condition);                                                                           \
        mutex_unlock(&(member)->lock);                                                                       \
        holds_;                                                                                              \
    }))

/* Waits until `condition` holds; fails the test after MEMBER_WAIT_MS. */
#define AWAIT(condition)                                                                                     \
    do {                                                                                                     \
        uint64_t await_deadline_ms_ = await_begin();                                                         \
        while (!(condition)) {                                                                               \
            await_pause(await_deadline_ms_, #condition, __FILE__, __LINE__);                                 \
        }                                                                                                    \
    } while (0)
uint64_t await_begin(void);
void await_pause(uint64_t deadline_ms, const char *what, const char *file, int line);

#endif
