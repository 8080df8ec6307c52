/*
 * REGISTER_BROKER: one incarnation for each disk that a broker comes with.
 */
#include "apply.h"

/* Anything printable without a space: what a host and port are is for those who connect. */
static bool is_address(const char *address) {
    if (!address[0]) {
        return false;
    }
    for (; *address; address++) {
        if (*address <= ' ' || *address > '~') {
            return false;
        }
    }
    return true;
}

static bool is_well_formed(const struct metadata_broker *broker) {
    return broker->id > 0 && !uuid_is_zero(&broker->disk_uuid) && is_address(broker->rest_address) &&
           is_address(broker->peer_address);
}

/* A disk belongs to one broker: under two ids, it could vote twice. */
static bool disk_is_taken(const struct metadata *metadata, const struct metadata_broker *broker) {
    for (size_t i = 0; i < metadata->broker_count; i++) {
        const struct metadata_broker *other = &metadata->brokers[i].broker;
        if (other->id != broker->id && uuid_equal(&other->disk_uuid, &broker->disk_uuid)) {
            return true;
        }
    }
    return false;
}

static bool has_addresses(const struct metadata_broker *broker, const struct metadata_broker *new) {
    return strcmp(broker->rest_address, new->rest_address) == 0 &&
           strcmp(broker->peer_address, new->peer_address) == 0;
}

/* In `replicas` only: `initial` says how a group began, and that stays. */
static void replace_in_assignments(struct metadata *metadata, raft_id old, raft_id new) {
    for (size_t t = 0; t < metadata->topic_count; t++) {
        struct metadata_topic *topic = metadata->by_name[t];
        for (uint32_t p = 0; p < topic->partition_count; p++) {
            struct metadata_partition *partition = &topic->partitions[p];
            for (uint32_t r = 0; r < partition->replica_count; r++) {
                if (partition->replicas[r] == old) {
                    partition->replicas[r] = new;
                }
            }
        }
    }
}

static enum status register_again(struct application *application, struct metadata_broker *broker) {
    const struct metadata_broker *new = &application->command->broker;
    application->changes.brokers = !has_addresses(broker, new);
    application->result.incarnation = broker->incarnation;
    memcpy(broker->rest_address, new->rest_address, sizeof broker->rest_address);
    memcpy(broker->peer_address, new->peer_address, sizeof broker->peer_address);
    return STATUS_OK;
}

static enum status register_incarnation(struct application *application, struct broker_entry *known) {
    struct metadata *metadata = application->metadata;
    enum status status = metadata_incarnation_reserve(metadata);
    if (status == STATUS_TOO_LARGE) {
        return refuse(application, status);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct metadata_broker broker = application->command->broker;
    broker.incarnation = metadata_incarnation_give(metadata, broker.id);
    if (known) {
        replace_in_assignments(metadata, known->broker.incarnation, broker.incarnation);
        known->broker = broker;
    } else {
        metadata_broker_insert(metadata, &broker);
    }
    application->changes.brokers = true;
    application->result.incarnation = broker.incarnation;
    return STATUS_OK;
}

enum status metadata_apply_register_broker(struct application *application) {
    struct metadata *metadata = application->metadata;
    const struct metadata_broker *new = &application->command->broker;
    if (!is_well_formed(new)) {
        return refuse(application, STATUS_INVALID);
    }
    if (disk_is_taken(metadata, new)) {
        return refuse(application, STATUS_CONFLICT);
    }
    struct broker_entry *known = metadata_broker_find(metadata, new->id);
    if (known && uuid_equal(&known->broker.disk_uuid, &new->disk_uuid)) {
        return register_again(application, &known->broker);
    }
    if (!known && metadata->broker_count == BROKERS_MAX) {
        return refuse(application, STATUS_TOO_LARGE);
    }
    return register_incarnation(application, known);
}
