/*
 * For the tests of transport's streams: brokers that are a transport, the server that peers reach, and what
 * they heard. Broker i is incarnation 10 x i.
 */
#ifndef AVIARY_TESTS_UNIT_TRANSPORT_ENDS_H
#define AVIARY_TESTS_UNIT_TRANSPORT_ENDS_H

#include "aviary/http/server.h"
#include "aviary/transport.h"

enum { END_MESSAGES_MAX = 20000, END_WAIT_MS = 20000, END_SEND_MS = 2000 };

struct end {
    uint32_t id;
    struct transport *transport;
    struct http_server *server;
    uint16_t port;
    struct mutex mutex; /* guards all below */
    struct condition changed;
    struct raft_message *messages;
    size_t count; /* of messages, those not taken included */
    size_t closed;
    raft_id closed_last;
    size_t hellos;
    struct transport_identity hello;
    bool full; /* takes no message */
};

extern const struct uuid END_CLUSTER;

struct uuid end_disk(uint32_t id);
/* Starts its server; fails the test where it cannot. */
struct end *end_create(uint32_t id, struct uuid cluster_id);
/* Takes one whose server or transport is gone (NULL) already. */
void end_destroy(struct end *end);
/* Serves at that port; 0: a new one. */
void end_serve(struct end *end, uint16_t port);
struct transport_identity end_identity(const struct end *end, struct uuid cluster_id);
struct transport_peer end_peer(const struct end *end);
/* Makes `other` the only peer of `end`. */
void end_know(struct end *end, const struct end *other);
/* The same with an address where nobody answers: `end` lets it in and does not reach it. */
void end_know_unreachable(struct end *end, const struct end *other);
/* Of the only peer. */
struct transport_peer_status end_status(const struct end *end);
/* Waits until `*number`, guarded by the end's mutex, is at least `wanted`; fails the test after END_WAIT_MS.
 */
void end_await(struct end *end, const size_t *number, size_t wanted);
size_t end_number(struct end *end, const size_t *number);
/* Waits until the last error about the only peer has that in it. */
void end_await_error(const struct end *end, const char *text);
/* Waits until our control stream to the only peer stands, or does not. */
void end_await_connected(const struct end *end, bool connected);
/* The same of the bulk stream to its only peer, of which the status does not tell. */
void end_await_bulk(const struct end *end);

struct raft_message end_heartbeat(const struct end *from, const struct end *to, uint64_t number);
/* Sends one message and flushes. */
void end_send(struct end *from, const struct raft_message *message);
/* An append of one entry of group 1 with `size` bytes, each of them the index. `add` leaves the flush to the
 * caller. */
void end_add_entry(struct end *from, const struct end *to, uint64_t index, size_t size);
void end_send_entry(struct end *from, const struct end *to, uint64_t index, size_t size);

/* Two ends that know each other, with all four streams open. */
struct pair {
    struct end *a;
    struct end *b;
};

struct pair pair_create(void);
void pair_destroy(struct pair *pair);

#endif
