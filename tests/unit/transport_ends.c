#include "transport_ends.h"

#include "aviary/raft/entry.h"
#include "transport/http_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONNECT_MS = 2000, LOOK_US = 2000 };

const struct uuid END_CLUSTER = {{0xc1}};

struct uuid end_disk(uint32_t id) {
    return (struct uuid){{0xd0, (uint8_t)id}};
}

static bool on_message(void *context, struct raft_message *message) {
    struct end *end = context;
    mutex_lock(&end->mutex);
    bool taken = !end->full && end->count < END_MESSAGES_MAX;
    if (taken) {
        end->messages[end->count] = *message;
    }
    end->count++;
    condition_broadcast(&end->changed);
    mutex_unlock(&end->mutex);
    return taken;
}

static void on_peer_closed(void *context, raft_id incarnation) {
    struct end *end = context;
    mutex_lock(&end->mutex);
    end->closed++;
    end->closed_last = incarnation;
    condition_broadcast(&end->changed);
    mutex_unlock(&end->mutex);
}

static void on_peer_hello(void *context, const struct transport_identity *identity) {
    struct end *end = context;
    mutex_lock(&end->mutex);
    end->hellos++;
    end->hello = *identity;
    condition_broadcast(&end->changed);
    mutex_unlock(&end->mutex);
}

static bool is_stream(void *context, const struct http_request *request) {
    (void)context;
    return transport_http_is_stream(request);
}

static void handle(void *context, struct http_request *request, struct http_response *response) {
    struct end *end = context;
    if (transport_http_is_stream(request)) {
        transport_http_handle(end->transport, request, response);
    }
}

struct transport_identity end_identity(const struct end *end, struct uuid cluster_id) {
    struct transport_identity identity = {
        .cluster_id = cluster_id, .broker_id = end->id, .disk_uuid = end_disk(end->id)};
    snprintf(identity.rest_address, sizeof identity.rest_address, "rest-%u:1", end->id);
    snprintf(identity.peer_address, sizeof identity.peer_address, "peer-%u:2", end->id);
    return identity;
}

