#include "aviary/base/clock.h"

#include "aviary/base/assert.h"

#include <time.h>

static struct timespec clock_read(clockid_t clock) {
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    ASSERT(failed == 0); /* these clocks exist on every Linux */
    return now;
}

uint64_t clock_monotonic_ms(void) {
    struct timespec now = clock_read(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_us(void) {
    struct timespec now = clock_read(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void) {
    struct timespec now = clock_read(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
