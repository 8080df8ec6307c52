#include "http_private.h"

#include <stdio.h>
#include <stdlib.h>

static struct http_transport *transport_of(struct transport *port) {
    return (struct http_transport *)(void *)port;
}

struct peer *transport_find_incarnation(struct http_transport *transport, raft_id incarnation) {
    for (size_t i = 0; i < transport->peer_count; i++) {
        if (transport->peers[i].peer.incarnation == incarnation) {
            return &transport->peers[i];
        }
    }
    return NULL;
}

static void transport_send_message(struct transport *port, const struct raft_message *message) {
    struct http_transport *transport = transport_of(port);
    mutex_lock(&transport->mutex);
    struct peer *peer = transport_find_incarnation(transport, message->to);
    if (peer) {
        sender_add(raft_message_is_bulk(message) ? peer->bulk : peer->control, message);
    }
    mutex_unlock(&transport->mutex);
}

static void transport_flush_all(struct transport *port) {
    struct http_transport *transport = transport_of(port);
    mutex_lock(&transport->mutex);
    for (size_t i = 0; i < transport->peer_count; i++) {
        sender_flush(transport->peers[i].bulk);
        sender_flush(transport->peers[i].control);
    }
    mutex_unlock(&transport->mutex);
}

static const struct transport_operations http_operations = {
    .send = transport_send_message,
    .flush = transport_flush_all,
};

enum status transport_http_create(const struct transport_http_options *options,
                                  struct transport **ret_transport) {
    struct http_transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) {
        return STATUS_NO_MEMORY;
    }
    transport->port.operations = &http_operations;
    transport->options = *options;
    transport->identity = options->identity;
    mutex_init(&transport->mutex);
    *ret_transport = &transport->port;
    return STATUS_OK;
}

void transport_http_listen(struct transport *port, const struct transport_listener *listener) {
    transport_of(port)->options.listener = *listener;
}

static void peer_destroy(struct peer *peer) {
    if (peer->control) {
        sender_stop(peer->control);
    }
    if (peer->bulk) {
        sender_stop(peer->bulk);
    }
    sender_destroy(peer->control);
    sender_destroy(peer->bulk);
}

void transport_http_destroy(struct transport *port) {
    if (port == NULL) {
        return;
    }
    (void)transport_http_set_peers(port, NULL, 0);
    struct http_transport *transport = transport_of(port);
    mutex_finish(&transport->mutex);
    free(transport);
}

static bool peer_same(const struct transport_peer *a, const struct transport_peer *b) {
    return a->incarnation == b->incarnation && a->broker_id == b->broker_id &&
           uuid_equal(&a->disk_uuid, &b->disk_uuid) && strcmp(a->peer_address, b->peer_address) == 0;
}

static bool peer_create(struct http_transport *transport, const struct transport_peer *wanted,
                        struct peer *ret_peer) {
    struct sender_options options = {
        .peer = *wanted,
        .identity = transport->identity,
        .connect_timeout_ms = transport->options.connect_timeout_ms,
        .send_timeout_ms = transport->options.send_timeout_ms,
    };
    *ret_peer = (struct peer){.peer = *wanted};
    options.lane = SENDER_CONTROL;
    enum status status = sender_create(&options, &ret_peer->control);
    if (status == STATUS_OK) {
        options.lane = SENDER_BULK;
        status = sender_create(&options, &ret_peer->bulk);
    }
    if (status != STATUS_OK) {
        log_error("transport", "no sender", "to=%u status=%s", wanted->broker_id, status_name(status));
        peer_destroy(ret_peer);
    }
    return status == STATUS_OK;
}

/* Takes out the peers that are not wanted just so (all of them with `all`). With the mutex held. */
static size_t peers_take_out(struct http_transport *transport, const struct transport_peer *wanted,
                             size_t count, bool all, struct peer *ret_out) {
    size_t kept = 0;
    size_t out = 0;
    for (size_t i = 0; i < transport->peer_count; i++) {
        bool keep = false;
        for (size_t w = 0; w < count && !all && !keep; w++) {
            keep = peer_same(&transport->peers[i].peer, &wanted[w]);
        }
        if (keep) {
            transport->peers[kept++] = transport->peers[i];
        } else {
            ret_out[out++] = transport->peers[i];
        }
    }
    transport->peer_count = kept;
    return out;
}

