/* What stands in ZooKeeper's nodes, byte for byte, and what is refused. */
#include "allocation.h"
#include "coordination/nodes.h"

#include "aviary/base/cleanup.h"
#include "aviary/base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct buffer out;

static int setup(void **state) {
    (void)state;
    buffer_init(&out, COORDINATION_NODE_BYTES_MAX);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buffer_finish(&out);
    return 0;
}

static void check_text(const char *expected) {
    assert_int_equal(buffer_status(&out), STATUS_OK);
    assert_int_equal(out.size, strlen(expected));
    assert_memory_equal(out.data, expected, out.size);
}

static struct uuid uuid_filled(uint8_t byte) {
    struct uuid uuid;
    memset(&uuid, byte, sizeof uuid);
    return uuid;
}

static void test_broker(void **state) {
    (void)state;
    struct coordination_broker broker = {
        .id = 3,
        .host = "bird.example",
        .rest_port = 8000,
        .peer_port = 8100,
        .disk_uuid = uuid_filled(0x11),
        .expect = 3,
        .timestamp_ms = 1700000000123,
    };
    struct coordination_broker decoded;
    broker_node_encode(&broker, &out);
    check_text("{\"version\":1,\"host\":\"bird.example\",\"port\":8000,\"peer_port\":8100,"
               "\"disk_uuid\":\"11111111-1111-1111-1111-111111111111\",\"cluster_id\":null,\"expect\":3,"
               "\"timestamp\":\"1700000000123\"}");
    assert_int_equal(broker_node_decode(buffer_slice(&out), 3, &decoded, NULL), STATUS_OK);
    assert_int_equal(decoded.id, 3);
    assert_string_equal(decoded.host, "bird.example");
    assert_int_equal(decoded.rest_port, 8000);
    assert_int_equal(decoded.peer_port, 8100);
    assert_true(uuid_equal(&decoded.disk_uuid, &broker.disk_uuid));
    assert_true(uuid_is_zero(&decoded.cluster_id));
    assert_int_equal(decoded.expect, 3);
    assert_int_equal(decoded.timestamp_ms, 1700000000123);

    broker.cluster_id = uuid_filled(0x22);
    buffer_clear(&out);
    broker_node_encode(&broker, &out);
    assert_int_equal(broker_node_decode(buffer_slice(&out), 3, &decoded, NULL), STATUS_OK);
    assert_true(uuid_equal(&decoded.cluster_id, &broker.cluster_id));
}

static void test_bad_brokers(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"host\":\"a\",\"port\":1,\"peer_port\":2}",
        "{\"host\":\"a\",\"port\":65536,\"peer_port\":2,\"disk_uuid\":null}",
        "{\"host\":\"a\",\"port\":1,\"peer_port\":2,\"disk_uuid\":\"x\"}",
        "{\"host\":\"a\",\"port\":1,\"peer_port\":2,\"disk_uuid\":\"\"}",
        "{\"host\":\"a\",\"port\":1,\"peer_port\":2,\"disk_uuid\":\"00000000-0000-0000-0000-000000000000\"}",
        "{\"host\":1,\"port\":1,\"peer_port\":2,\"disk_uuid\":\"11111111-1111-1111-1111-111111111111\"}",
        "{\"host\":\"a\",\"port\":1,\"peer_port\":2,\"disk_uuid\":\"11111111-1111-1111-1111-111111111111\","
        "\"expect\":-1}",
        "{\"host\":\"a\",\"port\":1,\"peer_port\":2,\"disk_uuid\":\"11111111-1111-1111-1111-111111111111\","
        "\"timestamp\":\"99999999999999999999\"}",
        "{\"host\":\"a\",\"port\":1,\"peer_port\":2,\"disk_uuid\":\"11111111-1111-1111-1111-111111111111\"} "
        "x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct coordination_broker decoded = {.id = 77};
        struct error error = {0};
        assert_int_equal(broker_node_decode(slice_of_string(bad[i]), 1, &decoded, &error), STATUS_INVALID);
        assert_int_equal(decoded.id, 77);
        assert_true(error.message[0] != '\0');
    }
}

