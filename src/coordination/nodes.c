#include "nodes.h"

#include "aviary/json.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NODE_VERSION = 1,
    TOPIC_NODE_VERSION = 2,
    INT64_TEXT_SIZE = 24,
};

/* The largest whole number that the JSON reader holds exactly; terms and group ids stay far below. */
static const int64_t json_integer_max = INT64_C(9007199254740991);

static void put_uuid(struct json_writer *writer, const char *key, const struct uuid *uuid) {
    char text[UUID_TEXT_SIZE];
    json_key(writer, key);
    if (uuid_is_zero(uuid)) {
        json_null(writer);
        return;
    }
    uuid_format(uuid, text);
    json_string_z(writer, text);
}

/* As Kafka has it: milliseconds, as a string. */
static void put_timestamp(struct json_writer *writer, int64_t timestamp_ms) {
    char text[INT64_TEXT_SIZE];
    snprintf(text, sizeof text, "%" PRId64, timestamp_ms);
    json_key(writer, "timestamp");
    json_string_z(writer, text);
}

static void put_number(struct json_writer *writer, const char *key, uint64_t number) {
    json_key(writer, key);
    json_uint64(writer, number);
}

static void put_replicas(struct json_writer *writer, const struct coordination_replicas *replicas) {
    json_begin_array(writer);
    for (size_t i = 0; i < replicas->count; i++) {
        json_uint64(writer, replicas->broker_ids[i]);
    }
    json_end_array(writer);
}

static enum status get_number(const struct json *object, const char *name, enum json_presence presence,
                              int64_t low, int64_t high, uint64_t *ret_number, struct error *error) {
    int64_t number = (int64_t)*ret_number;
    enum status status = json_get_int64(object, name, presence, low, high, &number, error);
    if (!status) {
        *ret_number = (uint64_t)number;
    }
    return status;
}

static enum status get_uuid(const struct json *object, const char *name, enum json_presence presence,
                            struct uuid *ret_uuid, struct error *error) {
    struct slice text = {0};
    enum status status = json_get_string(object, name, presence, UUID_TEXT_SIZE - 1, &text, error);
    if (status || text.size == 0) {
        return status;
    }
    status = uuid_parse(text, ret_uuid);
    return status ? error_set(error, status, "field \"%s\" must be a uuid", name) : STATUS_OK;
}

static enum status get_known_uuid(const struct json *object, const char *name, struct uuid *ret_uuid,
                                  struct error *error) {
    struct uuid uuid = {0};
    enum status status = get_uuid(object, name, JSON_REQUIRED, &uuid, error);
    if (!status && uuid_is_zero(&uuid)) {
        return error_set(error, STATUS_INVALID, "field \"%s\" must not be empty or zero", name);
    }
    if (!status) {
        *ret_uuid = uuid;
    }
    return status;
}

static enum status get_timestamp(const struct json *object, int64_t *ret_timestamp_ms, struct error *error) {
    struct slice text = {0};
    enum status status =
        json_get_string(object, "timestamp", JSON_OPTIONAL, INT64_TEXT_SIZE - 1, &text, error);
    if (status || text.size == 0) {
        return status;
    }
    int64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || number > json_integer_max / 10) {
            return error_set(error, STATUS_INVALID, "field \"timestamp\" must be milliseconds in decimal");
        }
        number = number * 10 + (text.data[i] - '0');
    }
    *ret_timestamp_ms = number;
    return STATUS_OK;
}

static enum status parse_object(struct slice data, struct json **ret_object, struct error *error) {
    struct json *object;
    enum status status = json_parse(data, &object, error);
    if (status) {
        return status == STATUS_NO_MEMORY ? status : STATUS_INVALID;
    }
    if (json_type(object) != JSON_OBJECT) {
        json_destroy(object);
        return error_set(error, STATUS_INVALID, "the node must hold a JSON object");
    }
    *ret_object = object;
    return STATUS_OK;
}

void broker_node_encode(const struct coordination_broker *broker, struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    put_number(&writer, "version", NODE_VERSION);
    json_key(&writer, "host");
    json_string_z(&writer, broker->host);
    put_number(&writer, "port", broker->rest_port);
    put_number(&writer, "peer_port", broker->peer_port);
    put_uuid(&writer, "disk_uuid", &broker->disk_uuid);
    put_uuid(&writer, "cluster_id", &broker->cluster_id);
    put_number(&writer, "expect", broker->expect);
    put_timestamp(&writer, broker->timestamp_ms);
    json_end_object(&writer);
}

