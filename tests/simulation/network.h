/*
 * The network between brokers: delay, loss, repetition, reordering, links that carry nothing one way or both,
 * streams that close. What is under way belongs to the network: a message, or, where the profile wants
 * frames, the bytes of some (streams.h).
 */
#ifndef AVIARY_TESTS_SIMULATION_NETWORK_H
#define AVIARY_TESTS_SIMULATION_NETWORK_H

#include "profile.h"
#include "scheduler.h"
#include "streams.h"

#include "aviary/raft/types.h"

/* Messages of one lane keep their order, where the profile does not reorder. */
enum network_lane { NETWORK_CONTROL, NETWORK_BULK, NETWORK_LANES };

struct packet {
    struct raft_message message; /* with references of its own */
    struct blob *bytes;          /* or these, of whole frames when they were sent; NULL: the message */
    enum network_lane lane;
    raft_id sender;
    size_t from; /* positions of brokers */
    size_t to;
    uint64_t stream;
    struct list link;
};

struct lane {
    uint64_t stream; /* grows when it closes: what was under way is lost */
    uint64_t last_us;
    struct byte_stream bytes;
};

struct link {
    bool cut;
    uint64_t slow_us; /* on top of everybody's latency */
    struct lane lanes[NETWORK_LANES];
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

struct broker;
struct simulation;

void network_init(struct simulation *simulation);
void network_finish(struct network *network);
/* Copies what it needs. */
void network_send(struct simulation *simulation, size_t from, const struct raft_message *message);
/* The end of a burst: what is to be sent as frames goes out. */
void network_flush(struct simulation *simulation, size_t from);
/* Its process ended: streams of bytes end where they were. */
void network_end_broker(struct simulation *simulation, size_t position);
/* A message has come to a broker that is up. */
void network_receive(struct simulation *simulation, struct broker *broker,
                     const struct raft_message *message);
/* `to` ends one lane of what `from` sends to it, and knows. */
void network_end_stream(struct simulation *simulation, const struct packet *packet);
/* What `from` sends to `to` ends, and that one hears of it a moment later. */
void network_close_stream(struct simulation *simulation, size_t from, size_t to);
/* Both ways; each side hears of it a moment later, or not at all where the link is cut. */
void network_close_streams(struct simulation *simulation, size_t a, size_t b);
void network_calm(struct simulation *simulation);
/* No link is cut or slow; streams that may be damaged begin anew. */
void network_heal(struct simulation *simulation);

#endif