static void test_unknown_fields_are_ignored(void **state) {
    (void)state;
    struct coordination_broker decoded;
    static const char kafka[] =
        "{\"features\":{},\"host\":\"a\",\"port\":1,\"peer_port\":2,\"version\":5,"
        "\"disk_uuid\":\"11111111-1111-1111-1111-111111111111\",\"endpoints\":[\"x\"]}";
    assert_int_equal(broker_node_decode(slice_of_string(kafka), 1, &decoded, NULL), STATUS_OK);
    assert_int_equal(decoded.expect, 0);
}

static void test_controller(void **state) {
    (void)state;
    struct controller_node node = {.broker_id = 2, .term = 7};
    struct controller_node decoded = {0};
    controller_node_encode(&node, 5, &out);
    check_text("{\"version\":1,\"brokerid\":2,\"term\":7,\"timestamp\":\"5\"}");
    assert_int_equal(controller_node_decode(buffer_slice(&out), &decoded, NULL), STATUS_OK);
    assert_int_equal(decoded.broker_id, 2);
    assert_int_equal(decoded.term, 7);
    assert_int_equal(controller_node_decode(slice_of_string("{\"brokerid\":0,\"term\":1}"), &decoded, NULL),
                     STATUS_INVALID);
    assert_int_equal(controller_node_decode(slice_of_string("{\"brokerid\":1}"), &decoded, NULL),
                     STATUS_INVALID);
}

static void test_epoch(void **state) {
    (void)state;
    uint64_t epoch = 5;
    epoch_node_encode(UINT64_MAX, &out);
    check_text("18446744073709551615");
    assert_int_equal(epoch_node_decode(buffer_slice(&out), &epoch), STATUS_OK);
    assert_true(epoch == UINT64_MAX);
    static const char *const bad[] = {"", "-1", "1x", " 1", "18446744073709551616", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(epoch_node_decode(slice_of_string(bad[i]), &epoch), STATUS_INVALID);
    }
    assert_true(epoch == UINT64_MAX);
}

static void test_cluster(void **state) {
    (void)state;
    struct coordination_cluster cluster = {
        .id = uuid_filled(0xab),
        .first_voter_count = 2,
        .first_voters = {{1, uuid_filled(1)}, {2, uuid_filled(2)}},
    };
    struct coordination_cluster decoded;
    cluster_node_encode(&cluster, &out);
    check_text("{\"version\":1,\"id\":\"abababab-abab-abab-abab-abababababab\",\"first_voters\":["
               "{\"id\":1,\"disk_uuid\":\"01010101-0101-0101-0101-010101010101\"},"
               "{\"id\":2,\"disk_uuid\":\"02020202-0202-0202-0202-020202020202\"}]}");
    assert_int_equal(cluster_node_decode(buffer_slice(&out), &decoded, NULL), STATUS_OK);
    assert_true(uuid_equal(&decoded.id, &cluster.id));
    assert_int_equal(decoded.first_voter_count, 2);
    assert_int_equal(decoded.first_voters[1].broker_id, 2);
    assert_true(uuid_equal(&decoded.first_voters[1].disk_uuid, &cluster.first_voters[1].disk_uuid));
}