void end_serve(struct end *end, uint16_t port) {
    struct error error;
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    struct http_server_options options = {.listen = address, .connections_max = 16, .is_stream = is_stream};
    if (http_server_create(&options, handle, end, &end->server, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    end->port = http_server_port(end->server);
}

static void on_received(void *context) {
    (void)context; /* on_message has told already */
}

struct end *end_create(uint32_t id, struct uuid cluster_id) {
    struct end *end = calloc(1, sizeof *end);
    assert_non_null(end);
    end->id = id;
    end->messages = calloc(END_MESSAGES_MAX, sizeof *end->messages);
    assert_non_null(end->messages);
    mutex_init(&end->mutex);
    condition_init(&end->changed);
    struct transport_http_options options = {
        .identity = end_identity(end, cluster_id),
        .connect_timeout_ms = CONNECT_MS,
        .send_timeout_ms = END_SEND_MS,
    };
    struct transport_listener listener = {.context = end,
                                          .on_message = on_message,
                                          .on_received = on_received,
                                          .on_peer_closed = on_peer_closed,
                                          .on_peer_hello = on_peer_hello};
    assert_int_equal(transport_http_create(&options, &end->transport), STATUS_OK);
    transport_http_listen(end->transport, &listener);
    end_serve(end, 0);
    return end;
}

void end_destroy(struct end *end) {
    http_server_destroy(end->server);
    transport_http_destroy(end->transport);
    for (size_t i = 0; i < END_MESSAGES_MAX; i++) {
        raft_message_finish(&end->messages[i]);
    }
    free(end->messages);
    condition_finish(&end->changed);
    mutex_finish(&end->mutex);
    free(end);
}

struct transport_peer end_peer(const struct end *end) {
    struct transport_peer peer = {
        .incarnation = end->id * 10, .broker_id = end->id, .disk_uuid = end_disk(end->id)};
    snprintf(peer.peer_address, sizeof peer.peer_address, "127.0.0.1:%u", end->port);
    return peer;
}

void end_know(struct end *end, const struct end *other) {
    struct transport_peer peer = end_peer(other);
    assert_true(transport_http_set_peers(end->transport, &peer, 1));
}

void end_know_unreachable(struct end *end, const struct end *other) {
    struct transport_peer peer = end_peer(other);
    snprintf(peer.peer_address, sizeof peer.peer_address, "127.0.0.1:1");
    assert_true(transport_http_set_peers(end->transport, &peer, 1));
}

struct transport_peer_status end_status(const struct end *end) {
    struct transport_peer_status status = {.broker_id = 0};
    assert_int_equal(transport_http_status(end->transport, &status, 1), 1);
    return status;
}

void end_await(struct end *end, const size_t *number, size_t wanted) {
    uint64_t give_up_ms = clock_monotonic_ms() + END_WAIT_MS;
    mutex_lock(&end->mutex);
    while (*number < wanted && condition_wait_until(&end->changed, &end->mutex, give_up_ms)) {
    }
    size_t reached = *number;
    mutex_unlock(&end->mutex);
    assert_true(reached >= wanted);
}

size_t end_number(struct end *end, const size_t *number) {
    mutex_lock(&end->mutex);
    size_t now = *number;
    mutex_unlock(&end->mutex);
    return now;
}

void end_await_error(const struct end *end, const char *text) {
    uint64_t give_up_ms = clock_monotonic_ms() + END_WAIT_MS;
    struct transport_peer_status status = end_status(end);
    while (strstr(status.last_error, text) == NULL) {
        if (clock_monotonic_ms() > give_up_ms) {
            fail_msg("not \"%s\" but \"%s\"", text, status.last_error);
        }
        usleep(LOOK_US);
        status = end_status(end);
    }
}

void end_await_connected(const struct end *end, bool connected) {
    uint64_t give_up_ms = clock_monotonic_ms() + END_WAIT_MS;
    struct transport_peer_status status = end_status(end);
    while (status.connected != connected) {
        if (clock_monotonic_ms() > give_up_ms) {
            fail_msg("still %s (%s)", connected ? "not connected" : "connected", status.last_error);
        }
        usleep(LOOK_US);
        status = end_status(end);
    }
}

struct raft_message end_heartbeat(const struct end *from, const struct end *to, uint64_t number) {
    return (struct raft_message){
        .type = RAFT_MESSAGE_HEARTBEAT, .from = from->id * 10, .to = to->id * 10, .context = number};
}

void end_send(struct end *from, const struct raft_message *message) {
    transport_send(from->transport, message);
    transport_flush(from->transport);
}

void end_add_entry(struct end *from, const struct end *to, uint64_t index, size_t size) {
    struct blob *blob = blob_create(ENTRY_HEADER_SIZE + size);
    assert_non_null(blob);
    memset(blob->data, (int)index, blob->size);
    struct entry_header header = {.type = RAFT_ENTRY_RECORDS, .group = 1, .index = index};
    entry_seal(blob, &header);
    struct raft_entry entry = {.index = index, .type = RAFT_ENTRY_RECORDS, .blob = blob};
    struct raft_message message = {
        .type = RAFT_MESSAGE_APPEND,
        .group = 1,
        .from = from->id * 10,
        .to = to->id * 10,
        .index = index - 1,
        .entries = &entry,
        .entry_count = 1,
    };
    transport_send(from->transport, &message);
    blob_release(blob);
}

void end_send_entry(struct end *from, const struct end *to, uint64_t index, size_t size) {
    end_add_entry(from, to, index, size);
    transport_flush(from->transport);
}

void end_await_bulk(const struct end *end) {
    struct sender *bulk = ((struct http_transport *)(void *)end->transport)->peers[0].bulk;
    uint64_t give_up_ms = clock_monotonic_ms() + END_WAIT_MS;
    bool connected = false;
    while (!connected) {
        assert_true(clock_monotonic_ms() < give_up_ms);
        mutex_lock(&bulk->mutex);
        connected = bulk->stream != NULL;
        mutex_unlock(&bulk->mutex);
        usleep(LOOK_US);
    }
}

struct pair pair_create(void) {
    struct pair pair = {.a = end_create(1, END_CLUSTER), .b = end_create(2, END_CLUSTER)};
    end_know(pair.a, pair.b);
    end_know(pair.b, pair.a);
    end_await_connected(pair.a, true);
    end_await_connected(pair.b, true);
    end_await_bulk(pair.a);
    end_await_bulk(pair.b);
    return pair;
}

void pair_destroy(struct pair *pair) {
    end_destroy(pair->a);
    end_destroy(pair->b);
}
