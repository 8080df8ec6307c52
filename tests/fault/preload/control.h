/*
 * The switches of this library: a page of memory that it shares with the test, by way of a file. Set from
 * outside at any time, without a word to the broker. injection.py has the same layout.
 *
 * Environment (not AVIARY_..., which the broker takes for options of its own):
 *   FAULT_CONTROL  the file of the page, at least CONTROL_SIZE bytes
 *   FAULT_ROOT     the broker's data directory: syncs elsewhere are left alone
 *   FAULT_SHADOW   the directory of what is confirmed (shadow.h)
 */
#ifndef AVIARY_TESTS_FAULT_PRELOAD_CONTROL_H
#define AVIARY_TESTS_FAULT_PRELOAD_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

enum { CONTROL_SIZE = 4096 };

struct control {
    _Atomic uint64_t syncs_to_fail;      /* so many of the next syncs fail with EIO */
    _Atomic uint64_t sync_delay_us;      /* every sync takes so much longer */
    _Atomic int64_t realtime_offset_ms;  /* how far the wall clock is off; the monotonic one never is */
    _Atomic uint64_t syncs_total;        /* counted here, for tests: all of the data directory, */
    _Atomic uint64_t syncs_failed_total; /* and those that were made to fail */
};

/* Never NULL: without a FAULT_CONTROL, a page of its own on which everything is off. Any thread. */
struct control *control_page(void);

/* Ends the process: the library cannot do what it is there for, and a test must not pass by that. */
_Noreturn void control_give_up(const char *what);

#endif
