/*
 * The HTTP transport, private to this room. http_transport.c: life and sending; receive.c: incoming streams.
 */
#ifndef TRANSPORT_HTTP_PRIVATE_H
#define TRANSPORT_HTTP_PRIVATE_H

#include "sender.h"

struct peer {
    struct transport_peer peer;
    struct sender *control;
    struct sender *bulk;
    /* Incoming streams; guarded by the transport's mutex. */
    uint64_t incoming[SENDER_LANES]; /* the generation of the newest stream of each lane; 0: none stands */
    uint64_t last_heard_ms;
};

struct http_transport {
    struct transport port; /* first */
    struct transport_http_options options;
    struct mutex mutex; /* guards all below */
    struct transport_identity identity;
    struct peer peers[TRANSPORT_PEERS_MAX];
    size_t peer_count;
    uint64_t generation;      /* of incoming streams */
    uint64_t refused_told_ms; /* when a refused stream was logged last; 0: not yet */
};

/* With the mutex held; NULL: not among the peers. */
struct peer *transport_find_incarnation(struct http_transport *transport, raft_id incarnation);

#endif
