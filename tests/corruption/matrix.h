/*
 * The corruption matrix: many data directories, each damaged in one way, and what becomes of each. Everything
 * follows from the seed.
 *
 * The fault model. One fault in one file of a data directory that was closed, or whose process was killed.
 * Whatever it hits must be noticed when it is opened or read, or do no harm. A process that was killed may
 * have written its last commits up to 50 ms before the witness noted them: what rots in just these commits
 * may be lost, and is counted apart.
 */
#ifndef AVIARY_TESTS_CORRUPTION_MATRIX_H
#define AVIARY_TESTS_CORRUPTION_MATRIX_H

#include "damage.h"
#include "verdict.h"

struct matrix_options {
    uint64_t seed;
    uint64_t first; /* number of the first case */
    uint64_t cases;
    uint64_t seconds_max;  /* begins no case after that; 0: no limit */
    const char *directory; /* a folder to work in */
    bool verbose;          /* a line for each case */
};

struct matrix_result {
    uint64_t cases;
    uint64_t failed;
    uint64_t outcomes[FILE_TYPES][OUTCOMES];
};

/* Failed cases are told on stderr with the command that shows each again. */
void matrix_run(const struct matrix_options *options, struct matrix_result *ret_result);

#endif
