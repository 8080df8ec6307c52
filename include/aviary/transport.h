/*
 * transport: carries Raft messages between brokers. A port, and its HTTP implementation: two long-lived POSTs
 * to each peer, docs/peer-protocol.md.
 *
 * Delivery is best effort: a message may be lost, never altered, and messages of one lane to one peer keep
 * their order. Raft copes with the rest.
 */
#ifndef AVIARY_TRANSPORT_H
#define AVIARY_TRANSPORT_H

#include "aviary/raft/types.h"

struct transport;

struct transport_operations {
    /*
     * Queues a message to incarnation `message->to`; entries and data are retained as long as needed, the
     * message itself stays the caller's. Never blocks: with a full queue or an unknown peer the message is
     * dropped. Threads: one at a time.
     */
    void (*send)(struct transport *transport, const struct raft_message *message);
    /* Ends a burst of sends: what was queued for each peer goes out together, as one frame a lane where it
     * fits. */
    void (*flush)(struct transport *transport);
};

/* The implementation's object begins with this. */
struct transport {
    const struct transport_operations *operations;
};

static inline void transport_send(struct transport *transport, const struct raft_message *message) {
    transport->operations->send(transport, message);
}

static inline void transport_flush(struct transport *transport) {
    transport->operations->flush(transport);
}

/* ---- Message encoding (pure; docs/peer-protocol.md) ---- */

/* Appends the message's bytes. Entries' bytes are copied. */
void transport_encode_message(const struct raft_message *message, struct buffer *out);
/*
 * Reads one message, entries checked (entry_check) and copied into blobs: raft_message_finish releases them.
 * CORRUPT, UNSUPPORTED (unknown type), NO_MEMORY; `ret` untouched on failure. Never reads past the reader.
 */
enum status transport_decode_message(struct reader *reader, struct raft_message *ret) AVIARY_MUST_USE;

/* ---- HTTP ---- */

struct http_server;
struct http_request;
struct http_response;

/* Who one is: said when a stream opens, checked by the other side. */
struct transport_identity {
    struct uuid cluster_id; /* zero: not yet part of a cluster */
    uint32_t broker_id;
    struct uuid disk_uuid;
    char rest_address[HOST_SIZE_MAX + 8]; /* "host:port" as others reach it */
    char peer_address[HOST_SIZE_MAX + 8];
};

struct transport_peer {
    raft_id incarnation;
    uint32_t broker_id;
    struct uuid disk_uuid;
    char peer_address[HOST_SIZE_MAX + 8];
};

enum { TRANSPORT_PEERS_MAX = BROKERS_MAX };

/* Called on reader threads, which hold no lock then; must not wait for anybody. */
struct transport_listener {
    void *context;
    /* Takes over `message` (raft_message_finish) where it returns true; false: mailbox full, dropped by the
     * caller. */
    bool (*on_message)(void *context, struct raft_message *message);
    /* All messages that had arrived at once were handed to on_message. */
    void (*on_received)(void *context);
    /* The incoming streams of that broker closed: its process ended or is unreachable. */
    void (*on_peer_closed)(void *context, raft_id incarnation);
    /* A stream opened by broker `broker_id` said this of itself (after the checks). */
    void (*on_peer_hello)(void *context, const struct transport_identity *identity);
};

struct transport_http_options {
    struct transport_identity identity;
    struct transport_listener listener;
    uint64_t connect_timeout_ms;
    uint64_t send_timeout_ms; /* a peer that takes nothing for so long is cut off */
};

/* Starts no stream before transport_http_set_peers. NO_MEMORY. */
enum status transport_http_create(const struct transport_http_options *options,
                                  struct transport **ret_transport) AVIARY_MUST_USE;
/* Who hears of messages and closed streams. Once, before the first transport_http_handle. */
void transport_http_listen(struct transport *transport, const struct transport_listener *listener);
/*
 * Closes all streams and joins all sender threads. Takes NULL. The peer server must have been destroyed
 * before, so that nobody is inside transport_http_handle.
 */
void transport_http_destroy(struct transport *transport);
/*
 * The cluster id once it is known, or new addresses of our own. Streams are opened anew. Same thread and
 * result as transport_http_set_peers.
 */
bool transport_http_set_identity(struct transport *transport, const struct transport_identity *identity);
/*
 * The peers there are from now on. Streams to and from others close; a changed address reconnects. One thread
 * at a time; may wait as long as a connect or a send may take. False: no threads for one of them, or more
 * than TRANSPORT_PEERS_MAX; the others stand, and the same call later tries again.
 */
bool transport_http_set_peers(struct transport *transport, const struct transport_peer *peers, size_t count);

/* Whether the request opens a stream of ours: for the peer server's is_stream hook. */
bool transport_http_is_stream(const struct http_request *request);
/* Serves such a request: returns when the stream ends, or with a refusal in the response. */
void transport_http_handle(struct transport *transport, struct http_request *request,
                           struct http_response *response);

/*
 * A stranger, a wrong cluster, another protocol version: refused with 409 and a message. A frame that is
 * damaged, or says it comes from somebody else, ends its stream, and so does a newer stream of the same peer.
 */

struct transport_peer_status {
    uint32_t broker_id;
    raft_id incarnation;
    bool connected;         /* our control stream to it stands */
    bool connected_from;    /* its control stream to us stands */
    uint64_t last_heard_ms; /* monotonic; 0: never */
    uint64_t queued_bytes;
    uint64_t dropped_total;
    char last_error[128];
};
/* Fills at most `max`, returns how many. Any thread. */
size_t transport_http_status(struct transport *transport, struct transport_peer_status *ret, size_t max);

#endif
