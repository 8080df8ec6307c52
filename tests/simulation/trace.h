/*
 * What happened: every event goes into one running hash, so that two runs can be compared; printed where
 * asked for. A broken promise ends the run here.
 */
#ifndef AVIARY_TESTS_SIMULATION_TRACE_H
#define AVIARY_TESTS_SIMULATION_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct simulation;

struct trace {
    uint64_t hash;
    bool printing;
};

/* `what` is a literal; `who` a broker's or a client's number. */
void trace_event(struct simulation *simulation, const char *what, uint64_t who, uint64_t a, uint64_t b,
                 uint64_t c);
/* A line for people only: not part of the hash. */
void trace_note(const struct simulation *simulation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints what was broken, the seed, and the command that shows it again; ends the process. */
void violation(const struct simulation *simulation, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
