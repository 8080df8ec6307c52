#include "trace.h"

#include "simulation.h"

#include <stdio.h>
#include <stdlib.h>

/* The finaliser of splitmix64 (Steele, Lea, Flood). */
static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void print_time(const struct simulation *simulation, FILE *out) {
    uint64_t now_us = simulation->scheduler.now_us;
    fprintf(out, "%4llu.%06llu ", (unsigned long long)(now_us / 1000000),
            (unsigned long long)(now_us % 1000000));
}

void trace_event(struct simulation *simulation, const char *what, uint64_t who, uint64_t a, uint64_t b,
                 uint64_t c) {
    struct trace *trace = &simulation->trace;
    uint64_t word = 0;
    for (const char *at = what; *at != '\0'; at++) {
        word = word * 31 + (uint8_t)*at;
    }
    trace->hash = mix(trace->hash ^ simulation->scheduler.now_us) + word;
    trace->hash = mix(trace->hash ^ (who << 48) ^ (a << 24) ^ b) + c;
    if (trace->printing) {
        print_time(simulation, stdout);
        printf("%-18s %llu  %llu %llu %llu\n", what, (unsigned long long)who, (unsigned long long)a,
               (unsigned long long)b, (unsigned long long)c);
    }
}

void trace_note(const struct simulation *simulation, const char *format, ...) {
    if (!simulation->trace.printing) {
        return;
    }
    print_time(simulation, stdout);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void violation(const struct simulation *simulation, const char *format, ...) {
    fflush(stdout);
    fprintf(stderr, "seed %llu: ", (unsigned long long)simulation->seed);
    print_time(simulation, stderr);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n  again: simulate --seconds %llu --seed %llu --trace\n",
            (unsigned long long)simulation->seconds, (unsigned long long)simulation->seed);
    fflush(stderr);
    _Exit(1);
}
