/*
 * Allocations that fail on demand, to test what happens then: malloc, calloc, realloc and strdup of our own
 * objects (the linker's --wrap; libraries that are loaded at run time go on undisturbed).
 *
 *     for (uint64_t n = 1; ; n++) {
 *         allocation_fail_at(n);
 *         enum status status = act();
 *         if (!allocation_failed()) { break; }  // act needs fewer than n
 *         assert_int_equal(status, STATUS_NO_MEMORY);
 *     }
 *
 * Threads: one.
 */
#ifndef AVIARY_TESTS_UNIT_ALLOCATION_H
#define AVIARY_TESTS_UNIT_ALLOCATION_H

#include <stdbool.h>
#include <stdint.h>

/* The nth allocation from now, counted from 1, gives NULL, and so do those after it; 0: none fails any more.
 */
void allocation_fail_at(uint64_t nth);
/* The nth alone: memory is short for a moment. */
void allocation_fail_once_at(uint64_t nth);
/* True where one failed since; and none fails any more. */
bool allocation_failed(void);
/* How many there were since the last of the first two. */
uint64_t allocation_count(void);
/* What a test allocates for itself between the two neither counts nor fails. They do not nest. */
void allocation_pause(void);
void allocation_resume(void);

#endif
