/* GET /v1/cluster and GET /v1/brokers */
#include "handlers.h"

#include "aviary/base/clock.h"

#include "partition_row.h"

/* The controller, as far as it is known within a moment. */
static void find_controller(struct call *call, struct broker_route *ret_route) {
    *ret_route = (struct broker_route){0};
    if (broker_find_leader(call->api->broker, METADATA_GROUP, clock_monotonic_ms() + FANOUT_MS, ret_route,
                           NULL) != STATUS_OK) {
        *ret_route = (struct broker_route){0}; /* told as null */
    }
}

static void write_broker_or_null(struct json_writer *writer, const char *key, uint32_t broker) {
    json_key(writer, key);
    if (broker > 0) {
        json_uint64(writer, broker);
    } else {
        json_null(writer);
    }
}

/* The members of the metadata group, which only the controller knows: null elsewhere. */
static void write_metadata_replicas(struct call *call, struct json_writer *writer) {
    struct partition_row row;
    json_key(writer, "metadata_replicas");
    if (partition_row_read(call->api, METADATA_GROUP, clock_monotonic_ms() + FANOUT_MS, &row)) {
        partition_row_write_members(writer, &row);
    } else {
        json_null(writer);
    }
}

void handle_get_cluster(struct call *call) {
    struct broker_route controller;
    const struct metadata *metadata;
    struct error error = {0};
    enum status status = broker_lock_metadata(call->api->broker, &metadata, &error);
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
        return;
    }
    char cluster_id[UUID_TEXT_SIZE];
    uuid_format(metadata_cluster_id(metadata), cluster_id);
    size_t brokers = metadata_broker_count(metadata);
    size_t topics = metadata_topic_count(metadata);
    size_t partitions = metadata_partition_count(metadata);
    uint64_t applied_index = metadata_applied_index(metadata);
    broker_unlock_metadata(call->api->broker);
    find_controller(call, &controller);
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "cluster_id");
    json_string_z(&writer, cluster_id);
    json_key(&writer, "broker_id");
    json_uint64(&writer, call->api->broker_id);
    write_broker_or_null(&writer, "controller", controller.leader);
    json_key(&writer, "controller_term");
    json_uint64(&writer, controller.term);
    json_key(&writer, "brokers");
    json_uint64(&writer, brokers);
    json_key(&writer, "topics");
    json_uint64(&writer, topics);
    json_key(&writer, "partitions");
    json_uint64(&writer, partitions);
    json_key(&writer, "metadata_index");
    json_uint64(&writer, applied_index);
    write_metadata_replicas(call, &writer);
    json_end_object(&writer);
}

static bool is_alive(const struct call *call, uint32_t broker, const struct peer *peers, size_t count) {
    bool alive = broker == call->api->broker_id;
    for (size_t i = 0; i < count; i++) {
        alive |= peers[i].broker == broker && peers[i].alive;
    }
    return alive;
}

static void write_broker(struct json_writer *writer, const struct metadata_broker *broker, bool alive,
                         uint32_t controller) {
    char disk_uuid[UUID_TEXT_SIZE];
    uuid_format(&broker->disk_uuid, disk_uuid);
    json_begin_object(writer);
    json_key(writer, "id");
    json_uint64(writer, broker->id);
    json_key(writer, "incarnation");
    json_uint64(writer, broker->incarnation);
    json_key(writer, "disk_uuid");
    json_string_z(writer, disk_uuid);
    json_key(writer, "rest_address");
    json_string_z(writer, broker->rest_address);
    json_key(writer, "peer_address");
    json_string_z(writer, broker->peer_address);
    json_key(writer, "alive");
    json_bool(writer, alive);
    json_key(writer, "controller");
    json_bool(writer, broker->id == controller);
    json_end_object(writer);
}

void handle_get_brokers(struct call *call) {
    struct peer peers[BROKERS_MAX];
    size_t peer_count = peers_get(call->api, peers);
    struct broker_route controller;
    find_controller(call, &controller);
    const struct metadata *metadata;
    struct error error = {0};
    enum status status = broker_lock_metadata(call->api->broker, &metadata, &error);
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
        return;
    }
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "brokers");
    json_begin_array(&writer);
    for (size_t i = 0; i < metadata_broker_count(metadata); i++) {
        const struct metadata_broker *broker = metadata_broker_at(metadata, i);
        write_broker(&writer, broker, is_alive(call, broker->id, peers, peer_count), controller.leader);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    broker_unlock_metadata(call->api->broker);
}
