/* The published view against a real ZooKeeper: written, repaired, only upwards, and again after a wipe. */
#include "../support/coordination_member.h"
#include "../support/zookeeper_server.h"
#include "../support/zookeeper_witness.h"

#include "aviary/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct zookeeper_server server;
static struct zookeeper_witness *witness;

static int start_server(void **state) {
    (void)state;
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 0);
    return zookeeper_server_init(&server) ? 0 : -1;
}

static int stop_server(void **state) {
    (void)state;
    zookeeper_server_finish(&server);
    return 0;
}

static int setup(void **state) {
    (void)state;
    witness = zookeeper_witness_create(server.port);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    zookeeper_witness_destroy(witness);
    witness = NULL;
    return 0;
}

static void sleep_ms(long ms) {
    struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&duration, NULL);
}

static const struct coordination_replicas two_partitions[] = {
    {.count = 3, .broker_ids = {1, 2, 3}},
    {.count = 3, .broker_ids = {2, 3, 1}},
};
static const struct coordination_config one_config[] = {{.name = "retention.ms", .value = "1000"}};

static struct coordination_topic topic_of(const char *name, uint8_t id) {
    struct coordination_topic topic = {
        .name = name,
        .partitions = two_partitions,
        .partition_count = 2,
        .configs = one_config,
        .config_count = 1,
    };
    memset(&topic.id, id, sizeof topic.id);
    return topic;
}

static struct coordination_partition partition_of(const char *topic, uint64_t group, uint64_t epoch) {
    return (struct coordination_partition){
        .topic = topic,
        .partition = 0,
        .group = group,
        .leader_epoch = epoch,
        .controller_epoch = 1,
        .in_sync = {.count = 2, .broker_ids = {1, 2}},
    };
}

static void publish_topic(struct member *member, const char *name) {
    struct coordination_topic topic = topic_of(name, 7);
    assert_int_equal(coordination_publish_topic(member->coordination, &topic), STATUS_OK);
}

static void publish_partition(struct member *member, struct coordination_partition partition) {
    assert_int_equal(coordination_publish_partition(member->coordination, &partition), STATUS_OK);
}

static bool is_settled(struct member *member) {
    struct coordination_status status;
    coordination_status(member->coordination, &status);
    return status.connected && status.pending == 0;
}

static const char topic_json[] = "{\"version\":2,\"partitions\":{\"0\":[1,2,3],\"1\":[2,3,1]},"
                                 "\"topic_id\":\"07070707-0707-0707-0707-070707070707\"}";
static const char config_json[] = "{\"version\":1,\"config\":{\"retention.ms\":\"1000\"}}";

static void test_topic_is_published_and_removed(void **state) {
    (void)state;
    struct member one;
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/deep/er", NULL);
    coordination_publish_controller(one.coordination, 1);
    publish_topic(&one, "birds");
    publish_partition(&one, partition_of("birds", 4, 2));
    AWAIT(zookeeper_witness_sees(witness, "/deep/er/brokers/topics/birds", topic_json));
    AWAIT(zookeeper_witness_sees(witness, "/deep/er/config/topics/birds", config_json));
    AWAIT(zookeeper_witness_sees(witness, "/deep/er/brokers/topics/birds/partitions/0/state",
                                 "{\"controller_epoch\":1,\"leader\":1,\"version\":1,\"leader_epoch\":2,"
                                 "\"isr\":[1,2],\"group\":4}"));
    AWAIT(is_settled(&one));

    coordination_forget_partition(one.coordination, "birds", 0);
    assert_int_equal(coordination_remove_topic(one.coordination, "birds"), STATUS_OK);
    AWAIT(!zookeeper_witness_exists(witness, "/deep/er/brokers/topics/birds"));
    AWAIT(!zookeeper_witness_exists(witness, "/deep/er/config/topics/birds"));
    AWAIT(is_settled(&one));
    member_stop(&one);
}

