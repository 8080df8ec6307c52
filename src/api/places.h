/*
 * Places: of what takes a lot of memory while it is put together only so many do it at once. The others wait
 * their turn, which costs them nothing where there are more places than processors.
 */
#ifndef API_PLACES_H
#define API_PLACES_H

#include "aviary/base/status.h"
#include "aviary/base/thread.h"

struct places {
    struct mutex mutex;
    struct condition left;
    unsigned free; /* under the mutex */
};

void places_init(struct places *places, unsigned count);
void places_finish(struct places *places);
/* Waits until `deadline_ms` (monotonic) at most; false: none became free. */
bool places_take(struct places *places, uint64_t deadline_ms) AVIARY_MUST_USE;
void places_give(struct places *places);

#endif
