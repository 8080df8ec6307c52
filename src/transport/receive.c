/*
 * Incoming streams: who opens one is checked, then frames are read, checked and handed on, until the stream
 * ends.
 */
#include "http_private.h"
#include "protocol.h"

#include "aviary/http.h"

enum { RECEIVE_READ_MS = 1000, RECEIVE_REFUSED_LOG_MS = 10000 };

static bool segment_is(const struct http_request *request, size_t position, const char *text) {
    return slice_equal(request->segments[position], slice_of_string(text));
}

bool transport_http_is_stream(const struct http_request *request) {
    return request->method == HTTP_METHOD_POST && request->segment_count == 3 &&
           segment_is(request, 0, "raft") && segment_is(request, 1, "v1") &&
           (segment_is(request, 2, "control") || segment_is(request, 2, "bulk"));
}

/* An incoming stream that was let in. */
struct incoming {
    raft_id incarnation;
    uint64_t generation;
    enum sender_lane lane;
    struct frame_reader frames;
};

/* Whether the other side is who we know, and means us. */
static enum status receive_check(struct http_transport *transport, const struct transport_identity *theirs,
                                 uint32_t to_broker, enum sender_lane lane, struct incoming *incoming,
                                 struct error *error) {
    enum status status = STATUS_OK;
    mutex_lock(&transport->mutex);
    struct peer *peer = NULL;
    for (size_t i = 0; i < transport->peer_count; i++) {
        if (uuid_equal(&transport->peers[i].peer.disk_uuid, &theirs->disk_uuid) &&
            transport->peers[i].peer.broker_id == theirs->broker_id) {
            peer = &transport->peers[i];
        }
    }
    if (uuid_is_zero(&transport->identity.cluster_id)) {
        status = error_set(error, STATUS_UNAVAILABLE, "this broker does not belong to a cluster yet");
    } else if (!uuid_equal(&transport->identity.cluster_id, &theirs->cluster_id)) {
        status = error_set(error, STATUS_CONFLICT, "this broker belongs to another cluster");
    } else if (to_broker != transport->identity.broker_id) {
        status = error_set(error, STATUS_CONFLICT, "this is broker %u, not %u", transport->identity.broker_id,
                           to_broker);
    } else if (peer == NULL) {
        status = error_set(error, STATUS_CONFLICT,
                           "broker %u with this disk is not known here: it must register first",
                           theirs->broker_id);
    } else {
        incoming->incarnation = peer->peer.incarnation;
        incoming->generation = ++transport->generation;
        incoming->lane = lane;
        peer->last_heard_ms = clock_monotonic_ms();
        peer->incoming[lane] = incoming->generation;
    }
    mutex_unlock(&transport->mutex);
    return status;
}

/* False: the stream must end. */
static bool receive_payload(struct http_transport *transport, const struct incoming *incoming,
                            struct slice payload) {
    struct reader reader = reader_make(payload);
    while (!reader_done(&reader)) {
        struct raft_message message;
        enum status status = transport_decode_message(&reader, &message);
        if (status == STATUS_OK && message.from != incoming->incarnation) {
            raft_message_finish(&message);
            status = STATUS_CONFLICT; /* it speaks for somebody else */
        }
        if (status != STATUS_OK) {
            log_warn("transport", "stream ended", "a message from incarnation %lu does not hold: %s",
                     (unsigned long)incoming->incarnation, status_name(status));
            return false;
        }
        const struct transport_listener *listener = &transport->options.listener;
        if (!listener->on_message(listener->context, &message)) {
            raft_message_finish(&message);
        }
    }
    return true;
}

static bool receive_frames(struct http_transport *transport, struct incoming *incoming) {
    struct slice payload;
    enum status status = frame_reader_next(&incoming->frames, &payload);
    while (status == STATUS_OK) {
        if (!receive_payload(transport, incoming, payload)) {
            return false;
        }
        status = frame_reader_next(&incoming->frames, &payload);
    }
    if (status == STATUS_CORRUPT) {
        log_warn("transport", "stream ended", "a damaged frame from incarnation %lu",
                 (unsigned long)incoming->incarnation);
    }
    return status == STATUS_NOT_FOUND;
}

/* With the mutex held; NULL: the peer is gone, or has opened a newer stream of this lane. */
static struct peer *receive_peer(struct http_transport *transport, const struct incoming *incoming) {
    struct peer *peer = transport_find_incarnation(transport, incoming->incarnation);
    return peer && peer->incoming[incoming->lane] == incoming->generation ? peer : NULL;
}

/*
 * False: the stream must end. A peer that lost its power leaves one behind that would stand for ever, and its
 * place with it: there is no silence that means death, since a broker without a group to lead says nothing.
 */