static void test_new_controller_repairs_and_deletes_extras(void **state) {
    (void)state;
    struct member one;
    struct coordination_topic wanted[] = {topic_of("birds", 7), topic_of("nests", 7)};
    zookeeper_witness_create_node(witness, "/sync/brokers/topics/extra/partitions/0/state", "{}");
    zookeeper_witness_create_node(witness, "/sync/brokers/topics/extra/partitions/1/state", "{}");
    zookeeper_witness_create_node(witness, "/sync/config/topics/extra", "{}");
    zookeeper_witness_create_node(witness, "/sync/config/topics/only_config", "{}");
    zookeeper_witness_create_node(witness, "/sync/brokers/topics/birds/partitions/9/state", "{}");
    zookeeper_witness_create_node(witness, "/sync/brokers/topics/birds/partitions/1/state", "{}");
    zookeeper_witness_set(witness, "/sync/brokers/topics/birds", "{\"version\":2,\"partitions\":{}}");

    member_init(&one, 1, 1);
    member_start(&one, server.port, "/sync", NULL);
    coordination_publish_controller(one.coordination, 1);
    /* Without the full list nothing is an extra. */
    publish_topic(&one, "eggs");
    AWAIT(zookeeper_witness_exists(witness, "/sync/brokers/topics/eggs"));
    assert_true(zookeeper_witness_exists(witness, "/sync/brokers/topics/extra"));

    assert_int_equal(coordination_sync_view(one.coordination, wanted, 2), STATUS_OK);
    AWAIT(!zookeeper_witness_exists(witness, "/sync/brokers/topics/extra"));
    AWAIT(!zookeeper_witness_exists(witness, "/sync/config/topics/extra"));
    AWAIT(!zookeeper_witness_exists(witness, "/sync/config/topics/only_config"));
    AWAIT(!zookeeper_witness_exists(witness, "/sync/brokers/topics/eggs"));
    AWAIT(zookeeper_witness_sees(witness, "/sync/brokers/topics/birds", topic_json));
    AWAIT(zookeeper_witness_sees(witness, "/sync/brokers/topics/nests", topic_json));
    AWAIT(!zookeeper_witness_exists(witness, "/sync/brokers/topics/birds/partitions/9"));
    assert_true(zookeeper_witness_exists(witness, "/sync/brokers/topics/birds/partitions/1/state"));

    /* A later list is compared with the one before. */
    wanted[0].config_count = 0;
    assert_int_equal(coordination_sync_view(one.coordination, wanted, 1), STATUS_OK);
    AWAIT(!zookeeper_witness_exists(witness, "/sync/brokers/topics/nests"));
    AWAIT(!zookeeper_witness_exists(witness, "/sync/config/topics/nests"));
    AWAIT(zookeeper_witness_sees(witness, "/sync/config/topics/birds", "\"config\":{}"));
    wanted[0].config_count = 1;
    assert_int_equal(coordination_sync_view(one.coordination, wanted, 2), STATUS_OK);
    AWAIT(zookeeper_witness_sees(witness, "/sync/config/topics/nests", config_json));

    /* Who meddles later is found out, too. */
    AWAIT(is_settled(&one));
    zookeeper_witness_set(witness, "/sync/config/topics/nests", "mine");
    AWAIT(zookeeper_witness_sees(witness, "/sync/config/topics/nests", config_json));
    member_stop(&one);
}

static void test_replaced_controller_writes_nothing_more(void **state) {
    (void)state;
    struct member old;
    struct member new;
    member_init(&old, 1, 1);
    member_init(&new, 2, 2);
    member_start(&old, server.port, "/fence", NULL);
    member_start(&new, server.port, "/fence", NULL);
    coordination_publish_controller(old.coordination, 1);
    publish_topic(&old, "before");
    AWAIT(zookeeper_witness_exists(witness, "/fence/brokers/topics/before"));
    coordination_publish_controller(new.coordination, 2);
    MEMBER_AWAIT(&new, new.controller_id == 2 && new.controller_epoch == 2);
    publish_topic(&old, "after");
    publish_topic(&new, "new");
    AWAIT(zookeeper_witness_exists(witness, "/fence/brokers/topics/new"));
    sleep_ms(300);
    assert_false(zookeeper_witness_exists(witness, "/fence/brokers/topics/after"));
    /* Told so by Raft, it has no topics to write any more. */
    coordination_observed_leader(old.coordination, 2, 2);
    AWAIT(is_settled(&old));
    publish_topic(&old, "ignored");
    assert_true(is_settled(&old));
    member_stop(&old);
    member_stop(&new);
}

static void test_partition_state_goes_only_upwards(void **state) {
    (void)state;
    static const char path[] = "/up/brokers/topics/birds/partitions/0/state";
    struct member one;
    struct member two;
    member_init(&one, 1, 1);
    member_init(&two, 2, 2);
    member_start(&one, server.port, "/up", NULL);
    member_start(&two, server.port, "/up", NULL);
    /* The topic's node is the controller's: the leader waits for it. */
    publish_partition(&one, partition_of("birds", 4, 5));
    sleep_ms(300);
    assert_false(zookeeper_witness_exists(witness, "/up/brokers/topics/birds"));
    coordination_publish_controller(one.coordination, 1);
    publish_topic(&one, "birds");
    AWAIT(zookeeper_witness_sees(witness, path, "\"leader\":1,\"version\":1,\"leader_epoch\":5"));

    publish_partition(&two, partition_of("birds", 4, 7));
    AWAIT(zookeeper_witness_sees(witness, path, "\"leader\":2,\"version\":1,\"leader_epoch\":7"));
    publish_partition(&one, partition_of("birds", 4, 6));
    AWAIT(is_settled(&one));
    assert_true(zookeeper_witness_sees(witness, path, "\"leader_epoch\":7"));

    /* The leader of that epoch may tell of other replicas. */
    struct coordination_partition shrunk = partition_of("birds", 4, 7);
    shrunk.in_sync.count = 1;
    publish_partition(&two, shrunk);
    AWAIT(zookeeper_witness_sees(witness, path, "\"isr\":[1]"));

    /* A topic made anew begins with a low epoch, in a group of its own. */
    publish_partition(&one, partition_of("birds", 8, 1));
    AWAIT(zookeeper_witness_sees(witness, path, "\"leader_epoch\":1,\"isr\":[1,2],\"group\":8"));
    AWAIT(is_settled(&two));
    member_stop(&one);
    member_stop(&two);
}

