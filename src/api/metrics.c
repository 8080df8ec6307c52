/* GET /metrics: Prometheus text. Names that existing dashboards know, then our own. */
#include "aviary/base/clock.h"

#include <inttypes.h>

#include "handlers.h"
#include "partition_row.h"
#include "route.h"

#define METRICS_MEDIA_TYPE "text/plain; version=0.0.4; charset=utf-8"
enum { METRICS_DEADLINE_MS = 2000 };

static void append_head(struct buffer *out, const char *name, const char *type, const char *help) {
    buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_value(struct buffer *out, const char *name, const char *type, const char *help,
                         uint64_t value) {
    append_head(out, name, type, help);
    buffer_append_format(out, "%s %" PRIu64 "\n", name, value);
}

/* ---- Topics and partitions ---- */

static uint64_t in_sync_count(const struct partition_row *row) {
    uint64_t count = 0;
    for (size_t i = 0; i < row->member_count; i++) {
        count += row->members[i].voter && row->members[i].in_sync;
    }
    return count;
}

enum partition_value {
    CURRENT_OFFSET,
    OLDEST_OFFSET,
    IN_SYNC,
    LEADER,
    PREFERRED,
    REPLICAS,
    UNDER_REPLICATED
};

static const struct {
    enum partition_value value;
    const char *name;
    const char *help;
} partition_metrics[] = {
    {CURRENT_OFFSET, "kafka_topic_partition_current_offset",
     "The offset that the next committed record gets."},
    {OLDEST_OFFSET, "kafka_topic_partition_oldest_offset", "The offset of the first record kept."},
    {IN_SYNC, "kafka_topic_partition_in_sync_replica", "Replicas that are caught up."},
    {LEADER, "kafka_topic_partition_leader", "Id of the broker that leads."},
    {PREFERRED, "kafka_topic_partition_leader_is_preferred", "1 where the preferred broker leads."},
    {REPLICAS, "kafka_topic_partition_replicas", "Replicas that there should be."},
    {UNDER_REPLICATED, "kafka_topic_partition_under_replicated_partition",
     "1 where a replica is not caught up."},
};

enum { PARTITION_METRICS = sizeof partition_metrics / sizeof partition_metrics[0] };

static uint64_t value_of(enum partition_value value, const struct listed_partition *partition,
                         const struct partition_row *row) {
    switch (value) {
    case CURRENT_OFFSET:
        return (uint64_t)row->status.next_offset;
    case OLDEST_OFFSET:
        return (uint64_t)row->status.log_start_offset;
    case IN_SYNC:
        return in_sync_count(row);
    case LEADER:
        return row->leader;
    case PREFERRED:
        return row->leader == partition->preferred_leader;
    case REPLICAS:
        return partition->replica_count;
    case UNDER_REPLICATED:
        break;
    }
    return in_sync_count(row) < partition->replica_count;
}

static void append_topics(const struct partition_list *partitions, struct buffer *out) {
    append_head(out, "kafka_topic_partitions", "gauge", "Partitions of a topic.");
    for (size_t i = 0; i < partitions->count; i++) {
        /* The list is in order: a topic's last partition tells their number. */
        if (i + 1 == partitions->count || partitions->list[i + 1].partition == 0) {
            buffer_append_format(out, "kafka_topic_partitions{topic=\"%s\"} %" PRIu32 "\n",
                                 partition_list_topic(partitions, i), partitions->list[i].partition + 1);
        }
    }
}

static void append_samples(const struct partition_list *partitions, size_t position,
                           const struct partition_row *row, struct buffer samples[PARTITION_METRICS]) {
    const struct listed_partition *partition = &partitions->list[position];
    for (size_t i = 0; i < PARTITION_METRICS; i++) {
        buffer_append_format(&samples[i], "%s{topic=\"%s\",partition=\"%" PRIu32 "\"} %" PRIu64 "\n",
                             partition_metrics[i].name, partition_list_topic(partitions, position),
                             partition->partition, value_of(partition_metrics[i].value, partition, row));
    }
}

/* Each partition is told by its leader alone, so that sums over all brokers hold. */
static void append_partitions(struct call *call, const struct partition_list *partitions,
                              struct buffer *out) {
    uint64_t deadline_ms = clock_monotonic_ms() + METRICS_DEADLINE_MS;
    struct buffer samples[PARTITION_METRICS];
    for (size_t i = 0; i < PARTITION_METRICS; i++) {
        buffer_init(&samples[i], HTTP_RESPONSE_BYTES_MAX);
    }
    for (size_t i = 0; i < partitions->count; i++) {
        struct partition_row row;
        if (partition_row_read(call->api, partitions->list[i].group, deadline_ms, &row)) {
            append_samples(partitions, i, &row, samples);
        }
    }
    for (size_t i = 0; i < PARTITION_METRICS; i++) {
        append_head(out, partition_metrics[i].name, "gauge", partition_metrics[i].help);
        buffer_append_slice(out, buffer_slice(&samples[i]));
        buffer_finish(&samples[i]);
    }
}

/* ---- The broker ---- */

static void append_brokers(struct call *call, struct buffer *out) {
    struct peer peers[BROKERS_MAX];
    size_t count = peers_get(call->api, peers);
    uint64_t alive = 1;
    for (size_t i = 0; i < count; i++) {
        alive += peers[i].alive;
    }
    append_value(out, "kafka_brokers", "gauge", "Brokers that answer.", alive);
}

static void append_commit_latency(const struct broker_metrics *metrics, struct buffer *out) {
    static const char name[] = "aviary_commit_duration_seconds";
    append_head(out, name, "histogram",
                "Time from a write's arrival at the leader to its commit, of acks=all.");
    uint64_t cumulated = 0;
    for (size_t i = 0; i < sizeof metrics->commit_buckets / sizeof metrics->commit_buckets[0]; i++) {
        cumulated += metrics->commit_buckets[i];
        buffer_append_format(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
                             broker_commit_bounds_us[i] / 1e6, cumulated);
    }
    buffer_append_format(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, metrics->commit_count);
    buffer_append_format(out, "%s_sum %.6f\n", name, (double)metrics->commit_us_total / 1e6);
    buffer_append_format(out, "%s_count %" PRIu64 "\n", name, metrics->commit_count);
}

static void append_broker(struct call *call, struct buffer *out) {
    struct broker_metrics metrics;
    broker_metrics(call->api->broker, &metrics);
    append_value(out, "aviary_raft_leader_changes_total", "counter",
                 "Leadership changes that this broker's replicas saw.", metrics.leader_changes_total);
    append_value(out, "aviary_scrub_bytes_total", "counter", "Stored bytes read and checked by the scrub.",
                 metrics.scrub_bytes_total);
    append_value(out, "aviary_scrub_passes_total", "counter", "Times that the scrub has read all there is.",
                 metrics.scrub_passes_total);
    append_value(out, "aviary_damages_total", "counter",
                 "Times that stored data could not be read, by the scrub or anybody.", metrics.damages_total);
    append_value(out, "aviary_damaged", "gauge",
                 "1: something stored here is damaged, and the disk could not be given up yet.",
                 metrics.damaged);
    append_value(out, "aviary_backlog_bytes", "gauge",
                 "Entries in memory that wait for this disk or for a majority.", metrics.backlog_bytes);
    append_value(out, "aviary_mailbox_items", "gauge", "What waits for the next turn of the replicas.",
                 metrics.mailbox_items);
    append_value(out, "aviary_mailbox_dropped_total", "counter",
                 "Peers' messages dropped because too much waited.", metrics.mailbox_dropped_total);
    append_value(out, "aviary_produce_batches_total", "counter", "Batches that clients wrote here.",
                 metrics.produce_batches_total);
    append_value(out, "aviary_produce_records_total", "counter", "Records in them.",
                 metrics.produce_records_total);
    append_value(out, "aviary_produce_bytes_total", "counter", "Bytes of them.", metrics.produce_bytes_total);
    append_value(out, "aviary_long_polls", "gauge", "Readers that wait here for new records.",
                 atomic_load(&call->api->long_polls));
    append_commit_latency(&metrics, out);
}

static const char *route_label(size_t route) {
    return route < api_route_count ? api_routes[route].pattern : "none";
}

void handle_metrics(struct call *call) {
    struct api *api = call->api;
    struct buffer *out = http_response_body(call->response);
    _cleanup_partition_list_ struct partition_list partitions;
    http_response_content_type(call->response, METRICS_MEDIA_TYPE);
    append_brokers(call, out);
    if (partition_list_init(&partitions, api, NULL, NULL) == STATUS_OK) { /* else there is no cluster yet */
        append_topics(&partitions, out);
        append_partitions(call, &partitions, out);
    }
    append_broker(call, out);
    for (size_t i = 0; i < api->metrics_source_count; i++) {
        api->metrics_sources[i].append(api->metrics_sources[i].context, out);
    }
    latency_append(&api->latency, route_label, out);
}
