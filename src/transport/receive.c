/*
 * Incoming streams: who opens one is checked, then frames are read, checked and handed on, until the stream
 * ends.
 */
#include "http_private.h"
#include "protocol.h"

#include "aviary/http.h"

enum { RECEIVE_READ_MS = 1000 };

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
        if (lane == SENDER_CONTROL) {
            peer->incoming_control = incoming->generation;
        }
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
        if (status != STATUS_OK || message.from != incoming->incarnation) {
            log_warn("transport", "stream ended", "a frame from incarnation %lu does not hold: %s",
                     (unsigned long)incoming->incarnation, status_name(status));
            if (status == STATUS_OK) {
                raft_message_finish(&message);
            }
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

static void receive_heard(struct http_transport *transport, const struct incoming *incoming) {
    mutex_lock(&transport->mutex);
    struct peer *peer = transport_find_incarnation(transport, incoming->incarnation);
    if (peer) {
        peer->last_heard_ms = clock_monotonic_ms();
    }
    mutex_unlock(&transport->mutex);
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
        if (status == STATUS_OK) {
            frame_reader_add(&incoming->frames, size);
            receive_heard(transport, incoming);
            holds = receive_frames(transport, incoming);
        }
    }
}

/* The peer's newest control stream has ended: its process has, or the way to it. */
static void receive_ended(struct http_transport *transport, const struct incoming *incoming) {
    bool closed = false;
    mutex_lock(&transport->mutex);
    struct peer *peer = transport_find_incarnation(transport, incoming->incarnation);
    if (peer && incoming->lane == SENDER_CONTROL && peer->incoming_control == incoming->generation) {
        peer->incoming_control = 0;
        closed = true;
    }
    mutex_unlock(&transport->mutex);
    if (closed) {
        log_info("transport", "peer closed", "incarnation=%lu", (unsigned long)incoming->incarnation);
        transport->options.listener.on_peer_closed(transport->options.listener.context,
                                                   incoming->incarnation);
    }
}

static void receive_refuse(struct http_response *response, enum status status, const struct error *error,
                           const struct http_request *request) {
    unsigned code = status == STATUS_INVALID ? 40001 : status == STATUS_UNAVAILABLE ? 50301 : 40901;
    http_response_error(response, code, "%s", error->message);
    if (status == STATUS_UNAVAILABLE) {
        http_response_header(response, "Retry-After", "1");
    } else {
        log_warn("transport", "stream refused", "from=%s %s", request->peer_address, error->message);
    }
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
        const struct transport_listener *listener = &transport->options.listener;
        status = receive_check(transport, &theirs, to_broker, lane, &incoming, &error);
        if (status == STATUS_OK) {
            listener->on_peer_hello(listener->context, &theirs);
        }
    }
    if (status != STATUS_OK) {
        receive_refuse(response, status, &error, request);
        return;
    }
    if (http_request_accept_stream(request) == STATUS_OK) {
        frame_reader_init(&incoming.frames,
                          lane == SENDER_CONTROL ? PEER_CONTROL_FRAME_BYTES_MAX : PEER_BULK_FRAME_BYTES_MAX);
        receive_until_end(transport, request, &incoming);
        frame_reader_finish(&incoming.frames);
    }
    receive_ended(transport, &incoming);
}