static enum status get_address(const struct json *object, struct coordination_broker *broker,
                               struct error *error) {
    struct slice host;
    uint64_t rest_port = 0;
    uint64_t peer_port = 0;
    enum status status = json_get_string(object, "host", JSON_REQUIRED, HOST_SIZE_MAX, &host, error);
    if (!status) {
        status = get_number(object, "port", JSON_REQUIRED, 0, UINT16_MAX, &rest_port, error);
    }
    if (!status) {
        status = get_number(object, "peer_port", JSON_REQUIRED, 0, UINT16_MAX, &peer_port, error);
    }
    if (status) {
        return status;
    }
    memcpy(broker->host, host.data, host.size);
    broker->host[host.size] = '\0';
    broker->rest_port = (uint16_t)rest_port;
    broker->peer_port = (uint16_t)peer_port;
    return STATUS_OK;
}

enum status broker_node_decode(struct slice data, uint32_t id, struct coordination_broker *ret_broker,
                               struct error *error) {
    _cleanup_json_ struct json *object = NULL;
    struct coordination_broker broker = {.id = id};
    uint64_t expect = 0;
    enum status status = parse_object(data, &object, error);
    if (!status) {
        status = get_address(object, &broker, error);
    }
    if (!status) {
        status = get_known_uuid(object, "disk_uuid", &broker.disk_uuid, error);
    }
    if (!status) {
        status = get_uuid(object, "cluster_id", JSON_OPTIONAL, &broker.cluster_id, error);
    }
    if (!status) {
        status = get_number(object, "expect", JSON_OPTIONAL, 0, UINT32_MAX, &expect, error);
    }
    if (!status) {
        status = get_timestamp(object, &broker.timestamp_ms, error);
    }
    if (status) {
        return status;
    }
    broker.expect = (uint32_t)expect;
    *ret_broker = broker;
    return STATUS_OK;
}

void controller_node_encode(const struct controller_node *controller, int64_t timestamp_ms,
                            struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    put_number(&writer, "version", NODE_VERSION);
    put_number(&writer, "brokerid", controller->broker_id);
    put_number(&writer, "term", controller->term);
    put_timestamp(&writer, timestamp_ms);
    json_end_object(&writer);
}

enum status controller_node_decode(struct slice data, struct controller_node *ret_controller,
                                   struct error *error) {
    _cleanup_json_ struct json *object = NULL;
    uint64_t broker_id = 0;
    uint64_t term = 0;
    enum status status = parse_object(data, &object, error);
    if (!status) {
        status = get_number(object, "brokerid", JSON_REQUIRED, 1, UINT32_MAX, &broker_id, error);
    }
    if (!status) {
        status = get_number(object, "term", JSON_REQUIRED, 0, json_integer_max, &term, error);
    }
    if (status) {
        return status;
    }
    *ret_controller = (struct controller_node){.broker_id = (uint32_t)broker_id, .term = term};
    return STATUS_OK;
}

void epoch_node_encode(uint64_t epoch, struct buffer *out) {
    buffer_append_format(out, "%" PRIu64, epoch);
}

enum status epoch_node_decode(struct slice data, uint64_t *ret_epoch) {
    uint64_t epoch = 0;
    if (data.size == 0) {
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < data.size; i++) {
        uint64_t digit = (uint64_t)data.data[i] - '0';
        if (data.data[i] < '0' || digit > 9 || epoch > (UINT64_MAX - digit) / 10) {
            return STATUS_INVALID;
        }
        epoch = epoch * 10 + digit;
    }
    *ret_epoch = epoch;
    return STATUS_OK;
}

