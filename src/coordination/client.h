/*
 * The ZooKeeper client as the room wants it: a handle that may be dropped and opened anew, asynchronous
 * requests whose answers are called on the room's own thread, and everything that its threads report kept in
 * memory that is bounded by what was asked for. Only client*.c see zookeeper.h; its codes are translated
 * here.
 *
 * Threads: the room's thread calls everything, but client_wake, which any thread may call.
 */
#ifndef COORDINATION_CLIENT_H
#define COORDINATION_CLIENT_H

#include "aviary/base/slice.h"
#include "aviary/base/status.h"

#include <stdint.h>

enum outcome {
    OUTCOME_OK,
    OUTCOME_NO_NODE,
    OUTCOME_EXISTS,
    OUTCOME_BAD_VERSION,
    OUTCOME_NOT_EMPTY,
    OUTCOME_LOST,    /* connection or session lost: a write may have happened, so look before trying again */
    OUTCOME_REFUSED, /* by an access list, a quota, or for want of memory: nothing happened */
};

/* What a request brought; valid during the call. */
struct answer {
    enum outcome outcome;
    size_t failed_operation;  /* write, not OK: the first operation that failed */
    struct slice data;        /* get */
    int32_t version;          /* get */
    int64_t owner_session;    /* get: of an ephemeral node; 0 otherwise */
    const char *const *names; /* children */
    size_t name_count;
};

typedef void answer_fn(void *context, const struct answer *answer);

/* What a watch tells apart; it fires once, and only says "look again". */
enum watch { WATCH_NONE, WATCH_CLUSTER, WATCH_REGISTRATION, WATCH_BROKERS, WATCH_CONTROLLER, WATCH_COUNT };

enum operation_type { OPERATION_CHECK, OPERATION_CREATE, OPERATION_SET, OPERATION_DELETE };

enum { OPERATION_ANY_VERSION = -1, OPERATIONS_MAX = 3 };

struct operation {
    enum operation_type type;
    bool ephemeral; /* CREATE */
    const char *path;
    struct slice data; /* CREATE, SET */
    int32_t version;   /* CHECK, SET, DELETE */
};

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING, /* or connecting again */
    CLIENT_CONNECTED,
    CLIENT_EXPIRED, /* the session is gone: drop the handle */
};

/* What was reported since the last look. */
struct client_news {
    enum client_state state;
    uint64_t connects;  /* times that the handle got connected; one more than before: it was lost meanwhile */
    int64_t session_id; /* when CONNECTED */
    uint32_t timeout_ms; /* the session's, as granted; when CONNECTED */
    uint32_t fired;      /* bit (1 << watch) */
};

struct client;

/* NULL: no memory. */
struct client *client_create(void);
/* Closed before, and all answers given. Takes NULL. */
void client_destroy(struct client *client);

/* Begins to connect; resolves names, and may wait for that. UNAVAILABLE: the message says why. */
enum status client_open(struct client *client, const char *hosts, uint32_t timeout_ms,
                        struct error *error) AVIARY_MUST_USE;
/*
 * Ends the session where it is connected; may wait for a server that hangs, up to a few seconds. Requests
 * under way are answered LOST at the next client_answer. Harmless on a closed client.
 */
void client_close(struct client *client);

/*
 * Requests. OK: `answered` is called once, from client_answer. Otherwise it is never called: UNAVAILABLE
 * (closed or expired), FULL, NO_MEMORY. Paths and data are copied.
 */
enum status client_get(struct client *client, const char *path, enum watch watch, answer_fn *answered,
                       void *context) AVIARY_MUST_USE;
enum status client_children(struct client *client, const char *path, enum watch watch, answer_fn *answered,
                            void *context) AVIARY_MUST_USE;
/* All of the operations or none. */
enum status client_write(struct client *client, const struct operation *operations, size_t count,
                         answer_fn *answered, void *context) AVIARY_MUST_USE;

/* Waits until `deadline_ms`, a report, or a wake that was not yet waited for. */
void client_wait(struct client *client, uint64_t deadline_ms);
void client_wake(struct client *client);
/* Takes what was reported. */
void client_look(struct client *client, struct client_news *ret_news);
/* Calls `answered` of all requests that were answered, in the order of their answers. */
void client_answer(struct client *client);
/* When the oldest request under way was sent; UINT64_MAX: none is. */
uint64_t client_oldest_request_ms(const struct client *client);

#endif
