/*
 * Topics: made, deleted and configured by commands of the metadata group, at its leader.
 */
#include "broker_private.h"

#include <stdlib.h>

enum { DEFAULT_PARTITIONS = 1, DEFAULT_REPLICATION = 3, ALIVE_MS = 2000 };

/* In a turn: incarnations of brokers that answered lately, as the controller sees them, ascending. */
struct alive {
    size_t count;
    raft_id ids[BROKERS_MAX];
};

static void task_alive(struct shard *shard, struct broker_pending *pending) {
    struct alive *alive = pending->collected;
    struct node_member members[RAFT_MEMBERS_MAX];
    struct node_status status;
    uint64_t now_ms = shard->now_ms;
    pending->answer.status = STATUS_NOT_LEADER;
    if (node_status(shard->node, METADATA_GROUP, &status) && status.role == RAFT_LEADER) {
        pending->answer.status = STATUS_OK;
        size_t count = node_members(shard->node, METADATA_GROUP, members);
        for (size_t i = 0; i < count; i++) {
            bool self = members[i].id == status.leader;
            bool answers =
                members[i].progress.answered_ms != 0 && now_ms - members[i].progress.answered_ms <= ALIVE_MS;
            bool current = metadata_broker_by_incarnation(node_metadata(shard->node), members[i].id) != NULL;
            if (current && (self || answers)) {
                alive->ids[alive->count++] = members[i].id;
            }
        }
    }
    pending_finish(pending);
}

static int compare_ids(const void *left, const void *right) {
    const raft_id *a = left;
    const raft_id *b = right;
    return (*a > *b) - (*a < *b);
}

static enum status topics_alive(struct broker *broker, uint64_t deadline_ms, struct alive *ret_alive) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return STATUS_NO_MEMORY;
    }
    pending->collected = calloc(1, sizeof(struct alive));
    if (pending->collected == NULL) {
        pending_release(pending);
        pending_release(pending);
        return STATUS_NO_MEMORY;
    }
    pending->task = task_alive;
    enum status status = STATUS_UNAVAILABLE;
    if (shard_run(&broker->shard, pending) && pending_wait(pending, deadline_ms)) {
        status = pending->answer.status;
        *ret_alive = *(struct alive *)pending->collected;
        qsort(ret_alive->ids, ret_alive->count, sizeof(raft_id), compare_ids);
    }
    pending_release(pending);
    return status;
}

static uint32_t topics_default_replication(const struct broker *broker) {
    size_t voters = broker->cluster.voter_count;
    return voters < DEFAULT_REPLICATION ? (uint32_t)voters : DEFAULT_REPLICATION;
}

/* A name that does not fit must not become another topic's. */
static enum status topics_name(const char *name, char ret_name[NAME_SIZE_MAX + 1], struct error *error) {
    enum status status = metadata_check_name(slice_of_string(name), error);
    if (status == STATUS_OK) {
        snprintf(ret_name, NAME_SIZE_MAX + 1, "%s", name);
    }
    return status;
}

static enum status topics_check(const struct broker_topic_request *request, struct error *error) {
    if (request->partition_count > PARTITIONS_PER_TOPIC_MAX) {
        return error_set(error, STATUS_INVALID, "a topic has 1 to %d partitions, not %u",
                         PARTITIONS_PER_TOPIC_MAX, request->partition_count);
    }
    if (request->replication_factor > REPLICATION_FACTOR_MAX) {
        return error_set(error, STATUS_INVALID, "the replication factor is 1 to %d, not %u",
                         REPLICATION_FACTOR_MAX, request->replication_factor);
    }
    return STATUS_OK;
}

/* Chooses the replicas. The assignments are the command's. */
static enum status topics_place(struct broker *broker, struct metadata_command *command,
                                const struct alive *alive, struct error *error) {
    command->assignments = calloc(command->partition_count, sizeof *command->assignments);
    if (command->assignments == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for %u partitions", command->partition_count);
    }
    uint64_t seed;
    memcpy(&seed, command->topic_id.bytes, sizeof seed);
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    enum status status = metadata_place(broker->metadata, alive->ids, alive->count, command->partition_count,
                                        command->replication_factor, seed, command->assignments);
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    if (status == STATUS_UNAVAILABLE) {
        return error_set(error, status,
                         "replication factor %u needs as many brokers, and %zu are there: start more, or "
                         "ask for a lower one",
                         command->replication_factor, alive->count);
    }
    return status == STATUS_OK
               ? status
               : error_set(error, status, "no place for the replicas: %s", status_name(status));
}

