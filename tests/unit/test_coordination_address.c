/* ZooKeeper's connect string, the list of peers, and the static port that is made of it. */
#include "aviary/coordination/static.h"
#include "coordination/address.h"

#include "allocation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void check_connect(const char *text, const char *hosts, const char *prefix) {
    struct connect_string connect;
    assert_int_equal(connect_string_parse(text, NULL, &connect), STATUS_OK);
    assert_string_equal(connect.hosts, hosts);
    assert_string_equal(connect.prefix, prefix);
}

static void test_connect_string(void **state) {
    (void)state;
    check_connect("zoo:2181", "zoo:2181", "/aviary");
    check_connect("zoo1:2181,zoo2:2182,10.0.0.3:2183", "zoo1:2181,zoo2:2182,10.0.0.3:2183", "/aviary");
    check_connect("zoo:2181/birds", "zoo:2181", "/birds");
    check_connect("zoo:2181/birds/of.a-feather_2/", "zoo:2181", "/birds/of.a-feather_2");
    check_connect("zoo:2181/", "zoo:2181", "");
    check_connect("[::1]:2181,[fe80::1%eth0]:2181/x", "[::1]:2181,[fe80::1%eth0]:2181", "/x");
}

static void test_bad_connect_strings(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",          "zoo",          ":2181",         "zoo:",          "zoo:0",       "zoo:65536",
        "zoo:2181,", ",zoo:2181",    "zoo:2181,,a:1", "zoo:21x81",     "zoo :2181",   "zoo:2181//a",
        "/aviary",   "zoo:2181/a/.", "zoo:2181/../a", "zoo:2181/a b",  "zoo:-1",      "::1:2181",
        "zoo:+1",    "[]:1",         "zoo:2181/a//",  "zoo:2181/\x01", "zoo:1,b:2,c",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct connect_string connect;
        struct error error = {0};
        memset(&connect, 0x5a, sizeof connect);
        assert_int_equal(connect_string_parse(bad[i], &error, &connect), STATUS_INVALID);
        assert_int_equal(error.status, STATUS_INVALID);
        assert_non_null(strstr(error.message, "--zookeeper"));
        assert_int_equal(connect.hosts[0], 0x5a);
    }
}

static void test_connect_string_is_bounded(void **state) {
    (void)state;
    struct connect_string connect;
    char text[CONNECT_HOSTS_MAX + 64];
    size_t size = 0;
    while (size <= CONNECT_HOSTS_MAX) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%szoo:2181", size > 0 ? "," : "");
    }
    assert_int_equal(connect_string_parse(text, NULL, &connect), STATUS_TOO_LARGE);
    snprintf(text, sizeof text, "zoo:1/%0*d", CONNECT_PREFIX_MAX, 1);
    assert_int_equal(connect_string_parse(text, NULL, &connect), STATUS_TOO_LARGE);
    snprintf(text, sizeof text, "zoo:1/%0*d", CONNECT_PREFIX_MAX - 1, 1);
    assert_int_equal(connect_string_parse(text, NULL, &connect), STATUS_OK);
    assert_int_equal(strlen(connect.prefix), CONNECT_PREFIX_MAX);
}

static void test_peers(void **state) {
    (void)state;
    struct coordination_broker peers[BROKERS_MAX];
    size_t count;
    assert_int_equal(peers_parse("3=c:8103,1=a:8101,2=[::1]:8102", NULL, peers, &count), STATUS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(peers[0].id, 1);
    assert_string_equal(peers[0].host, "a");
    assert_int_equal(peers[0].peer_port, 8101);
    assert_int_equal(peers[0].rest_port, 0);
    assert_true(uuid_is_zero(&peers[0].disk_uuid));
    assert_string_equal(peers[1].host, "[::1]");
    assert_int_equal(peers[2].id, 3);
    /* One host may carry several brokers. */
    assert_int_equal(peers_parse("1=a:1,2=a:2", NULL, peers, &count), STATUS_OK);
}

static void test_bad_peers(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",       "1",           "1=",     "=a:1",   "0=a:1",       "1=a",         "1=a:0",
        "a=a:1",  "1=a:1,",      ",1=a:1", "-1=a:1", "1=a:1,1=b:1", "1=a:1,2=a:1", "4294967296=a:1",
        "1 =a:1", "1=a:1;2=b:1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct coordination_broker peers[BROKERS_MAX];
        size_t count = 77;
        struct error error = {0};
        assert_int_equal(peers_parse(bad[i], &error, peers, &count), STATUS_INVALID);
        assert_int_equal(count, 77);
        assert_non_null(strstr(error.message, "--peers"));
    }
}

static void test_peers_are_bounded(void **state) {
    (void)state;
    struct coordination_broker peers[BROKERS_MAX];
    char text[(BROKERS_MAX + 1) * 16];
    size_t size = 0;
    size_t count;
    for (int id = 1; id <= BROKERS_MAX; id++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%d=a:%d", id > 1 ? "," : "", id, id);
    }
    assert_int_equal(peers_parse(text, NULL, peers, &count), STATUS_OK);
    assert_int_equal(count, BROKERS_MAX);
    snprintf(text + size, sizeof text - size, ",999=b:1");
    assert_int_equal(peers_parse(text, NULL, peers, &count), STATUS_TOO_LARGE);
}

struct heard {
    int events;
    size_t count;
    struct coordination_broker brokers[BROKERS_MAX];
};

static void on_event(void *context, const struct coordination_event *event) {
    struct heard *heard = context;
    assert_int_equal(event->type, COORDINATION_BROKERS_CHANGED);
    heard->events++;
    heard->count = event->brokers.count;
    memcpy(heard->brokers, event->brokers.list, event->brokers.count * sizeof heard->brokers[0]);
}

