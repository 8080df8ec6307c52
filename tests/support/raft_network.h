/*
 * A network in memory for Raft messages: latency, loss, repetition, reordering, cut links; all from one seed.
 */
#ifndef AVIARY_TESTS_SUPPORT_RAFT_NETWORK_H
#define AVIARY_TESTS_SUPPORT_RAFT_NETWORK_H

#include "aviary/raft.h"

enum { NETWORK_IDS_MAX = 16 };

struct packet {
    struct raft_message message; /* owned */
    uint64_t at_ms;
    uint64_t sequence;
};

struct network {
    struct prng prng;
    struct packet *packets;
    size_t count;
    size_t capacity;
    uint64_t sequence;
    uint64_t latency_ms;                        /* of an undisturbed message */
    uint64_t jitter_ms;                         /* added at random: reorders */
    uint64_t drop_percent;                      /* lost */
    uint64_t repeat_percent;                    /* delivered twice */
    bool cut[NETWORK_IDS_MAX][NETWORK_IDS_MAX]; /* from, to: nothing gets through */
};

void network_init(struct network *network, uint64_t seed);
void network_finish(struct network *network);
/* Copies the message, with references of its own. */
void network_send(struct network *network, uint64_t now_ms, const struct raft_message *message);
/* The next message that is due; false: none. The caller finishes it. */
bool network_receive(struct network *network, uint64_t now_ms, struct raft_message *ret_message);
/* Drops what is under way from `from` to `to`; 0: any. */
void network_drop(struct network *network, raft_id from, raft_id to);
/* How many messages of that type are under way. */
size_t network_count(const struct network *network, enum raft_message_type type);

#endif
