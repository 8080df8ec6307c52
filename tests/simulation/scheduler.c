#include "scheduler.h"

#include "aviary/base.h"

#include <stdlib.h>

enum { HEAP_CAPACITY_MIN = 1024 };

static bool is_before(const struct event *a, const struct event *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->sequence < b->sequence;
}

void scheduler_finish(struct scheduler *scheduler) {
    free(scheduler->heap);
    *scheduler = (struct scheduler){0};
}

void scheduler_add(struct scheduler *scheduler, struct event event) {
    ASSERT(event.at_us >= scheduler->now_us);
    if (scheduler->count == scheduler->capacity) {
        scheduler->capacity = scheduler->capacity > 0 ? scheduler->capacity * 2 : HEAP_CAPACITY_MIN;
        scheduler->heap = realloc(scheduler->heap, scheduler->capacity * sizeof *scheduler->heap);
        ASSERT(scheduler->heap != NULL);
    }
    event.sequence = scheduler->sequence++;
    size_t at = scheduler->count++;
    while (at > 0 && is_before(&event, &scheduler->heap[(at - 1) / 2])) {
        scheduler->heap[at] = scheduler->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    scheduler->heap[at] = event;
}

/* Puts `event` where the root was, or below. */
static void sift_down(struct scheduler *scheduler, const struct event *event) {
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= scheduler->count) {
            break;
        }
        if (child + 1 < scheduler->count && is_before(&scheduler->heap[child + 1], &scheduler->heap[child])) {
            child++;
        }
        if (!is_before(&scheduler->heap[child], event)) {
            break;
        }
        scheduler->heap[at] = scheduler->heap[child];
        at = child;
    }
    scheduler->heap[at] = *event;
}

bool scheduler_next(struct scheduler *scheduler, uint64_t until_us, struct event *ret_event) {
    if (scheduler->count == 0 || scheduler->heap[0].at_us > until_us) {
        scheduler->now_us = until_us;
        return false;
    }
    *ret_event = scheduler->heap[0];
    scheduler->count--;
    if (scheduler->count > 0) {
        struct event last = scheduler->heap[scheduler->count];
        sift_down(scheduler, &last);
    }
    scheduler->now_us = ret_event->at_us;
    scheduler->run_count++;
    return true;
}