static void test_bad_clusters(void **state) {
    (void)state;
#define ID "\"id\":\"abababab-abab-abab-abab-abababababab\""
#define VOTER "{\"id\":1,\"disk_uuid\":\"01010101-0101-0101-0101-010101010101\"}"
#define VOTER_2 "{\"id\":2,\"disk_uuid\":\"02020202-0202-0202-0202-020202020202\"}"
    static const char *const bad[] = {
        "{" ID "}",
        "{" ID ",\"first_voters\":[]}",
        "{" ID ",\"first_voters\":[1]}",
        "{" ID ",\"first_voters\":[{\"id\":0}]}",
        "{" ID ",\"first_voters\":[{\"id\":1,\"disk_uuid\":\"00000000-0000-0000-0000-000000000000\"}]}",
        "{" ID ",\"first_voters\":[" VOTER "," VOTER "," VOTER "," VOTER "," VOTER "," VOTER "]}",
        "{\"id\":\"00000000-0000-0000-0000-000000000000\",\"first_voters\":[" VOTER "]}",
        "{\"id\":null,\"first_voters\":[" VOTER "]}",
        "{" ID ",\"first_voters\":[" VOTER "," VOTER "]}",
        "{" ID ",\"first_voters\":[" VOTER_2 "," VOTER "]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct coordination_cluster decoded = {.first_voter_count = 77};
        assert_int_equal(cluster_node_decode(slice_of_string(bad[i]), &decoded, NULL), STATUS_INVALID);
        assert_int_equal(decoded.first_voter_count, 77);
    }
}

static void test_topic_and_config(void **state) {
    (void)state;
    struct coordination_replicas partitions[] = {{.count = 3, .broker_ids = {1, 2, 3}}, {.count = 0}};
    struct coordination_config configs[] = {{"retention.ms", "1"}, {"comment", "say \"hi\"\n"}};
    struct coordination_topic topic = {
        .name = "birds",
        .id = uuid_filled(7),
        .partitions = partitions,
        .partition_count = 2,
        .configs = configs,
        .config_count = 2,
    };
    topic_node_encode(&topic, &out);
    check_text("{\"version\":2,\"partitions\":{\"0\":[1,2,3],\"1\":[]},"
               "\"topic_id\":\"07070707-0707-0707-0707-070707070707\"}");
    buffer_clear(&out);
    config_node_encode(&topic, &out);
    check_text("{\"version\":1,\"config\":{\"retention.ms\":\"1\",\"comment\":\"say \\\"hi\\\"\\n\"}}");
    topic.config_count = 0;
    buffer_clear(&out);
    config_node_encode(&topic, &out);
    check_text("{\"version\":1,\"config\":{}}");
}

static void test_largest_topic_fits_a_node(void **state) {
    (void)state;
    static struct coordination_replicas partitions[PARTITIONS_PER_TOPIC_MAX];
    for (size_t i = 0; i < PARTITIONS_PER_TOPIC_MAX; i++) {
        partitions[i].count = REPLICATION_FACTOR_MAX;
        for (size_t j = 0; j < REPLICATION_FACTOR_MAX; j++) {
            partitions[i].broker_ids[j] = UINT32_MAX;
        }
    }
    struct coordination_topic topic = {
        .name = "birds", .partitions = partitions, .partition_count = PARTITIONS_PER_TOPIC_MAX};
    topic_node_encode(&topic, &out);
    assert_int_equal(buffer_status(&out), STATUS_OK);
}

static void test_partition(void **state) {
    (void)state;
    struct coordination_partition partition = {
        .topic = "birds",
        .partition = 1,
        .group = 12,
        .leader_epoch = 7,
        .controller_epoch = 3,
        .in_sync = {.count = 2, .broker_ids = {2, 1}},
    };
    struct partition_rank rank;
    partition_node_encode(&partition, 2, &out);
    check_text("{\"controller_epoch\":3,\"leader\":2,\"version\":1,\"leader_epoch\":7,\"isr\":[2,1],"
               "\"group\":12}");
    assert_int_equal(partition_node_decode(buffer_slice(&out), &rank, NULL), STATUS_OK);
    assert_int_equal(rank.group, 12);
    assert_int_equal(rank.leader_epoch, 7);
    assert_int_equal(rank.leader, 2);
    assert_int_equal(partition_node_decode(slice_of_string("{\"leader\":1,\"leader_epoch\":1}"), &rank, NULL),
                     STATUS_INVALID);
}

