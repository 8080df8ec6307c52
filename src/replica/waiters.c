#include "waiters.h"

#include <stdlib.h>

enum { WAITERS_CAPACITY_MIN = 64 };

void waiters_finish(struct waiters *waiters) {
    free(waiters->slots);
    free(waiters->repeats);
    *waiters = (struct waiters){0};
}

size_t waiters_count(const struct waiters *waiters) {
    return waiters->count + waiters->repeat_count;
}

static enum status waiters_reserve_one(struct waiter **slots, size_t used, size_t *capacity) {
    if (used < *capacity) {
        return STATUS_OK;
    }
    size_t grown_capacity = *capacity ? *capacity * 2 : WAITERS_CAPACITY_MIN;
    struct waiter *grown = realloc(*slots, grown_capacity * sizeof *grown);
    if (grown == NULL) {
        return STATUS_NO_MEMORY;
    }
    *slots = grown;
    *capacity = grown_capacity;
    return STATUS_OK;
}

enum status waiters_reserve(struct waiters *waiters) {
    /* Room at the front is used before the array grows. */
    if (waiters->head > 0 && waiters->head + waiters->count == waiters->capacity) {
        memmove(waiters->slots, waiters->slots + waiters->head, waiters->count * sizeof *waiters->slots);
        waiters->head = 0;
    }
    enum status status =
        waiters_reserve_one(&waiters->slots, waiters->head + waiters->count, &waiters->capacity);
    if (status != STATUS_OK) {
        return status;
    }
    return waiters_reserve_one(&waiters->repeats, waiters->repeat_count, &waiters->repeat_capacity);
}

void waiters_add(struct waiters *waiters, const struct waiter *waiter) {
    ASSERT(waiters->head + waiters->count < waiters->capacity);
    waiters->slots[waiters->head + waiters->count] = *waiter;
    waiters->count++;
    waiters->leader_count += waiter->acks == NODE_ACKS_LEADER;
}

void waiters_add_repeat(struct waiters *waiters, const struct waiter *waiter) {
    ASSERT(waiters->repeat_count < waiters->repeat_capacity);
    waiters->repeats[waiters->repeat_count] = *waiter;
    waiters->repeat_count++;
    waiters->leader_count += waiter->acks == NODE_ACKS_LEADER;
}

static bool waiters_take_repeat(struct waiters *waiters, uint64_t index, bool persisted_only,
                                struct waiter *ret_waiter) {
    for (size_t i = 0; i < waiters->repeat_count; i++) {
        struct waiter *repeat = &waiters->repeats[i];
        if (repeat->answer.index <= index && (!persisted_only || repeat->acks == NODE_ACKS_LEADER)) {
            *ret_waiter = *repeat;
            waiters->leader_count -= repeat->acks == NODE_ACKS_LEADER;
            waiters->repeat_count--;
            *repeat = waiters->repeats[waiters->repeat_count];
            return true;
        }
    }
    return false;
}

bool waiters_take(struct waiters *waiters, uint64_t index, struct waiter *ret_waiter) {
    if (waiters->count > 0 && waiters->slots[waiters->head].answer.index <= index) {
        *ret_waiter = waiters->slots[waiters->head];
        waiters->leader_count -= ret_waiter->acks == NODE_ACKS_LEADER;
        waiters->head++;
        waiters->count--;
        if (waiters->count == 0) {
            waiters->head = 0;
        }
        return true;
    }
    return waiters_take_repeat(waiters, index, false, ret_waiter);
}

bool waiters_take_persisted(struct waiters *waiters, uint64_t index, struct waiter *ret_waiter) {
    for (size_t i = 0; waiters->leader_count > 0 && i < waiters->count; i++) {
        struct waiter *waiter = &waiters->slots[waiters->head + i];
        if (waiter->answer.index > index) {
            break;
        }
        if (waiter->acks == NODE_ACKS_LEADER) {
            *ret_waiter = *waiter;
            /* Those before it wait for more than the disk; mostly there are none, and many behind it. */
            struct waiter *first = &waiters->slots[waiters->head];
            memmove(first + 1, first, i * sizeof *first);
            waiters->head++;
            waiters->count--;
            waiters->leader_count--;
            return true;
        }
    }
    return waiters->leader_count > 0 && waiters_take_repeat(waiters, index, true, ret_waiter);
}
