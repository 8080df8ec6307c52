/*
 * CREATE_TOPIC: a topic with the replicas that the command names, each partition a new group.
 */
#include "apply.h"
#include "config.h"

static bool has_empty_value(const struct metadata_command *command) {
    for (uint32_t i = 0; i < command->config_count; i++) {
        if (!command->configs[i].value[0]) {
            return true;
        }
    }
    return false;
}

static bool is_well_formed(struct metadata_command *command) {
    return metadata_check_name(slice_of_string(command->topic), NULL) == STATUS_OK &&
           !uuid_is_zero(&command->topic_id) && command->partition_count > 0 &&
           command->replication_factor > 0 && command->replication_factor <= REPLICATION_FACTOR_MAX &&
           metadata_configs_prepare(command->configs, command->config_count) && !has_empty_value(command);
}

static bool is_identical(const struct metadata_topic *topic, const struct metadata_command *command) {
    return topic->partition_count == command->partition_count &&
           topic->replication_factor == command->replication_factor &&
           metadata_configs_equal(topic->configs, topic->config_count, command->configs,
                                  command->config_count);
}

/*
 * Puts current incarnations in the place of superseded ones and counts, in `more`, what each broker would
 * get. INVALID unless a partition is on replication_factor distinct brokers; TOO_LARGE where one would get
 * too much.
 */
static enum status resolve_assignment(struct metadata *metadata, uint32_t replication_factor,
                                      struct metadata_assignment *assignment, uint32_t more[BROKERS_MAX]) {
    bool used[BROKERS_MAX] = {0};
    if (assignment->count != replication_factor) {
        return STATUS_INVALID;
    }
    for (uint32_t r = 0; r < assignment->count; r++) {
        const struct broker_entry *entry =
            metadata_broker_find(metadata, metadata_broker_id_of(metadata, assignment->replicas[r]));
        if (!entry) {
            return STATUS_INVALID;
        }
        size_t position = (size_t)(entry - metadata->brokers);
        if (used[position]) {
            return STATUS_INVALID;
        }
        used[position] = true;
        more[position]++;
        if (entry->replica_count + more[position] > GROUPS_PER_BROKER_MAX) {
            return STATUS_TOO_LARGE;
        }
        assignment->replicas[r] = entry->broker.incarnation;
    }
    return STATUS_OK;
}

static enum status resolve_assignments(struct metadata *metadata, struct metadata_command *command) {
    uint32_t more[BROKERS_MAX] = {0};
    for (uint32_t p = 0; p < command->partition_count; p++) {
        enum status status =
            resolve_assignment(metadata, command->replication_factor, &command->assignments[p], more);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static void fill_partition(struct metadata_partition *partition, uint64_t group,
                           const struct metadata_assignment *assignment) {
    partition->group = group;
    partition->initial_count = assignment->count;
    partition->replica_count = assignment->count;
    memcpy(partition->initial, assignment->replicas, sizeof partition->initial);
    memcpy(partition->replicas, assignment->replicas, sizeof partition->replicas);
}

static void fill_topic(struct metadata_topic *topic, const struct application *application) {
    const struct metadata_command *command = application->command;
    memcpy(topic->name, command->topic, sizeof topic->name);
    topic->topic_id = command->topic_id;
    topic->version = application->index;
    topic->replication_factor = command->replication_factor;
    if (command->config_count > 0) {
        memcpy(topic->configs, command->configs, command->config_count * sizeof *topic->configs);
    }
    for (uint32_t p = 0; p < command->partition_count; p++) {
        fill_partition(&topic->partitions[p], application->metadata->next_group + p,
                       &command->assignments[p]);
    }
}

static enum status create(struct application *application) {
    struct metadata *metadata = application->metadata;
    const struct metadata_command *command = application->command;
    enum status status = metadata_topic_reserve(metadata);
    if (status != STATUS_OK) {
        return status;
    }
    struct metadata_topic *topic = metadata_topic_create(command->partition_count, command->config_count);
    if (!topic) {
        return STATUS_NO_MEMORY;
    }
    fill_topic(topic, application);
    metadata_topic_insert(metadata, topic);
    metadata->next_group += topic->partition_count;
    application->result.version = topic->version;
    application->changes.topic_created = topic->name;
    return STATUS_OK;
}

enum status metadata_apply_create_topic(struct application *application) {
    struct metadata *metadata = application->metadata;
    struct metadata_command *command = application->command;
    if (!is_well_formed(command)) {
        return refuse(application, STATUS_INVALID);
    }
    const struct metadata_topic *there = metadata_topic_find(metadata, slice_of_string(command->topic));
    if (there) {
        application->result.version = there->version;
        return refuse(application, is_identical(there, command) ? STATUS_EXISTS : STATUS_CONFLICT);
    }
    if (metadata->topic_count == TOPICS_MAX ||
        command->partition_count > PARTITIONS_MAX - metadata->partition_count) {
        return refuse(application, STATUS_TOO_LARGE);
    }
    enum status status = resolve_assignments(metadata, command);
    return status == STATUS_OK ? create(application) : refuse(application, status);
}
