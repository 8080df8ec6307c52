/*
 * Commands for the tests of metadata, applied the way they come from the log: encoded.
 */
#ifndef AVIARY_TESTS_UNIT_METADATA_FIXTURE_H
#define AVIARY_TESTS_UNIT_METADATA_FIXTURE_H

#include "aviary/base/buffer.h"
#include "aviary/base/bytes.h"
#include "aviary/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COMMAND_BYTES_MAX = 1024 * 1024 };

static inline struct uuid uuid_number(uint64_t number) {
    struct uuid uuid = {0};
    bytes_put_u64be(uuid.bytes, number);
    return uuid;
}

/* Broker i has id 10 x i and disk uuid number 100 x i, from 1 to `voters`: incarnation i. */
static inline struct metadata *make_metadata(size_t voters) {
    struct metadata_first_voter first[FIRST_VOTERS_MAX];
    for (size_t i = 0; i < voters; i++) {
        /* Given in falling order: the room sorts. */
        uint32_t number = (uint32_t)(voters - i);
        first[i] = (struct metadata_first_voter){10 * number, uuid_number(100 * number)};
    }
    struct uuid cluster = uuid_number(7);
    struct metadata *metadata = metadata_create(&cluster, first, voters);
    assert_non_null(metadata);
    return metadata;
}

struct outcome {
    enum status status; /* of metadata_apply */
    struct metadata_result result;
    struct metadata_changes changes;
};

static inline struct outcome apply_bytes(struct metadata *metadata, enum raft_entry_type type,
                                         struct slice payload) {
    struct entry_header header = {.type = type, .index = metadata_applied_index(metadata) + 1, .term = 1};
    struct outcome outcome = {0};
    outcome.status = metadata_apply(metadata, &header, payload, &outcome.result, &outcome.changes);
    return outcome;
}

static inline struct outcome apply_command(struct metadata *metadata,
                                           const struct metadata_command *command) {
    struct buffer buffer;
    buffer_init(&buffer, COMMAND_BYTES_MAX);
    metadata_command_encode(command, &buffer);
    assert_int_equal(buffer_status(&buffer), STATUS_OK);
    struct outcome outcome = apply_bytes(metadata, RAFT_ENTRY_COMMAND, buffer_slice(&buffer));
    buffer_finish(&buffer);
    return outcome;
}

static inline struct metadata_command register_command(uint32_t id, uint64_t disk, const char *host) {
    struct metadata_command command = {.type = METADATA_REGISTER_BROKER};
    command.broker.id = id;
    command.broker.disk_uuid = uuid_number(disk);
    snprintf(command.broker.rest_address, ADDRESS_SIZE_MAX, "%s:8000", host);
    snprintf(command.broker.peer_address, ADDRESS_SIZE_MAX, "%s:8100", host);
    return command;
}

static inline struct outcome register_broker(struct metadata *metadata, uint32_t id, uint64_t disk) {
    struct metadata_command command = register_command(id, disk, "host");
    return apply_command(metadata, &command);
}

static inline struct metadata_config config(const char *name, const char *value) {
    struct metadata_config result = {0};
    snprintf(result.name, sizeof result.name, "%s", name);
    snprintf(result.value, sizeof result.value, "%s", value);
    return result;
}

/* A topic whose partitions are all on the same incarnations; the arrays stay the caller's. */
struct create {
    struct metadata_command command;
    struct metadata_assignment assignments[PARTITIONS_PER_TOPIC_MAX];
    struct metadata_config configs[TOPIC_CONFIGS_MAX];
};

static inline void fill_create(struct create *create, const char *topic, uint32_t partitions,
                               const raft_id *replicas, uint32_t replication_factor) {
    create->command = (struct metadata_command){
        .type = METADATA_CREATE_TOPIC,
        .topic_id = uuid_number(55),
        .partition_count = partitions,
        .replication_factor = replication_factor,
        .assignments = create->assignments,
        .configs = create->configs,
    };
    snprintf(create->command.topic, sizeof create->command.topic, "%s", topic);
    for (uint32_t p = 0; p < partitions; p++) {
        create->assignments[p] = (struct metadata_assignment){.count = replication_factor};
        memcpy(create->assignments[p].replicas, replicas, replication_factor * sizeof *replicas);
    }
}

static inline struct outcome create_topic(struct metadata *metadata, const char *topic, uint32_t partitions,
                                          const raft_id *replicas, uint32_t replication_factor) {
    struct create *create = calloc(1, sizeof *create);
    assert_non_null(create);
    fill_create(create, topic, partitions, replicas, replication_factor);
    struct outcome outcome = apply_command(metadata, &create->command);
    free(create);
    return outcome;
}

static inline struct outcome delete_topic(struct metadata *metadata, const char *topic, uint64_t version) {
    struct metadata_command command = {.type = METADATA_DELETE_TOPIC, .expected_version = version};
    snprintf(command.topic, sizeof command.topic, "%s", topic);
    return apply_command(metadata, &command);
}

static inline struct outcome configure_topic(struct metadata *metadata, const char *topic, uint64_t version,
                                             struct metadata_config *configs, uint32_t count) {
    struct metadata_command command = {.type = METADATA_CONFIGURE_TOPIC,
                                       .expected_version = version,
                                       .config_count = count,
                                       .configs = configs};
    snprintf(command.topic, sizeof command.topic, "%s", topic);
    return apply_command(metadata, &command);
}

static inline const struct metadata_topic *find_topic(const struct metadata *metadata, const char *name) {
    return metadata_topic_find(metadata, slice_of_string(name));
}

#endif
