/*
 * Something asked of the shard by another thread, which may stop waiting at its deadline.
 */
#ifndef BROKER_PENDING_H
#define BROKER_PENDING_H

#include "aviary/base/thread.h"
#include "aviary/broker.h"

#include <stdatomic.h>

struct shard;

struct broker_pending {
    atomic_uint references; /* the asker's and the shard's */
    struct mutex mutex;
    struct condition finished;
    bool done; /* guarded by mutex */
    uint64_t begun_us;
    bool counted;              /* how long it took goes into the histogram */
    struct node_answer answer; /* written in a turn, before done */

    /* MAIL_TASK: runs in a turn; sets answer.status and the results below, then pending_finish, at
     * once or later. */
    void (*task)(struct shard *shard, struct broker_pending *pending);
    uint64_t group;
    raft_id peer;
    uint32_t rank;
    uint64_t hold_ms;
    struct broker_replica_status replica;
    bool found;
    void *collected; /* a task's own: what it is given, or its result, written before done; freed with it */
};

/* Two references. NULL: no memory. */
struct broker_pending *pending_create(void);
/* Takes NULL. */
void pending_release(struct broker_pending *pending);
/* Done: wakes the asker and gives the shard's reference back. */
void pending_finish(struct broker_pending *pending);
/* False where the deadline passed first. */
bool pending_wait(struct broker_pending *pending, uint64_t deadline_ms);

#endif
