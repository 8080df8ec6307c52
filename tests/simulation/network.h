/*
 * The network between brokers: delay, loss, repetition, reordering, links that carry nothing one way or both,
 * streams that close. What is under way belongs to the network.
 */
#ifndef AVIARY_TESTS_SIMULATION_NETWORK_H
#define AVIARY_TESTS_SIMULATION_NETWORK_H

#include "profile.h"
#include "scheduler.h"

#include "aviary/raft/types.h"

struct packet {
    struct raft_message message; /* with references of its own */
    size_t from;                 /* positions of brokers */
    size_t to;
    uint64_t stream;
    struct list link;
};

/* Messages of one lane keep their order, where the profile does not reorder: control and bulk. */
enum { NETWORK_LANES = 2 };

struct link {
    bool cut;
    uint64_t stream; /* grows when it closes: what was under way is lost */
    uint64_t last_us[NETWORK_LANES];
};

struct network {
    struct list packets;
    struct link links[SIMULATION_BROKERS_MAX][SIMULATION_BROKERS_MAX]; /* [from][to] */
    /* Of now: the profile's, or a storm's. */
    uint64_t latency_us;
    uint64_t jitter_us;
    uint64_t drop_per_million;
    uint64_t repeat_per_million;
    uint64_t straggler_per_million;
    uint64_t sent_count;
};

struct simulation;

void network_init(struct simulation *simulation);
void network_finish(struct network *network);
/* Copies what it needs. */
void network_send(struct simulation *simulation, size_t from, const struct raft_message *message);
/* What `from` sends to `to` ends, and that one hears of it a moment later. */
void network_close_stream(struct simulation *simulation, size_t from, size_t to);
/* Both ways; each side hears of it a moment later, or not at all where the link is cut. */
void network_close_streams(struct simulation *simulation, size_t a, size_t b);
void network_calm(struct simulation *simulation);
void network_heal(struct network *network);

#endif
