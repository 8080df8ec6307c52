/*
 * A duty that is done by looking and then acting, again and again until what is there is what should be:
 * wanted (something may differ), busy (a request is under way), or at rest. Retries wait longer each time.
 */
#ifndef COORDINATION_TASK_H
#define COORDINATION_TASK_H

#include "aviary/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

static inline uint32_t backoff_next(uint32_t backoff_ms) {
    uint32_t doubled = backoff_ms * 2;
    if (doubled < COORDINATION_BACKOFF_MIN_MS) {
        return COORDINATION_BACKOFF_MIN_MS;
    }
    return doubled > COORDINATION_BACKOFF_MAX_MS ? COORDINATION_BACKOFF_MAX_MS : doubled;
}

struct task {
    bool wanted;
    bool busy;
    uint64_t due_ms;     /* not before, clock_monotonic_ms */
    uint32_t backoff_ms; /* of the last failure; 0 after a success */
};

/*
 * Something is known to have changed: look again without waiting any longer, also where a look is under way
 * (it may have come too early).
 */
static inline void task_wake(struct task *task) {
    task->wanted = true;
    task->due_ms = 0;
}

static inline bool task_is_due(const struct task *task, uint64_t now_ms) {
    return task->wanted && !task->busy && now_ms >= task->due_ms;
}

static inline void task_begin(struct task *task) {
    task->wanted = false;
    task->busy = true;
}

/* All is as it should be. */
static inline void task_settle(struct task *task) {
    task->busy = false;
    task->backoff_ms = 0;
    task->due_ms = 0;
}

/* Acted: look at once whether it is as it should be now. */
static inline void task_again(struct task *task) {
    task_settle(task);
    task->wanted = true;
}

static inline void task_fail(struct task *task, uint64_t now_ms) {
    task->busy = false;
    task->wanted = true;
    task->backoff_ms = backoff_next(task->backoff_ms);
    task->due_ms = now_ms + task->backoff_ms;
}

#endif
