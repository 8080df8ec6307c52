/*
 * Assertions that must hold: runs what breaks one in a child process.
 */
#ifndef AVIARY_TESTS_UNIT_ABORTS_H
#define AVIARY_TESTS_UNIT_ABORTS_H

#include <stdbool.h>

/* True where `act(argument)` ends its process by abort(). */
bool aborts(void (*act)(void *argument), void *argument);

#endif
