/*
 * Commands as bytes: docs/storage-format.md, "Metadata commands".
 */
#include "codec.h"

#include <stdlib.h>

enum { FORMAT = 1 };

void metadata_command_finish(struct metadata_command *command) {
    free(command->assignments);
    free(command->configs);
    command->assignments = NULL;
    command->configs = NULL;
    command->partition_count = 0;
    command->config_count = 0;
}

static void encode_register_broker(const struct metadata_command *command, struct sink *sink) {
    const struct metadata_broker *broker = &command->broker;
    metadata_sink_u32(sink, broker->id);
    metadata_sink_bytes(sink, broker->disk_uuid.bytes, UUID_SIZE);
    metadata_sink_string(sink, broker->rest_address);
    metadata_sink_string(sink, broker->peer_address);
}

static void encode_create_topic(const struct metadata_command *command, struct sink *sink) {
    metadata_sink_string(sink, command->topic);
    metadata_sink_bytes(sink, command->topic_id.bytes, UUID_SIZE);
    metadata_sink_u32(sink, command->partition_count);
    metadata_sink_u32(sink, command->replication_factor);
    metadata_sink_u32(sink, command->config_count);
    metadata_sink_configs(sink, command->configs, command->config_count);
    for (uint32_t p = 0; p < command->partition_count; p++) {
        metadata_sink_incarnations(sink, command->assignments[p].replicas, command->assignments[p].count);
    }
}

static void encode_delete_topic(const struct metadata_command *command, struct sink *sink) {
    metadata_sink_string(sink, command->topic);
    metadata_sink_u64(sink, command->expected_version);
}

static void encode_configure_topic(const struct metadata_command *command, struct sink *sink) {
    metadata_sink_string(sink, command->topic);
    metadata_sink_u64(sink, command->expected_version);
    metadata_sink_u32(sink, command->config_count);
    metadata_sink_configs(sink, command->configs, command->config_count);
}

static void encode_skip_numbers(const struct metadata_command *command, struct sink *sink) {
    metadata_sink_u64(sink, command->skipped_groups);
    metadata_sink_u32(sink, command->skipped_incarnations);
}

void metadata_command_encode(const struct metadata_command *command, struct buffer *out) {
    struct sink sink = {.out = out};
    metadata_sink_u8(&sink, FORMAT);
    metadata_sink_u8(&sink, (uint8_t)command->type);
    switch (command->type) {
    case METADATA_REGISTER_BROKER:
        encode_register_broker(command, &sink);
        break;
    case METADATA_CREATE_TOPIC:
        encode_create_topic(command, &sink);
        break;
    case METADATA_DELETE_TOPIC:
        encode_delete_topic(command, &sink);
        break;
    case METADATA_CONFIGURE_TOPIC:
        encode_configure_topic(command, &sink);
        break;
    case METADATA_SKIP_NUMBERS:
        encode_skip_numbers(command, &sink);
        break;
    }
}

static enum status decode_register_broker(struct reader *reader, struct metadata_command *command) {
    struct metadata_broker *broker = &command->broker;
    broker->id = reader_u32(reader);
    reader_copy(reader, broker->disk_uuid.bytes, UUID_SIZE);
    metadata_read_string(reader, broker->rest_address, sizeof broker->rest_address);
    metadata_read_string(reader, broker->peer_address, sizeof broker->peer_address);
    return STATUS_OK;
}

/* Counts are believed only up to their limits, so that no bytes make this allocate more. */
static enum status decode_configs(struct reader *reader, struct metadata_command *command) {
    uint32_t count = reader_u32(reader);
    if (count > TOPIC_CONFIGS_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    command->configs = calloc(count, sizeof *command->configs);
    if (!command->configs) {
        return STATUS_NO_MEMORY;
    }
    command->config_count = count;
    metadata_read_configs(reader, command->configs, count);
    return STATUS_OK;
}

static enum status decode_assignments(struct reader *reader, uint32_t count,
                                      struct metadata_command *command) {
    if (count > PARTITIONS_PER_TOPIC_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    command->assignments = calloc(count, sizeof *command->assignments);
    if (!command->assignments) {
        return STATUS_NO_MEMORY;
    }
    command->partition_count = count;
    for (uint32_t p = 0; p < count; p++) {
        command->assignments[p].count = metadata_read_incarnations(reader, command->assignments[p].replicas);
    }
    return STATUS_OK;
}

static enum status decode_create_topic(struct reader *reader, struct metadata_command *command) {
    metadata_read_string(reader, command->topic, sizeof command->topic);
    reader_copy(reader, command->topic_id.bytes, UUID_SIZE);
    uint32_t partition_count = reader_u32(reader);
    command->replication_factor = reader_u32(reader);
    enum status status = decode_configs(reader, command);
    return status == STATUS_OK ? decode_assignments(reader, partition_count, command) : status;
}

static enum status decode_delete_topic(struct reader *reader, struct metadata_command *command) {
    metadata_read_string(reader, command->topic, sizeof command->topic);
    command->expected_version = reader_u64(reader);
    return STATUS_OK;
}

static enum status decode_configure_topic(struct reader *reader, struct metadata_command *command) {
    metadata_read_string(reader, command->topic, sizeof command->topic);
    command->expected_version = reader_u64(reader);
    return decode_configs(reader, command);
}

static enum status decode_skip_numbers(struct reader *reader, struct metadata_command *command) {
    command->skipped_groups = reader_u64(reader);
    command->skipped_incarnations = reader_u32(reader);
    return STATUS_OK;
}

static enum status decode_body(struct reader *reader, struct metadata_command *command) {
    switch (command->type) {
    case METADATA_REGISTER_BROKER:
        return decode_register_broker(reader, command);
    case METADATA_CREATE_TOPIC:
        return decode_create_topic(reader, command);
    case METADATA_DELETE_TOPIC:
        return decode_delete_topic(reader, command);
    case METADATA_CONFIGURE_TOPIC:
        return decode_configure_topic(reader, command);
    case METADATA_SKIP_NUMBERS:
        return decode_skip_numbers(reader, command);
    }
    return STATUS_UNSUPPORTED;
}

enum status metadata_command_decode(struct slice bytes, struct metadata_command *ret) {
    struct reader reader = reader_make(bytes);
    uint8_t format = reader_u8(&reader);
    struct metadata_command command = {.type = (enum metadata_command_type)reader_u8(&reader)};
    if (!reader_ok(&reader)) {
        return STATUS_CORRUPT;
    }
    if (format != FORMAT) {
        return STATUS_UNSUPPORTED;
    }
    enum status status = decode_body(&reader, &command);
    if (status == STATUS_OK && !reader_done(&reader)) {
        status = STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        metadata_command_finish(&command);
        return status;
    }
    *ret = command;
    return STATUS_OK;
}
