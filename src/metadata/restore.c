/*
 * A snapshot read back: every count is held against its limit before memory is asked for, and every rule of
 * the state is checked, so that no bytes lead to a state that no log leads to.
 */
#include "aviary/base/crc32c.h"
#include "codec.h"
#include "config.h"
#include "snapshot.h"
#include "state.h"

#include <stdlib.h>

static enum status read_incarnation_owners(struct reader *reader, struct metadata *metadata) {
    uint32_t count = reader_u32(reader);
    struct slice bytes = reader_bytes(reader, (size_t)count * sizeof(uint32_t));
    if (!reader_ok(reader) || count == 0 || count > INCARNATIONS_MAX) {
        return STATUS_CORRUPT;
    }
    metadata->owners = malloc(count * sizeof *metadata->owners);
    if (!metadata->owners) {
        return STATUS_NO_MEMORY;
    }
    metadata->incarnation_capacity = count;
    metadata->incarnation_count = count;
    for (uint32_t i = 0; i < count; i++) {
        metadata->owners[i] = bytes_get_u32le(bytes.data + i * sizeof(uint32_t));
    }
    return STATUS_OK;
}

static enum status read_brokers(struct reader *reader, struct metadata *metadata) {
    uint32_t count = reader_u32(reader);
    if (count == 0 || count > BROKERS_MAX) {
        return STATUS_CORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct metadata_broker broker = {.id = reader_u32(reader)};
        broker.incarnation = reader_u64(reader);
        reader_copy(reader, broker.disk_uuid.bytes, UUID_SIZE);
        metadata_read_string(reader, broker.rest_address, sizeof broker.rest_address);
        metadata_read_string(reader, broker.peer_address, sizeof broker.peer_address);
        bool ascends = i == 0 || broker.id > metadata->brokers[i - 1].broker.id;
        if (!reader_ok(reader) || broker.id == 0 || !ascends ||
            metadata_broker_id_of(metadata, broker.incarnation) != broker.id) {
            return STATUS_CORRUPT;
        }
        metadata_broker_insert(metadata, &broker);
    }
    return STATUS_OK;
}

/* The current incarnation of a broker is the last that it was given, and who was given one is a broker. One
 * that was passed over was given to nobody. */
static bool incarnations_hold(const struct metadata *metadata) {
    raft_id newest[BROKERS_MAX] = {0};
    for (size_t i = 0; i < metadata->incarnation_count; i++) {
        if (metadata->owners[i] == 0 && i >= metadata->first_voter_count) {
            continue;
        }
        const struct metadata_broker *broker = metadata_broker_by_id(metadata, metadata->owners[i]);
        if (!broker) {
            return false;
        }
        newest[metadata_broker_position(metadata, broker->id)] = i + 1;
    }
    for (size_t i = 0; i < metadata->broker_count; i++) {
        if (metadata->brokers[i].broker.incarnation != newest[i]) {
            return false;
        }
    }
    return true;
}

/* All given, none twice; `current`: and none superseded. */
static bool replicas_hold(const struct metadata *metadata, const raft_id *incarnations, uint32_t count,
                          bool current) {
    for (uint32_t i = 0; i < count; i++) {
        if (metadata_broker_id_of(metadata, incarnations[i]) == 0 ||
            (current && !metadata_broker_by_incarnation(metadata, incarnations[i]))) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (incarnations[k] == incarnations[i]) {
                return false;
            }
        }
    }
    return count > 0;
}

static bool read_partition(struct reader *reader, const struct metadata *metadata,
                           struct metadata_partition *partition) {
    partition->initial_count = metadata_read_incarnations(reader, partition->initial);
    partition->replica_count = metadata_read_incarnations(reader, partition->replicas);
    return reader_ok(reader) &&
           replicas_hold(metadata, partition->initial, partition->initial_count, false) &&
           replicas_hold(metadata, partition->replicas, partition->replica_count, true);
}

/* What stands before the lists of a topic. */
struct topic_head {
    struct metadata_topic topic; /* without its arrays */
    uint64_t first_group;
};

static bool read_topic_head(struct reader *reader, const struct metadata *metadata, struct topic_head *ret) {
    struct metadata_topic *topic = &ret->topic;
    *topic = (struct metadata_topic){0};
    metadata_read_string(reader, topic->name, sizeof topic->name);
    reader_copy(reader, topic->topic_id.bytes, UUID_SIZE);
    topic->version = reader_u64(reader);
    ret->first_group = reader_u64(reader);
    topic->replication_factor = reader_u32(reader);
    topic->partition_count = reader_u32(reader);
    topic->config_count = reader_u32(reader);
    return reader_ok(reader) && metadata_check_name(topic_name(topic), NULL) == STATUS_OK &&
           topic->version <= metadata->applied_index && topic->replication_factor > 0 &&
           topic->replication_factor <= REPLICATION_FACTOR_MAX && topic->partition_count > 0 &&
           topic->partition_count <= PARTITIONS_PER_TOPIC_MAX &&
           topic->partition_count <= PARTITIONS_MAX - metadata->partition_count &&
           topic->config_count <= TOPIC_CONFIGS_MAX && ret->first_group > 0 &&
           ret->first_group <= metadata->next_group &&
           topic->partition_count <= metadata->next_group - ret->first_group;
}

