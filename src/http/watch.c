#include "watch.h"

#include "aviary/base/clock.h"

#include <sys/socket.h>
#include <unistd.h>

/*
 * OFF -> ON by the worker, ON -> CUTTING -> CUT by the watcher, ON or CUT -> OFF by the worker. While it is
 * CUTTING the worker waits, so the connection that the watcher looks for is never closed or used for another
 * request.
 */
enum watch_state { OFF, ON, CUTTING, CUT };

void watch_begin(struct watch *watch, const void *connection, int how, uint64_t deadline_ms) {
    watch->connection = connection;
    watch->how = how;
    atomic_store_explicit(&watch->deadline_ms, deadline_ms, memory_order_relaxed);
    atomic_store_explicit(&watch->state, ON, memory_order_release);
}

void watch_move(struct watch *watch, uint64_t deadline_ms) {
    atomic_store_explicit(&watch->deadline_ms, deadline_ms, memory_order_relaxed);
}

bool watch_end(struct watch *watch) {
    for (;;) {
        int state = ON;
        if (atomic_compare_exchange_strong(&watch->state, &state, OFF) || state == OFF) {
            return false;
        }
        if (state == CUT) {
            atomic_store_explicit(&watch->state, OFF, memory_order_relaxed);
            return true;
        }
        mutex_lock(watch->cutting); /* held until it is CUT */
        mutex_unlock(watch->cutting);
    }
}

static bool is_overdue(const struct watch *watch, uint64_t now_ms) {
    return atomic_load_explicit(&watch->deadline_ms, memory_order_relaxed) <= now_ms;
}

static void shut_down(const struct watcher *watcher, const struct watch *watch) {
    struct socket_ends ends;
    int fd;
    if (watcher->ends(watch->connection, &ends) && socket_find(&ends, &fd) == STATUS_OK) {
        shutdown(fd, watch->how);
        close(fd);
    }
}

static void cut_if_overdue(struct watcher *watcher, struct watch *watch, uint64_t now_ms) {
    int state = ON;
    if (atomic_load_explicit(&watch->state, memory_order_relaxed) != ON || !is_overdue(watch, now_ms)) {
        return;
    }
    mutex_lock(&watcher->cutting);
    if (atomic_compare_exchange_strong(&watch->state, &state, CUTTING)) {
        /* Between the look and the exchange the worker may have ended one watch and begun the next. */
        bool is_late = is_overdue(watch, now_ms);
        if (is_late) {
            shut_down(watcher, watch);
        }
        atomic_store_explicit(&watch->state, is_late ? CUT : ON, memory_order_release);
    }
    mutex_unlock(&watcher->cutting);
}

static void run(void *argument) {
    struct watcher *watcher = argument;
    mutex_lock(&watcher->mutex);
    while (!watcher->stopping) {
        uint64_t now_ms = clock_monotonic_ms();
        mutex_unlock(&watcher->mutex);
        for (size_t i = 0; i < watcher->count; i++) {
            cut_if_overdue(watcher, &watcher->watches[i], now_ms);
        }
        mutex_lock(&watcher->mutex);
        while (!watcher->stopping &&
               condition_wait_until(&watcher->wake, &watcher->mutex, now_ms + WATCH_PERIOD_MS)) {
        }
    }
    mutex_unlock(&watcher->mutex);
}

static void release(struct watcher *watcher) {
    condition_finish(&watcher->wake);
    mutex_finish(&watcher->mutex);
    mutex_finish(&watcher->cutting);
}

enum status watcher_init(struct watcher *watcher, struct watch *watches, size_t count, watch_ends ends,
                         struct error *error) {
    *watcher = (struct watcher){.watches = watches, .count = count, .ends = ends};
    for (size_t i = 0; i < count; i++) {
        watches[i] = (struct watch){.cutting = &watcher->cutting};
    }
    mutex_init(&watcher->cutting);
    mutex_init(&watcher->mutex);
    condition_init(&watcher->wake);
    enum status status = thread_start(&watcher->thread, "http-watch", run, watcher, error);
    if (status != STATUS_OK) {
        release(watcher);
    }
    return status;
}

void watcher_finish(struct watcher *watcher) {
    mutex_lock(&watcher->mutex);
    watcher->stopping = true;
    condition_signal(&watcher->wake);
    mutex_unlock(&watcher->mutex);
    thread_join(&watcher->thread);
    release(watcher);
}