static bool receive_is_newest(struct http_transport *transport, const struct incoming *incoming, bool heard) {
    mutex_lock(&transport->mutex);
    struct peer *peer = receive_peer(transport, incoming);
    if (peer && heard) {
        peer->last_heard_ms = clock_monotonic_ms();
    }
    mutex_unlock(&transport->mutex);
    return peer != NULL;
}

static void receive_until_end(struct http_transport *transport, struct http_request *request,
                              struct incoming *incoming) {
    enum status status = STATUS_OK;
    bool holds = true;
    while (holds && (status == STATUS_OK || status == STATUS_TIMEOUT)) {
        size_t size;
        uint8_t *space = frame_reader_space(&incoming->frames, &size);
        if (space == NULL) {
            return;
        }
        status = http_request_read(request, space, size, clock_monotonic_ms() + RECEIVE_READ_MS, &size);
        holds = receive_is_newest(transport, incoming, status == STATUS_OK);
        if (holds && status == STATUS_OK) {
            frame_reader_add(&incoming->frames, size);
            holds = receive_frames(transport, incoming);
            transport->options.listener.on_received(transport->options.listener.context);
        }
    }
}

/* The peer's newest control stream has ended: its process has, or the way to it. */
static void receive_ended(struct http_transport *transport, const struct incoming *incoming) {
    mutex_lock(&transport->mutex);
    struct peer *peer = receive_peer(transport, incoming);
    if (peer) {
        peer->incoming[incoming->lane] = 0;
    }
    mutex_unlock(&transport->mutex);
    if (peer && incoming->lane == SENDER_CONTROL) {
        log_info("transport", "peer closed", "incarnation=%lu", (unsigned long)incoming->incarnation);
        transport->options.listener.on_peer_closed(transport->options.listener.context,
                                                   incoming->incarnation);
    }
}

/* A stranger tries again ten times a second, in vain: told once in a while. */
static void receive_log_refusal(struct http_transport *transport, const char *from, const char *message) {
    uint64_t now_ms = clock_monotonic_ms();
    mutex_lock(&transport->mutex);
    bool due =
        transport->refused_told_ms == 0 || now_ms >= transport->refused_told_ms + RECEIVE_REFUSED_LOG_MS;
    if (due) {
        transport->refused_told_ms = now_ms;
    }
    mutex_unlock(&transport->mutex);
    if (due) {
        log_warn("transport", "stream refused", "from=%s %s", from, message);
    }
}

static void receive_refuse(struct http_transport *transport, const struct http_request *request,
                           struct http_response *response, const struct error *error) {
    unsigned code = error->status == STATUS_INVALID       ? 40001
                    : error->status == STATUS_UNAVAILABLE ? 50301
                                                          : 40901;
    http_response_error(response, code, "%s", error->message);
    if (error->status == STATUS_UNAVAILABLE) {
        http_response_header(response, "Retry-After", "1");
    } else {
        receive_log_refusal(transport, request->peer_address, error->message);
    }
}

/* Serves a stream that was let in. OK, or why it was not accepted after all. */
static enum status receive_serve(struct http_transport *transport, struct http_request *request,
                                 struct incoming *incoming, struct error *error) {
    enum status status = http_request_accept_stream(request);
    if (status == STATUS_OK) {
        frame_reader_init(&incoming->frames, incoming->lane == SENDER_CONTROL ? PEER_CONTROL_FRAME_BYTES_MAX
                                                                              : PEER_BULK_FRAME_BYTES_MAX);
        receive_until_end(transport, request, incoming);
        frame_reader_finish(&incoming->frames);
    }
    receive_ended(transport, incoming);
    return status == STATUS_OK ? status : error_set(error, STATUS_UNAVAILABLE, "this broker is stopping");
}

void transport_http_handle(struct transport *port, struct http_request *request,
                           struct http_response *response) {
    struct http_transport *transport = (struct http_transport *)(void *)port;
    enum sender_lane lane = segment_is(request, 2, "control") ? SENDER_CONTROL : SENDER_BULK;
    struct transport_identity theirs;
    struct incoming incoming;
    struct error error;
    uint32_t to_broker;
    enum status status = protocol_head_read(request, &theirs, &to_broker, &error);
    if (status == STATUS_OK) {
        status = receive_check(transport, &theirs, to_broker, lane, &incoming, &error);
    }
    if (status == STATUS_OK) {
        const struct transport_listener *listener = &transport->options.listener;
        listener->on_peer_hello(listener->context, &theirs);
        status = receive_serve(transport, request, &incoming, &error);
    }
    if (status != STATUS_OK) {
        receive_refuse(transport, request, response, &error);
    }
}
