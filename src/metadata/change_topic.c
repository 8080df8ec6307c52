/*
 * DELETE_TOPIC and CONFIGURE_TOPIC: what happens to a topic that is there.
 */
#include "apply.h"
#include "config.h"

#include <stdlib.h>

/* The topic that the command names, in the version that it expects; NULL: refused. */
static struct metadata_topic *find_expected(struct application *application) {
    const struct metadata_command *command = application->command;
    bool found;
    size_t position = metadata_topic_position(application->metadata, slice_of_string(command->topic), &found);
    if (!found) {
        application->result.status = STATUS_NOT_FOUND;
        return NULL;
    }
    struct metadata_topic *topic = application->metadata->by_name[position];
    application->result.version = topic->version;
    if (command->expected_version != 0 && command->expected_version != topic->version) {
        application->result.status = STATUS_CONFLICT;
        return NULL;
    }
    return topic;
}

enum status metadata_apply_delete_topic(struct application *application) {
    struct metadata *metadata = application->metadata;
    struct metadata_topic *topic = find_expected(application);
    if (!topic) {
        return STATUS_OK;
    }
    metadata_topic_remove(metadata, topic);
    memcpy(metadata->deleted_name, topic->name, sizeof metadata->deleted_name);
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        metadata->deleted_groups[p] = topic->partitions[p].group;
    }
    application->changes.topic_deleted = metadata->deleted_name;
    application->changes.deleted_groups = metadata->deleted_groups;
    application->changes.deleted_group_count = topic->partition_count;
    application->result.version = 0;
    metadata_topic_destroy(topic);
    return STATUS_OK;
}

/* Takes the merged list over, cut to its size. */
static void take_configs(struct metadata_topic *topic, struct metadata_config *merged, uint32_t count) {
    free(topic->configs);
    topic->configs = merged;
    topic->config_count = count;
}

enum status metadata_apply_configure_topic(struct application *application) {
    const struct metadata_command *command = application->command;
    if (!metadata_configs_prepare(command->configs, command->config_count)) {
        return refuse(application, STATUS_INVALID);
    }
    struct metadata_topic *topic = find_expected(application);
    if (!topic) {
        return STATUS_OK;
    }
    size_t count_max = (size_t)topic->config_count + command->config_count;
    struct metadata_config *merged = count_max > 0 ? calloc(count_max, sizeof *merged) : NULL;
    if (count_max > 0 && !merged) {
        return STATUS_NO_MEMORY;
    }
    uint32_t count = metadata_configs_merge(topic->configs, topic->config_count, command->configs,
                                            command->config_count, merged);
    if (count > TOPIC_CONFIGS_MAX) {
        free(merged);
        return refuse(application, STATUS_TOO_LARGE);
    }
    if (metadata_configs_equal(topic->configs, topic->config_count, merged, count)) {
        free(merged);
        return STATUS_OK;
    }
    take_configs(topic, merged, count);
    topic->version = application->index;
    application->result.version = topic->version;
    application->changes.topic_configured = topic->name;
    return STATUS_OK;
}
