/*
 * Waiters: proposals appended and not yet answered, in the order of the log, and repeats of a pending key
 * beside them.
 */
#ifndef REPLICA_WAITERS_H
#define REPLICA_WAITERS_H

#include "aviary/replica.h"

struct waiter {
    enum node_acks acks;
    struct node_answer answer; /* what will be said, status apart; index and term are the entry's */
};

struct waiters {
    struct waiter *slots; /* ascending by index from `head`; repeats stand in `repeats` */
    size_t head;
    size_t count;
    size_t capacity;
    struct waiter *repeats; /* unordered, few */
    size_t repeat_count;
    size_t repeat_capacity;
    size_t leader_count; /* of both kinds, those with acks LEADER */
};

void waiters_finish(struct waiters *waiters);
/* Waiters of both kinds. */
size_t waiters_count(const struct waiters *waiters);
/* Makes sure that the next add or repeat cannot fail. */
enum status waiters_reserve(struct waiters *waiters) AVIARY_MUST_USE;
/* The index is above all of those added before. */
void waiters_add(struct waiters *waiters, const struct waiter *waiter);
void waiters_add_repeat(struct waiters *waiters, const struct waiter *waiter);
/* Removes and returns one that waits for an index up to `index`; false: none left. */
bool waiters_take(struct waiters *waiters, uint64_t index, struct waiter *ret_waiter);
/* Removes and returns one with acks LEADER that waits for an index up to `index`; false: none left. */
bool waiters_take_persisted(struct waiters *waiters, uint64_t index, struct waiter *ret_waiter);

#endif
