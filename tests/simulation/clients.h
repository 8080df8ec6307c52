/*
 * Producers, who repeat what got no answer under the same idempotency key, and readers.
 */
#ifndef AVIARY_TESTS_SIMULATION_CLIENTS_H
#define AVIARY_TESTS_SIMULATION_CLIENTS_H

#include "profile.h"
#include "scheduler.h"

struct producer {
    uint32_t number;
    uint64_t operation;  /* that it wants stored; 0: none */
    uint64_t attempt;    /* whose answer it waits for; 0: none */
    uint64_t last_keyed; /* its last acknowledged operation with a key; 0: none */
    size_t broker;       /* whom it takes for the leader */
    uint32_t tries;
};

struct clients {
    struct producer producers[PRODUCERS_MAX];
};

struct simulation;

void clients_start(struct simulation *simulation);
/* The attempt ended at its broker: whoever made it hears of it, a moment later or never. */
void clients_answer_later(struct simulation *simulation, uint64_t attempt);
/* One batch, asked of a broker at once; the answer goes to nobody but the checks. Its operation. */
uint64_t clients_probe(struct simulation *simulation, size_t broker, uint64_t group);

#endif