void cluster_node_encode(const struct coordination_cluster *cluster, struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    put_number(&writer, "version", NODE_VERSION);
    put_uuid(&writer, "id", &cluster->id);
    json_key(&writer, "first_voters");
    json_begin_array(&writer);
    for (size_t i = 0; i < cluster->first_voter_count; i++) {
        json_begin_object(&writer);
        put_number(&writer, "id", cluster->first_voters[i].broker_id);
        put_uuid(&writer, "disk_uuid", &cluster->first_voters[i].disk_uuid);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
}

static enum status get_voter(const struct json *object, struct coordination_voter *ret_voter,
                             struct error *error) {
    uint64_t id = 0;
    enum status status = get_number(object, "id", JSON_REQUIRED, 1, UINT32_MAX, &id, error);
    if (!status) {
        status = get_known_uuid(object, "disk_uuid", &ret_voter->disk_uuid, error);
    }
    if (!status) {
        ret_voter->broker_id = (uint32_t)id;
    }
    return status;
}

static enum status get_first_voters(const struct json *object, struct coordination_cluster *cluster,
                                    struct error *error) {
    const struct json *list;
    enum status status = json_get_container(object, "first_voters", JSON_REQUIRED, JSON_ARRAY, &list, error);
    if (status) {
        return status;
    }
    size_t count = json_count(list);
    if (count == 0 || count > FIRST_VOTERS_MAX) {
        return error_set(error, STATUS_INVALID, "field \"first_voters\" must have 1 to %d elements",
                         FIRST_VOTERS_MAX);
    }
    uint32_t before = 0;
    for (const struct json *voter = json_first(list); voter; voter = json_next(voter)) {
        struct coordination_voter *read = &cluster->first_voters[cluster->first_voter_count];
        status = get_voter(voter, read, error);
        if (status) {
            return status;
        }
        if (read->broker_id <= before) {
            return error_set(error, STATUS_INVALID, "field \"first_voters\" must be ascending by id");
        }
        before = read->broker_id;
        cluster->first_voter_count++;
    }
    return STATUS_OK;
}

enum status cluster_node_decode(struct slice data, struct coordination_cluster *ret_cluster,
                                struct error *error) {
    _cleanup_json_ struct json *object = NULL;
    struct coordination_cluster cluster = {0};
    enum status status = parse_object(data, &object, error);
    if (!status) {
        status = get_known_uuid(object, "id", &cluster.id, error);
    }
    if (!status) {
        status = get_first_voters(object, &cluster, error);
    }
    if (status) {
        return status;
    }
    *ret_cluster = cluster;
    return STATUS_OK;
}

void topic_node_encode(const struct coordination_topic *topic, struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    put_number(&writer, "version", TOPIC_NODE_VERSION);
    json_key(&writer, "partitions");
    json_begin_object(&writer);
    for (size_t i = 0; i < topic->partition_count; i++) {
        char name[INT64_TEXT_SIZE];
        snprintf(name, sizeof name, "%zu", i);
        json_key(&writer, name);
        put_replicas(&writer, &topic->partitions[i]);
    }
    json_end_object(&writer);
    put_uuid(&writer, "topic_id", &topic->id);
    json_end_object(&writer);
}

void config_node_encode(const struct coordination_topic *topic, struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    put_number(&writer, "version", NODE_VERSION);
    json_key(&writer, "config");
    json_begin_object(&writer);
    for (size_t i = 0; i < topic->config_count; i++) {
        json_key(&writer, topic->configs[i].name);
        json_string_z(&writer, topic->configs[i].value);
    }
    json_end_object(&writer);
    json_end_object(&writer);
}

void partition_node_encode(const struct coordination_partition *partition, uint32_t leader,
                           struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    put_number(&writer, "controller_epoch", partition->controller_epoch);
    put_number(&writer, "leader", leader);
    put_number(&writer, "version", NODE_VERSION);
    put_number(&writer, "leader_epoch", partition->leader_epoch);
    json_key(&writer, "isr");
    put_replicas(&writer, &partition->in_sync);
    put_number(&writer, "group", partition->group);
    json_end_object(&writer);
}

enum status partition_node_decode(struct slice data, struct partition_rank *ret_rank, struct error *error) {
    _cleanup_json_ struct json *object = NULL;
    struct partition_rank rank = {0};
    uint64_t leader = 0;
    enum status status = parse_object(data, &object, error);
    if (!status) {
        status = get_number(object, "group", JSON_REQUIRED, 0, json_integer_max, &rank.group, error);
    }
    if (!status) {
        status =
            get_number(object, "leader_epoch", JSON_REQUIRED, 0, json_integer_max, &rank.leader_epoch, error);
    }
    if (!status) {
        status = get_number(object, "leader", JSON_REQUIRED, 1, UINT32_MAX, &leader, error);
    }
    if (status) {
        return status;
    }
    rank.leader = (uint32_t)leader;
    *ret_rank = rank;
    return STATUS_OK;
}

bool partition_rank_supersedes(const struct partition_rank *there, const struct partition_rank *own) {
    if (there->group != own->group) {
        return there->group > own->group;
    }
    if (there->leader_epoch != own->leader_epoch) {
        return there->leader_epoch > own->leader_epoch;
    }
    /* Raft has one leader a term; whoever wrote an equal term under another id is not ours to overwrite. */
    return there->leader != own->leader;
}

enum status broker_id_parse(const char *name, uint32_t *ret_id) {
    uint64_t id;
    if (name[0] == '0' || epoch_node_decode(slice_of_string(name), &id) || id == 0 || id > UINT32_MAX) {
        return STATUS_INVALID;
    }
    *ret_id = (uint32_t)id;
    return STATUS_OK;
}
