/*
 * Metrics that only the server can see: storage, streams to peers, the HTTP servers.
 */
#include "server.h"

#include "aviary/storage.h"
#include "aviary/transport.h"

#include <inttypes.h>

static void append_number(struct buffer *out, const char *type, const char *name, const char *help,
                          uint64_t value) {
    buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name,
                         value);
}

static void append_storage(const struct server *server, struct buffer *out) {
    struct storage_rocksdb_metrics metrics;
    storage_rocksdb_metrics(server->storage, &metrics);
    append_number(out, "gauge", "aviary_disk_free_bytes", "Free space of the data directory's disk.",
                  metrics.free_bytes);
    append_number(out, "gauge", "aviary_disk_size_bytes", "Size of the data directory's disk.",
                  metrics.total_bytes);
    append_number(out, "counter", "aviary_storage_batches_total", "Batches written.", metrics.batches_total);
    append_number(out, "counter", "aviary_storage_written_bytes_total", "Bytes handed to the database.",
                  metrics.bytes_written_total);
    buffer_append_string(out, "# HELP aviary_storage_sync_seconds Time of a synced write.\n"
                              "# TYPE aviary_storage_sync_seconds histogram\n");
    uint64_t count = 0;
    for (size_t i = 0; i < 16; i++) {
        count += metrics.sync_seconds_buckets[i];
        if (i < 15) {
            buffer_append_format(out, "aviary_storage_sync_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                                 storage_sync_bounds_us[i] / 1e6, count);
        }
    }
    buffer_append_format(out,
                         "aviary_storage_sync_seconds_bucket{le=\"+Inf\"} %" PRIu64
                         "\naviary_storage_sync_seconds_sum %g\naviary_storage_sync_seconds_count %" PRIu64
                         "\n",
                         count, (double)metrics.sync_us_total / 1e6, count);
}

static void append_peers(const struct server *server, struct buffer *out) {
    struct transport_peer_status peers[TRANSPORT_PEERS_MAX];
    size_t count = transport_http_status(server->transport, peers, TRANSPORT_PEERS_MAX);
    buffer_append_string(out, "# HELP aviary_peer_connected Whether the control stream to a broker stands.\n"
                              "# TYPE aviary_peer_connected gauge\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "aviary_peer_connected{broker=\"%u\"} %d\n", peers[i].broker_id,
                             peers[i].connected);
    }
    buffer_append_string(out, "# HELP aviary_peer_queue_bytes Frames waiting to be sent to a broker.\n"
                              "# TYPE aviary_peer_queue_bytes gauge\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "aviary_peer_queue_bytes{broker=\"%u\"} %" PRIu64 "\n", peers[i].broker_id,
                             peers[i].queued_bytes);
    }
    buffer_append_string(out, "# HELP aviary_peer_dropped_total Messages or bursts not sent to a broker.\n"
                              "# TYPE aviary_peer_dropped_total counter\n");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "aviary_peer_dropped_total{broker=\"%u\"} %" PRIu64 "\n",
                             peers[i].broker_id, peers[i].dropped_total);
    }
}

static void append_http(const struct server *server, struct buffer *out) {
    struct http_server_counters counters;
    http_server_counters(server->client_server, &counters);
    append_number(out, "gauge", "aviary_http_connections", "Client connections open now.",
                  counters.connections);
    append_number(out, "counter", "aviary_http_requests_total", "Requests handed to a handler.",
                  counters.requests);
    append_number(out, "counter", "aviary_http_requests_refused_total", "Requests refused before a handler.",
                  counters.requests_refused);
    append_number(out, "counter", "aviary_http_connections_surplus_total",
                  "Connections refused for want of a place.", counters.connections_surplus);
    append_number(out, "counter", "aviary_http_received_bytes_total", "Bytes of bodies received.",
                  counters.bytes_received);
    append_number(out, "counter", "aviary_http_sent_bytes_total", "Bytes of responses sent.",
                  counters.bytes_sent);
}

void server_append_metrics(void *context, struct buffer *out) {
    const struct server *server = context;
    append_storage(server, out);
    append_peers(server, out);
    append_http(server, out);
}
