/*
 * Deadlines on blocking calls into civetweb, which has none of its own that a slow peer cannot stretch.
 *
 * A worker begins a watch, calls, and ends the watch. A thread looks at all watches every WATCH_PERIOD_MS and
 * shuts down the sockets of those that are overdue, whereupon the blocked call returns. The fast path costs a
 * few atomic stores and no system call.
 */
#ifndef AVIARY_HTTP_WATCH_H
#define AVIARY_HTTP_WATCH_H

#include "aviary/base/thread.h"
#include "socket.h"

#include <stdatomic.h>

enum { WATCH_PERIOD_MS = 100, WATCH_ALIGNMENT = 64 };

/*
 * One a worker thread; off after watcher_init. The worker writes all of it, but for the steps of `state` that
 * are the watcher's.
 */
struct watch {
    _Alignas(WATCH_ALIGNMENT) atomic_int state; /* enum watch_state in watch.c */
    atomic_uint_fast64_t deadline_ms;
    const void *connection;
    int how;               /* for shutdown(2) */
    struct mutex *cutting; /* held by the watcher while a watch is CUTTING */
};

/* Tells both ends of a watched connection; runs on the watching thread while the connection is held open. */
typedef bool (*watch_ends)(const void *connection, struct socket_ends *ret_ends);

/* `deadline_ms` is monotonic. */
void watch_begin(struct watch *watch, const void *connection, int how, uint64_t deadline_ms);
/* Moves the deadline of a watch that was begun. */
void watch_move(struct watch *watch, uint64_t deadline_ms);
/* True where the deadline has passed and the socket was shut down. Does nothing where none was begun. */
bool watch_end(struct watch *watch);

struct watcher {
    struct watch *watches; /* the owner's, and outlive the watcher */
    size_t count;
    watch_ends ends;
    struct thread thread;
    struct mutex cutting;
    struct mutex mutex;
    struct condition wake;
    bool stopping; /* under mutex */
};

enum status watcher_init(struct watcher *watcher, struct watch *watches, size_t count, watch_ends ends,
                         struct error *error) AVIARY_MUST_USE;
void watcher_finish(struct watcher *watcher);

#endif
