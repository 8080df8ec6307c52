/*
 * What the test programs' command lines have in common.
 */
#ifndef AVIARY_TESTS_SUPPORT_ARGUMENTS_H
#define AVIARY_TESTS_SUPPORT_ARGUMENTS_H

#include <stdint.h>

/* An option's value; ends the program with 2, and says so, where that is no number. */
uint64_t argument_number(const char *text);

#endif
