/* What client.c and client_request.c share. */
#ifndef COORDINATION_CLIENT_STATE_H
#define COORDINATION_CLIENT_STATE_H

#include "aviary/base/limits.h"
#include "aviary/base/list.h"
#include "aviary/base/thread.h"
#include "client.h"

#include <zookeeper/zookeeper.h>

/* A partition state that is created takes three; the rest is for everything but the view. */
enum { CLIENT_REQUESTS_MAX = 4 * COORDINATION_REQUESTS_MAX };

struct watch_context {
    struct client *client;
    enum watch watch;
};

struct client {
    zhandle_t *handle; /* room's thread */
    uint32_t requested_timeout_ms;
    struct list requests; /* under way, oldest first; room's thread */
    size_t request_count;
    struct watch_context watches[WATCH_COUNT]; /* constant */

    struct mutex lock; /* guards what follows */
    struct condition arrived;
    bool woken;
    size_t unanswered; /* requests not yet posted */
    struct client_news news;
    struct request *answered_first;
    struct request *answered_last;
};

/* A request under way: made by the room's thread, filled by the client's, given back to the room's. */
struct request {
    struct client *client;
    answer_fn *answered;
    void *context;
    struct list link; /* client->requests */
    uint64_t sent_ms;

    bool posted; /* under client->lock */
    struct request *next_answered;
    struct answer answer;
    void *answer_memory;                     /* owned: what the answer points into */
    zoo_op_result_t results[OPERATIONS_MAX]; /* write: the library fills them */
    size_t operation_count;
};

/* From the client's threads or from within zookeeper_close: the request's answer is complete. */
void client_post_answer(struct request *request);
void client_wake_locked(struct client *client);
/* Room's thread. Frees it and takes it off the list. */
void request_destroy(struct request *request);
/* A node's watcher; `context` is a struct watch_context. */
void client_on_watch(zhandle_t *handle, int type, int state, const char *path, void *context);

#endif