static void test_ranks(void **state) {
    (void)state;
    struct partition_rank own = {.group = 5, .leader_epoch = 7, .leader = 1};
    struct {
        struct partition_rank there;
        bool supersedes;
    } cases[] = {
        {{5, 7, 1}, false}, /* ours: may be rewritten */
        {{5, 7, 2}, true},  /* a term has one leader */
        {{5, 6, 2}, false}, {{5, 8, 2}, true},
        {{5, 8, 1}, true},  {{4, 9, 2}, false}, /* of a topic that was deleted */
        {{6, 1, 2}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(partition_rank_supersedes(&cases[i].there, &own), cases[i].supersedes);
    }
}

static void test_broker_ids(void **state) {
    (void)state;
    static const char *const bad[] = {"", "0", "01", "-1", "1a", "4294967296", "+1", " 1"};
    uint32_t id = 9;
    assert_int_equal(broker_id_parse("4294967295", &id), STATUS_OK);
    assert_true(id == UINT32_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(broker_id_parse(bad[i], &id), STATUS_INVALID);
    }
}

/* Any bytes: refused or read, never beyond their end. Changes one byte of a good node, and cuts it anywhere.
 */
static void test_mangled_nodes(void **state) {
    (void)state;
    struct prng prng;
    struct coordination_cluster cluster = {
        .id = uuid_filled(0xab), .first_voter_count = 1, .first_voters = {{1, uuid_filled(1)}}};
    struct coordination_broker broker = {.host = "a", .disk_uuid = uuid_filled(1), .peer_port = 2};
    prng_init(&prng, 1);
    for (int round = 0; round < 20000; round++) {
        struct coordination_broker any_broker;
        struct coordination_cluster any_cluster;
        struct controller_node any_controller;
        struct partition_rank any_rank;
        buffer_clear(&out);
        if (round % 2) {
            cluster_node_encode(&cluster, &out);
        } else {
            broker_node_encode(&broker, &out);
        }
        out.data[prng_below(&prng, out.size)] = (uint8_t)prng_next(&prng);
        size_t size = prng_chance(&prng, 1, 4) ? prng_below(&prng, out.size) : out.size;
        _cleanup_blob_ struct blob *exact = blob_copy(slice_make(out.data, size));
        struct slice data = blob_slice(exact);
        enum status statuses[] = {
            broker_node_decode(data, 1, &any_broker, NULL),
            cluster_node_decode(data, &any_cluster, NULL),
            controller_node_decode(data, &any_controller, NULL),
            partition_node_decode(data, &any_rank, NULL),
        };
        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
            assert_true(statuses[i] == STATUS_OK || statuses[i] == STATUS_INVALID);
        }
    }
}

/* What each node is read from takes memory for its tree alone; what it is written to is a buffer. */
static void test_memory_runs_out(void **state) {
    (void)state;
    static const char text[] = "{\"id\":\"abababab-abab-abab-abab-abababababab\",\"first_voters\":["
                               "{\"id\":1,\"disk_uuid\":\"01010101-0101-0101-0101-010101010101\"}]}";
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        struct coordination_cluster decoded = {.first_voter_count = 77};
        allocation_fail_at(nth);
        enum status status = cluster_node_decode(slice_of_string(text), &decoded, NULL);
        failed = allocation_failed();
        assert_int_equal(status, failed ? STATUS_NO_MEMORY : STATUS_OK);
        assert_int_equal(decoded.first_voter_count, failed ? 77 : 1);
    }
    assert_true(nth > 2);
    struct coordination_cluster cluster = {.id = uuid_filled(1), .first_voter_count = 0};
    _cleanup_buffer_ struct buffer node;
    buffer_init(&node, COORDINATION_NODE_BYTES_MAX);
    allocation_fail_at(1);
    cluster_node_encode(&cluster, &node);
    assert_true(allocation_failed());
    assert_int_equal(buffer_status(&node), STATUS_NO_MEMORY);
    buffer_clear(&node);
    cluster_node_encode(&cluster, &node);
    assert_int_equal(buffer_status(&node), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_brokers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_fields_are_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_controller, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cluster, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_clusters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_topic_and_config, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_topic_fits_a_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broker_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mangled_nodes, setup, teardown),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