static bool read_topic_lists(struct reader *reader, const struct metadata *metadata, uint64_t first_group,
                             struct metadata_topic *topic) {
    metadata_read_configs(reader, topic->configs, topic->config_count);
    if (!reader_ok(reader) || !metadata_configs_are_prepared(topic->configs, topic->config_count)) {
        return false;
    }
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        topic->partitions[p].group = first_group + p;
        if (!read_partition(reader, metadata, &topic->partitions[p])) {
            return false;
        }
    }
    return true;
}

/* Whether the topic's name comes after those before, and its groups are nobody else's. */
static bool is_new(const struct metadata *metadata, const struct topic_head *head) {
    uint32_t ignored;
    bool found;
    size_t position = metadata_topic_position(metadata, topic_name(&head->topic), &found);
    if (found || position != metadata->topic_count) {
        return false;
    }
    for (uint32_t p = 0; p < head->topic.partition_count; p++) {
        if (metadata_topic_of_group(metadata, head->first_group + p, &ignored)) {
            return false;
        }
    }
    return true;
}

static enum status read_topic(struct reader *reader, struct metadata *metadata) {
    struct topic_head head;
    if (!read_topic_head(reader, metadata, &head) || !is_new(metadata, &head)) {
        return STATUS_CORRUPT;
    }
    enum status status = metadata_topic_reserve(metadata);
    if (status != STATUS_OK) {
        return status;
    }
    struct metadata_topic *topic = metadata_topic_create(head.topic.partition_count, head.topic.config_count);
    if (!topic) {
        return STATUS_NO_MEMORY;
    }
    memcpy(topic->name, head.topic.name, sizeof topic->name);
    topic->topic_id = head.topic.topic_id;
    topic->version = head.topic.version;
    topic->replication_factor = head.topic.replication_factor;
    if (!read_topic_lists(reader, metadata, head.first_group, topic)) {
        metadata_topic_destroy(topic);
        return STATUS_CORRUPT;
    }
    metadata_topic_insert(metadata, topic);
    return STATUS_OK;
}

static enum status read_topics(struct reader *reader, struct metadata *metadata) {
    uint32_t count = reader_u32(reader);
    if (count > TOPICS_MAX) {
        return STATUS_CORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        enum status status = read_topic(reader, metadata);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return reader_done(reader) ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_state(struct reader *reader, struct metadata *metadata) {
    metadata->applied_index = reader_u64(reader);
    reader_copy(reader, metadata->cluster_id.bytes, UUID_SIZE);
    metadata->first_voter_count = reader_u32(reader);
    metadata->next_group = reader_u64(reader);
    if (!reader_ok(reader) || metadata->first_voter_count == 0 ||
        metadata->first_voter_count > FIRST_VOTERS_MAX || metadata->next_group == 0) {
        return STATUS_CORRUPT;
    }
    enum status status = read_incarnation_owners(reader, metadata);
    if (status == STATUS_OK) {
        status = read_brokers(reader, metadata);
    }
    if (status == STATUS_OK &&
        (metadata->first_voter_count > metadata->incarnation_count || !incarnations_hold(metadata))) {
        status = STATUS_CORRUPT;
    }
    return status == STATUS_OK ? read_topics(reader, metadata) : status;
}

static enum status check_envelope(struct reader *reader) {
    uint32_t crc = reader_u32(reader);
    if (!reader_ok(reader) || crc != crc32c(reader->rest)) {
        return STATUS_CORRUPT;
    }
    uint8_t format = reader_u8(reader);
    if (!reader_ok(reader)) {
        return STATUS_CORRUPT;
    }
    return format == SNAPSHOT_FORMAT ? STATUS_OK : STATUS_UNSUPPORTED;
}

enum status metadata_restore(struct metadata *metadata, struct slice snapshot) {
    struct reader reader = reader_make(snapshot);
    enum status status = check_envelope(&reader);
    if (status != STATUS_OK) {
        return status;
    }
    struct metadata *restored = calloc(1, sizeof *restored);
    if (!restored) {
        return STATUS_NO_MEMORY;
    }
    status = read_state(&reader, restored);
    if (status != STATUS_OK) {
        metadata_destroy(restored);
        return status;
    }
    metadata_release(metadata);
    *metadata = *restored;
    free(restored);
    return STATUS_OK;
}
