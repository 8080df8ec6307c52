/*
 * For the tests of broker: a whole broker over a real disk, alone or with peers that nobody is behind.
 */
#ifndef AVIARY_TESTS_UNIT_BROKER_FIXTURE_H
#define AVIARY_TESTS_UNIT_BROKER_FIXTURE_H

#include "aviary/broker.h"
#include "storage_fixture.h"

enum { LIFE_WAIT_MS = 20000 };

/* A broker and all that it needs; its peers are out of reach. */
struct life {
    struct fixture_directory directory;
    struct storage *storage;
    struct coordination *coordination;
    struct transport transport;
    struct broker *broker;
    atomic_uint calls;
    size_t tail_bytes_max;
    uint64_t scrub_bytes_per_second;
    uint64_t scrub_interval_ms;
};

/* Makes the data directory. */
void life_init(struct life *life);
void life_finish(struct life *life);
/* Opens disk and broker, as broker `id`; `peers` NULL: alone. Close afterwards in any case. */
enum status life_open(struct life *life, uint32_t id, const char *peers, struct error *error) AVIARY_MUST_USE;
/* The same as broker 1, and starts it; fails the test where it cannot. */
struct broker *life_start(struct life *life, const char *peers);
/* Stops and destroys, in the order that broker.h asks for. */
void life_close(struct life *life);

/* A deadline that is far enough. */
uint64_t soon(void);
/* Waits until the broker belongs to a cluster and leads it. */
void await_running(struct broker *broker);
/* Makes the topic, if it is not there, and gives the group of its partition. */
uint64_t make_topic(struct broker *broker, const char *name);
/* Appends a batch of three records. */
struct node_answer produce(struct broker *broker, uint64_t group);
/* Reads from `offset` on, checks places, and gives the number of batches. */
size_t fetch(struct broker *broker, uint64_t group, int64_t offset, size_t bytes_max);

#endif
