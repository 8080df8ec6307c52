/*
 * The clock port: monotonic milliseconds and microseconds for timers, wall milliseconds for records.
 * Pure rooms take times as arguments; only rooms that act ask a clock.
 */
#ifndef AVIARY_BASE_CLOCK_H
#define AVIARY_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_MONOTONIC. Any thread. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
/* CLOCK_REALTIME, milliseconds since 1970-01-01 UTC. Any thread. */
int64_t clock_wall_ms(void);

#endif