/* All that one broker, which is the controller and leads a partition, is to write. */
static void start_with_duties(struct member *member, const char *prefix) {
    struct coordination_cluster cluster = member_cluster(1);
    struct coordination_topic topic = topic_of("birds", 7);
    member_init(member, 1, 1);
    member_start(member, server.port, prefix, &cluster);
    coordination_publish_controller(member->coordination, 3);
    assert_int_equal(coordination_sync_view(member->coordination, &topic, 1), STATUS_OK);
    publish_partition(member, partition_of("birds", 4, 2));
}

static bool stands(const char *prefix, const char *path, const char *part) {
    char full[256];
    snprintf(full, sizeof full, "%s%s", prefix, path);
    return zookeeper_witness_sees(witness, full, part);
}

static void await_duties(const char *prefix) {
    AWAIT(stands(prefix, "/brokers/ids/1", "01010101"));
    AWAIT(stands(prefix, "/cluster/id", "01010101"));
    AWAIT(stands(prefix, "/controller", "\"brokerid\":1,\"term\":3"));
    AWAIT(stands(prefix, "/controller_epoch", "3"));
    AWAIT(stands(prefix, "/brokers/topics/birds", topic_json));
    AWAIT(stands(prefix, "/config/topics/birds", config_json));
    AWAIT(stands(prefix, "/brokers/topics/birds/partitions/0/state", "\"leader_epoch\":2"));
}

static void test_all_is_written_again_after_a_wipe(void **state) {
    (void)state;
    struct member one;
    start_with_duties(&one, "/wiped");
    await_duties("/wiped");

    zookeeper_witness_destroy(witness);
    zookeeper_server_kill(&server);
    zookeeper_server_wipe(&server);
    assert_true(zookeeper_server_restart(&server));
    witness = zookeeper_witness_create(server.port);
    await_duties("/wiped");
    MEMBER_AWAIT(&one, one.session_events[COORDINATION_SESSION_REOPENED] == 1);
    member_stop(&one);
}

static void test_all_is_written_again_after_deletion_under_a_living_session(void **state) {
    (void)state;
    struct member one;
    start_with_duties(&one, "/deleted");
    await_duties("/deleted");
    zookeeper_witness_delete_tree(witness, "/deleted/brokers/topics/birds");
    await_duties("/deleted");
    zookeeper_witness_delete_tree(witness, "/deleted/brokers");
    zookeeper_witness_delete_tree(witness, "/deleted/config");
    zookeeper_witness_delete_tree(witness, "/deleted/cluster");
    await_duties("/deleted");
    member_stop(&one);
}

static void test_many_topics_are_synced(void **state) {
    (void)state;
    enum { MANY = 1000 };
    static char names[MANY][16];
    static struct coordination_topic topics[MANY];
    struct member one;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "topic-%d", i);
        topics[i] = topic_of(names[i], 7);
    }
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/many", NULL);
    coordination_publish_controller(one.coordination, 1);
    assert_int_equal(coordination_sync_view(one.coordination, topics, MANY), STATUS_OK);
    AWAIT(is_settled(&one));
    assert_true(zookeeper_witness_sees(witness, "/many/brokers/topics/topic-999", topic_json));
    assert_int_equal(coordination_sync_view(one.coordination, topics, 1), STATUS_OK);
    AWAIT(!zookeeper_witness_exists(witness, "/many/brokers/topics/topic-999"));
    AWAIT(is_settled(&one));
    assert_true(zookeeper_witness_exists(witness, "/many/brokers/topics/topic-0"));
    member_stop(&one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_topic_is_published_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_controller_repairs_and_deletes_extras, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replaced_controller_writes_nothing_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partition_state_goes_only_upwards, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_is_written_again_after_a_wipe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_is_written_again_after_deletion_under_a_living_session,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_topics_are_synced, setup, teardown),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
