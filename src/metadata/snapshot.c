/*
 * The state as bytes: docs/storage-format.md, "Metadata snapshot". Read back in restore.c.
 */
#include "snapshot.h"
#include "codec.h"
#include "state.h"

static void write_brokers(const struct metadata *metadata, struct sink *sink) {
    metadata_sink_u32(sink, (uint32_t)metadata->incarnation_count);
    for (size_t i = 0; i < metadata->incarnation_count; i++) {
        metadata_sink_u32(sink, metadata->owners[i]);
    }
    metadata_sink_u32(sink, (uint32_t)metadata->broker_count);
    for (size_t i = 0; i < metadata->broker_count; i++) {
        const struct metadata_broker *broker = &metadata->brokers[i].broker;
        metadata_sink_u32(sink, broker->id);
        metadata_sink_u64(sink, broker->incarnation);
        metadata_sink_bytes(sink, broker->disk_uuid.bytes, UUID_SIZE);
        metadata_sink_string(sink, broker->rest_address);
        metadata_sink_string(sink, broker->peer_address);
    }
}

static void write_topic(const struct metadata_topic *topic, struct sink *sink) {
    metadata_sink_string(sink, topic->name);
    metadata_sink_bytes(sink, topic->topic_id.bytes, UUID_SIZE);
    metadata_sink_u64(sink, topic->version);
    metadata_sink_u64(sink, topic_first_group(topic));
    metadata_sink_u32(sink, topic->replication_factor);
    metadata_sink_u32(sink, topic->partition_count);
    metadata_sink_u32(sink, topic->config_count);
    metadata_sink_configs(sink, topic->configs, topic->config_count);
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        const struct metadata_partition *partition = &topic->partitions[p];
        metadata_sink_incarnations(sink, partition->initial, partition->initial_count);
        metadata_sink_incarnations(sink, partition->replicas, partition->replica_count);
    }
}

static void write_state(const struct metadata *metadata, struct sink *sink) {
    metadata_sink_u8(sink, SNAPSHOT_FORMAT);
    metadata_sink_u64(sink, metadata->applied_index);
    metadata_sink_bytes(sink, metadata->cluster_id.bytes, UUID_SIZE);
    metadata_sink_u32(sink, metadata->first_voter_count);
    metadata_sink_u64(sink, metadata->next_group);
    write_brokers(metadata, sink);
    metadata_sink_u32(sink, (uint32_t)metadata->topic_count);
    for (size_t t = 0; t < metadata->topic_count; t++) {
        write_topic(metadata->by_name[t], sink);
    }
}

void metadata_snapshot(const struct metadata *metadata, struct buffer *out) {
    size_t start = out->size;
    buffer_append_u32(out, 0); /* the checksum's place */
    struct sink sink = {.out = out};
    write_state(metadata, &sink);
    if (buffer_status(out) == STATUS_OK) {
        bytes_put_u32le(out->data + start, sink.crc);
    }
}

/* The checksum that a snapshot carries. */
uint32_t metadata_digest(const struct metadata *metadata) {
    struct sink sink = {.out = NULL};
    write_state(metadata, &sink);
    return sink.crc;
}
