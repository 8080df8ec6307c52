/*
 * Simulated time: events in the order of their time, and of their making where that is equal.
 */
#ifndef AVIARY_TESTS_SIMULATION_SCHEDULER_H
#define AVIARY_TESTS_SIMULATION_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct simulation;
struct event;

typedef void (*event_handler)(struct simulation *simulation, const struct event *event);

struct event {
    uint64_t at_us;
    uint64_t sequence;
    event_handler run;
    void *subject; /* whom it happens to; lives as long as the simulation */
    void *data;    /* who runs the event knows whose it is */
    uint64_t number;
};

struct scheduler {
    uint64_t now_us;
    uint64_t sequence;
    uint64_t run_count;
    struct event *heap;
    size_t count;
    size_t capacity;
};

void scheduler_finish(struct scheduler *scheduler);
/* `at_us` is not before now; sequence is filled in. */
void scheduler_add(struct scheduler *scheduler, struct event event);
/* Takes the next event that is due up to `until_us` and moves the clock to it; false: none, the clock stands
 * at `until_us`. */
bool scheduler_next(struct scheduler *scheduler, uint64_t until_us, struct event *ret_event);

#endif