static enum status start(struct coordination *coordination, uint32_t id, struct heard *heard,
                         struct error *error) {
    struct coordination_start start = {
        .self = {.id = id, .host = "me", .rest_port = 8000, .peer_port = 8100, .disk_uuid = {{1}}},
        .on_event = on_event,
        .context = heard,
    };
    return coordination_start(coordination, &start, error);
}

static void test_static_tells_the_list_once(void **state) {
    (void)state;
    struct coordination *coordination;
    struct coordination_status status;
    struct heard heard = {0};
    assert_int_equal(coordination_static_create("1=a:1,2=b:2", 2, NULL, &coordination), STATUS_OK);
    assert_int_equal(start(coordination, 2, &heard, NULL), STATUS_OK);
    assert_int_equal(heard.events, 1);
    assert_int_equal(heard.count, 2);
    assert_string_equal(heard.brokers[0].host, "a");
    assert_string_equal(heard.brokers[1].host, "me");
    assert_int_equal(heard.brokers[1].disk_uuid.bytes[0], 1);
    coordination_status(coordination, &status);
    assert_int_equal(status.mode, COORDINATION_STATIC);
    assert_true(status.connected);
    coordination_destroy(coordination);
}

static void test_static_publishes_nothing(void **state) {
    (void)state;
    struct coordination *coordination;
    struct heard heard = {0};
    struct coordination_cluster cluster = {.id = {{1}}, .first_voter_count = 1};
    struct coordination_replicas replicas = {.count = 1, .broker_ids = {1}};
    struct coordination_topic topic = {.name = "birds", .partitions = &replicas, .partition_count = 1};
    struct coordination_partition partition = {.topic = "birds", .leader_epoch = 1};
    assert_int_equal(coordination_static_create("1=a:1", 1, NULL, &coordination), STATUS_OK);
    assert_int_equal(start(coordination, 1, &heard, NULL), STATUS_OK);
    assert_int_equal(coordination_create_cluster(coordination, &cluster), STATUS_UNSUPPORTED);
    coordination_set_cluster(coordination, &cluster);
    coordination_publish_controller(coordination, 1);
    coordination_observed_leader(coordination, 1, 1);
    assert_int_equal(coordination_publish_topic(coordination, &topic), STATUS_OK);
    assert_int_equal(coordination_sync_view(coordination, &topic, 1), STATUS_OK);
    assert_int_equal(coordination_publish_partition(coordination, &partition), STATUS_OK);
    assert_int_equal(coordination_remove_topic(coordination, "birds"), STATUS_OK);
    coordination_forget_partition(coordination, "birds", 0);
    assert_int_equal(heard.events, 1);
    coordination_destroy(coordination);
}

static void test_port_checks_names(void **state) {
    (void)state;
    static const char *const bad[] = {"", ".", "..", "a/b", "a b", "\xc3\xa4"};
    struct coordination *coordination;
    char long_name[NAME_SIZE_MAX + 2];
    struct coordination_replicas replicas = {.count = 1, .broker_ids = {1}};
    struct coordination_topic topic = {.name = long_name, .partitions = &replicas, .partition_count = 1};
    memset(long_name, 'a', NAME_SIZE_MAX + 1);
    long_name[NAME_SIZE_MAX + 1] = '\0';
    assert_int_equal(coordination_static_create(NULL, 1, NULL, &coordination), STATUS_OK);
    assert_int_equal(coordination_publish_topic(coordination, &topic), STATUS_INVALID);
    long_name[NAME_SIZE_MAX] = '\0';
    assert_int_equal(coordination_publish_topic(coordination, &topic), STATUS_OK);
    topic.partition_count = PARTITIONS_PER_TOPIC_MAX + 1;
    assert_int_equal(coordination_sync_view(coordination, &topic, 1), STATUS_INVALID);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(coordination_remove_topic(coordination, bad[i]), STATUS_INVALID);
    }
    coordination_destroy(coordination);
}

static void test_static_must_name_this_broker(void **state) {
    (void)state;
    struct coordination *coordination;
    struct error error = {0};
    assert_int_equal(coordination_static_create("1=a:1,2=b:2", 3, &error, &coordination), STATUS_INVALID);
    assert_non_null(strstr(error.message, "3=host:port"));
}

static void test_alone(void **state) {
    (void)state;
    struct coordination *coordination;
    struct coordination_status status;
    struct heard heard = {0};
    assert_int_equal(coordination_static_create("", 3, NULL, &coordination), STATUS_OK);
    assert_int_equal(start(coordination, 3, &heard, NULL), STATUS_OK);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.brokers[0].id, 3);
    coordination_status(coordination, &status);
    assert_string_equal(coordination_mode_name(status.mode), "alone");
    coordination_destroy(coordination);
}

static void test_no_memory(void **state) {
    (void)state;
    struct coordination *coordination = NULL;
    allocation_fail_at(1);
    assert_int_equal(coordination_static_create("1=a:1", 1, NULL, &coordination), STATUS_NO_MEMORY);
    assert_true(allocation_failed());
    assert_null(coordination);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_string),
        cmocka_unit_test(test_bad_connect_strings),
        cmocka_unit_test(test_connect_string_is_bounded),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_bad_peers),
        cmocka_unit_test(test_peers_are_bounded),
        cmocka_unit_test(test_static_tells_the_list_once),
        cmocka_unit_test(test_static_publishes_nothing),
        cmocka_unit_test(test_port_checks_names),
        cmocka_unit_test(test_static_must_name_this_broker),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
