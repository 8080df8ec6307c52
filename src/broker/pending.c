#include "pending.h"

#include <stdlib.h>

struct broker_pending *pending_create(void) {
    struct broker_pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL) {
        return NULL;
    }
    atomic_init(&pending->references, 2);
    mutex_init(&pending->mutex);
    condition_init(&pending->finished);
    pending->begun_us = clock_monotonic_us();
    return pending;
}

void pending_release(struct broker_pending *pending) {
    if (pending && atomic_fetch_sub_explicit(&pending->references, 1, memory_order_acq_rel) == 1) {
        condition_finish(&pending->finished);
        mutex_finish(&pending->mutex);
        free(pending->collected);
        free(pending);
    }
}

void pending_finish(struct broker_pending *pending) {
    mutex_lock(&pending->mutex);
    pending->done = true;
    mutex_unlock(&pending->mutex);
    condition_signal(&pending->finished); /* outside: who waits must not wake only to wait for the mutex */
    pending_release(pending);
}

bool pending_wait(struct broker_pending *pending, uint64_t deadline_ms) {
    mutex_lock(&pending->mutex);
    while (!pending->done) {
        if (!condition_wait_until(&pending->finished, &pending->mutex, deadline_ms)) {
            break;
        }
    }
    bool done = pending->done;
    mutex_unlock(&pending->mutex);
    return done;
}