/* With the mutex held. False: no room, or no threads for it. */
static bool peer_add(struct http_transport *transport, const struct transport_peer *wanted,
                     const struct peer *out, size_t out_count) {
    struct peer *next = &transport->peers[transport->peer_count];
    if (transport->peer_count == TRANSPORT_PEERS_MAX || !peer_create(transport, wanted, next)) {
        return false;
    }
    /* Incoming streams stay as they are where only our way to the peer changed. */
    for (size_t i = 0; i < out_count; i++) {
        if (out[i].peer.incarnation == next->peer.incarnation) {
            memcpy(next->incoming, out[i].incoming, sizeof next->incoming);
            next->last_heard_ms = out[i].last_heard_ms;
        }
    }
    transport->peer_count++;
    return true;
}

/* False: a peer could not be added. */
static bool transport_change_peers(struct http_transport *transport, const struct transport_peer *wanted,
                                   size_t count, bool all) {
    struct peer out[TRANSPORT_PEERS_MAX];
    bool all_added = true;
    mutex_lock(&transport->mutex);
    size_t out_count = peers_take_out(transport, wanted, count, all, out);
    for (size_t w = 0; w < count; w++) {
        if (transport_find_incarnation(transport, wanted[w].incarnation) == NULL) {
            all_added = peer_add(transport, &wanted[w], out, out_count) && all_added;
        }
    }
    mutex_unlock(&transport->mutex);
    for (size_t i = 0; i < out_count; i++) {
        peer_destroy(&out[i]);
    }
    return all_added;
}

bool transport_http_set_peers(struct transport *port, const struct transport_peer *peers, size_t count) {
    return transport_change_peers(transport_of(port), peers, count, false);
}

bool transport_http_set_identity(struct transport *port, const struct transport_identity *identity) {
    struct http_transport *transport = transport_of(port);
    struct transport_peer peers[TRANSPORT_PEERS_MAX];
    mutex_lock(&transport->mutex);
    transport->identity = *identity;
    size_t count = transport->peer_count;
    for (size_t i = 0; i < count; i++) {
        peers[i] = transport->peers[i].peer;
    }
    mutex_unlock(&transport->mutex);
    return transport_change_peers(transport, peers, count, true);
}

static void peer_fill_status(const struct peer *peer, struct transport_peer_status *ret) {
    *ret = (struct transport_peer_status){
        .broker_id = peer->peer.broker_id,
        .incarnation = peer->peer.incarnation,
        .connected_from = peer->incoming[SENDER_CONTROL] != 0,
        .last_heard_ms = peer->last_heard_ms,
    };
    struct sender *senders[] = {peer->control, peer->bulk};
    for (size_t i = 0; i < 2; i++) {
        mutex_lock(&senders[i]->mutex);
        ret->queued_bytes += senders[i]->queued_bytes;
        ret->dropped_total += senders[i]->dropped_total;
        if (senders[i]->last_error[0] != '\0') {
            memcpy(ret->last_error, senders[i]->last_error, sizeof ret->last_error);
        }
        if (i == 0) {
            ret->connected = senders[i]->stream != NULL;
        }
        mutex_unlock(&senders[i]->mutex);
    }
}

size_t transport_http_status(struct transport *port, struct transport_peer_status *ret, size_t max) {
    struct http_transport *transport = transport_of(port);
    mutex_lock(&transport->mutex);
    size_t count = transport->peer_count < max ? transport->peer_count : max;
    for (size_t i = 0; i < count; i++) {
        peer_fill_status(&transport->peers[i], &ret[i]);
    }
    mutex_unlock(&transport->mutex);
    return count;
}