static enum status topics_result(const struct metadata_result *result, const char *name,
                                 struct error *error) {
    if (result->status == STATUS_OK) {
        return STATUS_OK;
    }
    if (result->status == STATUS_EXISTS) {
        return error_set(error, STATUS_EXISTS, "topic \"%s\" is there already, just so", name);
    }
    if (result->status == STATUS_CONFLICT) {
        return error_set(error, STATUS_CONFLICT,
                         "topic \"%s\" is there with other settings, or another version", name);
    }
    if (result->status == STATUS_NOT_FOUND) {
        return error_set(error, STATUS_NOT_FOUND, "there is no topic \"%s\"", name);
    }
    return error_set(error, result->status, "topic \"%s\" was refused: %s", name,
                     status_name(result->status));
}

/* Waits until every partition has a leader, which takes a majority of its replicas. */
static enum status topics_await_leaders(struct broker *broker, const char *name, uint64_t deadline_ms,
                                        struct error *error) {
    uint32_t partition_count = 1;
    for (uint32_t p = 0; p < partition_count; p++) {
        uint64_t group = 0;
        ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
        const struct metadata_topic *topic = metadata_topic_find(broker->metadata, slice_of_string(name));
        if (topic && p < topic->partition_count) {
            partition_count = topic->partition_count;
            group = topic->partitions[p].group;
        }
        ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
        if (group == 0) {
            return error_set(error, STATUS_UNKNOWN, "topic \"%s\" was made, and then deleted by another",
                             name);
        }
        struct broker_route route;
        if (broker_find_leader(broker, group, deadline_ms, &route, NULL) != STATUS_OK) {
            return error_set(
                error, STATUS_UNKNOWN,
                "topic \"%s\" was made, but partition %u has no leader yet: it serves once a majority of its "
                "replicas runs",
                name, p);
        }
    }
    return STATUS_OK;
}

enum status broker_create_topic(struct broker *broker, const struct broker_topic_request *request,
                                uint64_t deadline_ms, struct error *error) {
    struct alive alive;
    struct metadata_command command = {
        .type = METADATA_CREATE_TOPIC,
        .partition_count = request->partition_count ? request->partition_count : DEFAULT_PARTITIONS,
        .config_count = request->config_count,
    };
    enum status status = broker_check_running(broker, error);
    if (status == STATUS_OK) {
        status = topics_check(request, error);
    }
    if (status == STATUS_OK) {
        status = topics_name(request->name, command.topic, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    command.replication_factor =
        request->replication_factor ? request->replication_factor : topics_default_replication(broker);
    status = topics_alive(broker, deadline_ms, &alive);
    if (status != STATUS_OK) {
        return error_set(error, status, "this broker is not the controller: ask the one of /v1/cluster");
    }
    status = uuid_generate(&command.topic_id);
    if (status != STATUS_OK) {
        return error_set(error, status, "the kernel gave no random bytes for a topic id");
    }
    status = topics_place(broker, &command, &alive, error);
    struct metadata_result result = {.status = STATUS_OK};
    if (status == STATUS_OK) {
        command.configs = (struct metadata_config *)(uintptr_t)request->configs;
        status = metadata_execute(broker, &command, deadline_ms, &result, error);
    }
    free(command.assignments);
    if (status == STATUS_OK) {
        status = topics_result(&result, request->name, error);
    }
    return status == STATUS_OK ? topics_await_leaders(broker, request->name, deadline_ms, error) : status;
}

enum status broker_delete_topic(struct broker *broker, const char *name, uint64_t expected_version,
                                uint64_t deadline_ms, struct error *error) {
    struct metadata_command command = {.type = METADATA_DELETE_TOPIC, .expected_version = expected_version};
    struct metadata_result result;
    enum status status = topics_name(name, command.topic, error);
    if (status == STATUS_OK) {
        status = metadata_execute(broker, &command, deadline_ms, &result, error);
    }
    return status == STATUS_OK ? topics_result(&result, name, error) : status;
}

enum status broker_configure_topic(struct broker *broker, const char *name, uint64_t expected_version,
                                   const struct metadata_config *configs, uint32_t config_count,
                                   uint64_t deadline_ms, struct error *error) {
    struct metadata_command command = {
        .type = METADATA_CONFIGURE_TOPIC,
        .expected_version = expected_version,
        .configs = (struct metadata_config *)(uintptr_t)configs,
        .config_count = config_count,
    };
    struct metadata_result result;
    enum status status = topics_name(name, command.topic, error);
    if (status == STATUS_OK) {
        status = metadata_execute(broker, &command, deadline_ms, &result, error);
    }
    return status == STATUS_OK ? topics_result(&result, name, error) : status;
}
