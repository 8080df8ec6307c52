/*
 * What anyone may have written to ZooKeeper's nodes. What decodes is within its bounds, and encoded and
 * decoded again it is the same.
 */
#include "fuzz.h"

#include "coordination/nodes.h"

#include <stdio.h>

enum { NODE_ID = 7 };

/* The node's JSON, encoded; a NUL behind it for texts. */
static struct buffer out = {.size_max = COORDINATION_NODE_BYTES_MAX};

static void check_error(enum status status, const struct error *error) {
    ASSERT(status == STATUS_INVALID);
    ASSERT(error->message[0] != '\0');
}

static void check_broker(struct slice data) {
    struct coordination_broker broker;
    struct coordination_broker again;
    struct error error = {0};
    enum status status = broker_node_decode(data, NODE_ID, &broker, &error);
    if (status != STATUS_OK) {
        check_error(status, &error);
        return;
    }
    ASSERT(strlen(broker.host) <= HOST_SIZE_MAX);
    ASSERT(!uuid_is_zero(&broker.disk_uuid));
    broker_node_encode(&broker, &out);
    ASSERT(broker_node_decode(buffer_slice(&out), NODE_ID, &again, &error) == STATUS_OK);
    ASSERT(again.id == broker.id && strcmp(again.host, broker.host) == 0);
    ASSERT(again.rest_port == broker.rest_port && again.peer_port == broker.peer_port);
    ASSERT(uuid_equal(&again.disk_uuid, &broker.disk_uuid));
    ASSERT(uuid_equal(&again.cluster_id, &broker.cluster_id));
    ASSERT(again.expect == broker.expect && again.timestamp_ms == broker.timestamp_ms);
}

static void check_controller(struct slice data) {
    struct controller_node controller;
    struct controller_node again;
    struct error error = {0};
    enum status status = controller_node_decode(data, &controller, &error);
    if (status != STATUS_OK) {
        check_error(status, &error);
        return;
    }
    ASSERT(controller.broker_id > 0);
    controller_node_encode(&controller, 1, &out);
    ASSERT(controller_node_decode(buffer_slice(&out), &again, &error) == STATUS_OK);
    ASSERT(again.broker_id == controller.broker_id && again.term == controller.term);
}

static void check_epoch(struct slice data) {
    uint64_t epoch;
    uint64_t again;
    if (epoch_node_decode(data, &epoch) == STATUS_OK) {
        epoch_node_encode(epoch, &out);
        ASSERT(epoch_node_decode(buffer_slice(&out), &again) == STATUS_OK);
        ASSERT(again == epoch);
    }
}

static void check_cluster(struct slice data) {
    struct coordination_cluster cluster;
    struct coordination_cluster again;
    struct error error = {0};
    enum status status = cluster_node_decode(data, &cluster, &error);
    if (status != STATUS_OK) {
        check_error(status, &error);
        return;
    }
    ASSERT(cluster.first_voter_count > 0 && cluster.first_voter_count <= FIRST_VOTERS_MAX);
    cluster_node_encode(&cluster, &out);
    ASSERT(cluster_node_decode(buffer_slice(&out), &again, &error) == STATUS_OK);
    ASSERT(uuid_equal(&again.id, &cluster.id) && again.first_voter_count == cluster.first_voter_count);
    for (size_t i = 0; i < cluster.first_voter_count; i++) {
        const struct coordination_voter *voter = &cluster.first_voters[i];
        ASSERT(again.first_voters[i].broker_id == voter->broker_id);
        ASSERT(uuid_equal(&again.first_voters[i].disk_uuid, &voter->disk_uuid));
        for (size_t j = 0; j < i; j++) {
            ASSERT(cluster.first_voters[j].broker_id != voter->broker_id);
        }
    }
}

static void check_partition(struct slice data) {
    struct partition_rank rank;
    struct partition_rank again;
    struct error error = {0};
    enum status status = partition_node_decode(data, &rank, &error);
    if (status != STATUS_OK) {
        check_error(status, &error);
        return;
    }
    struct coordination_partition partition = {
        .topic = "t", .group = rank.group, .leader_epoch = rank.leader_epoch};
    partition_node_encode(&partition, rank.leader, &out);
    ASSERT(partition_node_decode(buffer_slice(&out), &again, &error) == STATUS_OK);
    ASSERT(again.group == rank.group && again.leader_epoch == rank.leader_epoch);
    ASSERT(again.leader == rank.leader);
    ASSERT(!partition_rank_supersedes(&rank, &again));
}

static void check_id(struct slice data) {
    uint32_t id;
    char again[16];
    buffer_append_slice(&out, data);
    buffer_append_u8(&out, '\0');
    const char *name = (const char *)out.data;
    if (broker_id_parse(name, &id) == STATUS_OK) {
        snprintf(again, sizeof again, "%u", id);
        ASSERT(strcmp(name, again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(struct slice) = {check_broker,  check_controller, check_epoch,
                                                   check_cluster, check_partition,  check_id};
    if (size == 0 || size > COORDINATION_NODE_BYTES_MAX / 2) {
        return 0;
    }
    _cleanup_blob_ struct blob *node = fuzz_copy(slice_make(data + 1, size - 1));
    buffer_clear(&out);
    checks[data[0] % (sizeof checks / sizeof checks[0])](blob_slice(node));
    ASSERT(buffer_status(&out) == STATUS_OK);
    return 0;
}
