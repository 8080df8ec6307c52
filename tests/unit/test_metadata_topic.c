/*
 * Topics: created, found, configured, deleted.
 */
#include "allocation.h"
#include "metadata_fixture.h"

static const raft_id FIRST_THREE[] = {1, 2, 3};

static struct create *new_create(const char *topic) {
    struct create *create = calloc(1, sizeof *create);
    assert_non_null(create);
    fill_create(create, topic, 2, FIRST_THREE, 3);
    return create;
}

static void test_a_topic_is_created(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    struct create *create = new_create("birds");
    create->command.config_count = 2;
    create->configs[0] = config("retention.ms", "1000");
    create->configs[1] = config("cleanup.policy", "delete");
    struct outcome outcome = apply_command(metadata, &create->command);
    assert_int_equal(outcome.status, STATUS_OK);
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_int_equal(outcome.result.version, 1);
    assert_string_equal(outcome.changes.topic_created, "birds");
    assert_false(outcome.changes.brokers);

    const struct metadata_topic *topic = find_topic(metadata, "birds");
    struct uuid id = uuid_number(55);
    assert_true(uuid_equal(&topic->topic_id, &id));
    assert_int_equal(topic->version, 1);
    assert_int_equal(topic->replication_factor, 3);
    assert_int_equal(topic->partition_count, 2);
    assert_int_equal(topic->config_count, 2);
    assert_string_equal(topic->configs[0].name, "cleanup.policy");
    assert_string_equal(topic->configs[1].name, "retention.ms");
    for (uint32_t p = 0; p < 2; p++) {
        assert_int_equal(topic->partitions[p].group, p + 1);
        assert_int_equal(topic->partitions[p].initial_count, 3);
        assert_int_equal(topic->partitions[p].replica_count, 3);
        assert_memory_equal(topic->partitions[p].initial, FIRST_THREE, sizeof FIRST_THREE);
        assert_memory_equal(topic->partitions[p].replicas, FIRST_THREE, sizeof FIRST_THREE);
    }
    assert_int_equal(metadata_next_group(metadata), 3);
    assert_int_equal(metadata_partition_count(metadata), 2);
    free(create);
    metadata_destroy(metadata);
}

static void test_created_again(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    struct create *create = new_create("birds");
    create->configs[0] = config("retention.ms", "1000");
    create->configs[1] = config("cleanup.policy", "delete");
    create->command.config_count = 2;
    apply_command(metadata, &create->command);

    create->configs[0] = config("cleanup.policy", "delete");
    create->configs[1] = config("retention.ms", "1000");
    create->assignments[0].replicas[0] = 2; /* another place is no difference */
    create->assignments[0].replicas[1] = 1;
    struct outcome outcome = apply_command(metadata, &create->command);
    assert_int_equal(outcome.result.status, STATUS_EXISTS);
    assert_int_equal(outcome.result.version, 1);
    assert_null(outcome.changes.topic_created);

    create->configs[1] = config("retention.ms", "1001");
    assert_int_equal(apply_command(metadata, &create->command).result.status, STATUS_CONFLICT);
    create->command.config_count = 1;
    assert_int_equal(apply_command(metadata, &create->command).result.status, STATUS_CONFLICT);
    assert_int_equal(create_topic(metadata, "birds", 1, FIRST_THREE, 3).result.status, STATUS_CONFLICT);
    assert_int_equal(create_topic(metadata, "birds", 2, FIRST_THREE, 2).result.status, STATUS_CONFLICT);
    assert_int_equal(metadata_topic_count(metadata), 1);
    free(create);
    metadata_destroy(metadata);
}

static void expect_refused(const struct create *create, enum status expected) {
    struct metadata *metadata = make_metadata(3);
    register_broker(metadata, 10, 101); /* incarnation 4 in place of 1 */
    uint64_t next_group = metadata_next_group(metadata);
    struct outcome outcome = apply_command(metadata, &create->command);
    assert_int_equal(outcome.status, STATUS_OK);
    assert_int_equal(outcome.result.status, expected);
    assert_int_equal(metadata_topic_count(metadata), 0);
    assert_int_equal(metadata_next_group(metadata), next_group);
    assert_int_equal(metadata_applied_index(metadata), 2);
    metadata_destroy(metadata);
}

static void test_what_no_topic_can_be(void **state) {
    (void)state;
    struct create *create = new_create("no/topic");
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 0, FIRST_THREE, 3);
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 1, FIRST_THREE, 0);
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 1, FIRST_THREE, 3);
    create->command.replication_factor = 2; /* but three in the assignment */
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 2, (const raft_id[]){2, 3, 2}, 3);
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 2, (const raft_id[]){4, 1}, 2); /* two incarnations of one broker */
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 2, (const raft_id[]){2, 5}, 2); /* never given */
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 2, (const raft_id[]){0, 2}, 2);
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", 1, FIRST_THREE, 3);
    create->command.topic_id = (struct uuid){0};
    expect_refused(create, STATUS_INVALID);
    fill_create(create, "t", PARTITIONS_PER_TOPIC_MAX, FIRST_THREE, 3);
    struct metadata_assignment *more = calloc(PARTITIONS_PER_TOPIC_MAX + 1, sizeof *more);
    create->command.assignments = more;
    create->command.partition_count = PARTITIONS_PER_TOPIC_MAX + 1;
    expect_refused(create, STATUS_TOO_LARGE);
    free(more);
    free(create);
}

static void test_configs_that_are_none(void **state) {
    (void)state;
    struct create *create = new_create("t");
    create->command.config_count = 2;
    create->configs[0] = config("b", "1");
    create->configs[1] = config("b", "2");
    expect_refused(create, STATUS_INVALID);
    create->configs[1] = config("a", "");
    expect_refused(create, STATUS_INVALID);
    create->configs[1] = config("a", "line\nbreak");
    expect_refused(create, STATUS_INVALID);
    create->configs[1] = config("a b", "1");
    expect_refused(create, STATUS_INVALID);
    free(create);
}

/* The one who chose knew less than the log: its choice stands for the broker. */
static void test_a_superseded_incarnation_stands_for_its_broker(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    register_broker(metadata, 20, 201);
    assert_int_equal(create_topic(metadata, "t", 1, FIRST_THREE, 3).result.status, STATUS_OK);
    static const raft_id expected[] = {1, 4, 3};
    const struct metadata_partition *partition = &find_topic(metadata, "t")->partitions[0];
    assert_memory_equal(partition->initial, expected, sizeof expected);
    assert_memory_equal(partition->replicas, expected, sizeof expected);
    metadata_destroy(metadata);
}

static void test_deleted_and_made_again(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    create_topic(metadata, "t", 3, FIRST_THREE, 3);
    assert_int_equal(delete_topic(metadata, "none", 0).result.status, STATUS_NOT_FOUND);
    struct outcome outcome = delete_topic(metadata, "t", 2);
    assert_int_equal(outcome.result.status, STATUS_CONFLICT);
    assert_int_equal(outcome.result.version, 1);

    outcome = delete_topic(metadata, "t", 1);
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_string_equal(outcome.changes.topic_deleted, "t");
    assert_int_equal(outcome.changes.deleted_group_count, 3);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(outcome.changes.deleted_groups[i], i + 1);
    }
    assert_null(find_topic(metadata, "t"));
    assert_int_equal(metadata_partition_count(metadata), 0);

    create_topic(metadata, "t", 3, FIRST_THREE, 3);
    assert_int_equal(find_topic(metadata, "t")->partitions[0].group, 4);
    metadata_destroy(metadata);
}

static void test_configured(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    create_topic(metadata, "t", 1, FIRST_THREE, 3);
    struct metadata_config changes[] = {config("retention.ms", "5"), config("cleanup.policy", "compact")};
    struct outcome outcome = configure_topic(metadata, "t", 0, changes, 2);
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_int_equal(outcome.result.version, 2);
    assert_string_equal(outcome.changes.topic_configured, "t");
    assert_string_equal(metadata_topic_config(find_topic(metadata, "t"), "cleanup.policy"), "compact");
    assert_int_equal(metadata_topic_config_integer(find_topic(metadata, "t"), "retention.ms", 9), 5);

    /* The same again changes nothing, not even the version. */
    outcome = configure_topic(metadata, "t", 2, changes, 2);
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_int_equal(outcome.result.version, 2);
    assert_null(outcome.changes.topic_configured);

    struct metadata_config more[] = {config("retention.ms", ""), config("retention.bytes", "7")};
    assert_int_equal(configure_topic(metadata, "t", 1, more, 2).result.status, STATUS_CONFLICT);
    outcome = configure_topic(metadata, "t", 2, more, 2);
    assert_int_equal(outcome.result.version, 5);
    const struct metadata_topic *topic = find_topic(metadata, "t");
    assert_int_equal(topic->config_count, 2);
    assert_string_equal(topic->configs[0].name, "cleanup.policy");
    assert_string_equal(topic->configs[1].name, "retention.bytes");
    assert_null(metadata_topic_config(topic, "retention.ms"));
    assert_int_equal(metadata_topic_config_integer(topic, "retention.ms", 9), 9);
    assert_int_equal(metadata_topic_config_integer(topic, "cleanup.policy", 9), 9);

    struct metadata_config twice[] = {config("a", "1"), config("a", "1")};
    assert_int_equal(configure_topic(metadata, "t", 0, twice, 2).result.status, STATUS_INVALID);
    assert_int_equal(configure_topic(metadata, "u", 0, more, 2).result.status, STATUS_NOT_FOUND);
    assert_int_equal(configure_topic(metadata, "t", 0, NULL, 0).result.status, STATUS_OK);
    metadata_destroy(metadata);
}

static void test_configs_are_bounded(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    create_topic(metadata, "t", 1, FIRST_THREE, 3);
    for (int i = 0; i <= TOPIC_CONFIGS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "name%d", i);
        struct metadata_config change = config(name, "1");
        enum status expected = i < TOPIC_CONFIGS_MAX ? STATUS_OK : STATUS_TOO_LARGE;
        assert_int_equal(configure_topic(metadata, "t", 0, &change, 1).result.status, expected);
    }
    assert_int_equal(find_topic(metadata, "t")->config_count, TOPIC_CONFIGS_MAX);
    metadata_destroy(metadata);
}

static void test_partitions_are_bounded(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(1);
    /* One replica each, on the one broker there is: its own bound is met before that of the cluster. */
    uint32_t left = GROUPS_PER_BROKER_MAX;
    for (int i = 0; left > 0; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        uint32_t count = left < PARTITIONS_PER_TOPIC_MAX ? left : PARTITIONS_PER_TOPIC_MAX;
        assert_int_equal(create_topic(metadata, name, count, FIRST_THREE, 1).result.status, STATUS_OK);
        left -= count;
    }
    assert_int_equal(create_topic(metadata, "more", 1, FIRST_THREE, 1).result.status, STATUS_TOO_LARGE);
    delete_topic(metadata, "t0", 0);
    assert_int_equal(create_topic(metadata, "more", 1024, FIRST_THREE, 1).result.status, STATUS_OK);
    assert_int_equal(create_topic(metadata, "once-more", 1, FIRST_THREE, 1).result.status, STATUS_TOO_LARGE);
    metadata_destroy(metadata);
}

static void test_the_whole_cluster_is_bounded(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(1);
    for (uint32_t i = 2; i <= 8; i++) {
        register_broker(metadata, i * 10, i * 100);
    }
    for (uint32_t i = 0; i < PARTITIONS_MAX / PARTITIONS_PER_TOPIC_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%u", i);
        raft_id replica = i % 8 + 1;
        enum status status =
            create_topic(metadata, name, PARTITIONS_PER_TOPIC_MAX, &replica, 1).result.status;
        assert_int_equal(status, STATUS_OK);
    }
    assert_int_equal(create_topic(metadata, "more", 1, FIRST_THREE, 1).result.status, STATUS_TOO_LARGE);
    metadata_destroy(metadata);
}

static void test_replicas_are_walked(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    create_topic(metadata, "b", 2, FIRST_THREE, 2);
    create_topic(metadata, "c", 2, (const raft_id[]){3}, 1);
    create_topic(metadata, "a", 1, FIRST_THREE, 3);
    struct metadata_cursor cursor = {0};
    static const struct {
        const char *topic;
        uint32_t partition;
    } expected[] = {{"a", 0}, {"b", 0}, {"b", 1}};
    const struct metadata_topic *topic;
    uint32_t partition;
    for (size_t i = 0; i < 3; i++) {
        assert_true(metadata_next_replica(metadata, 2, &cursor, &topic, &partition));
        assert_string_equal(topic->name, expected[i].topic);
        assert_int_equal(partition, expected[i].partition);
    }
    assert_false(metadata_next_replica(metadata, 2, &cursor, &topic, &partition));
    cursor = (struct metadata_cursor){0};
    assert_false(metadata_next_replica(metadata, 9, &cursor, &topic, &partition));
    metadata_destroy(metadata);
}

/* Fails each allocation of an apply in turn; `command` succeeds in the end. */
static void fail_each_allocation(struct metadata *metadata, const struct metadata_command *command) {
    struct buffer buffer;
    buffer_init(&buffer, COMMAND_BYTES_MAX);
    metadata_command_encode(command, &buffer);
    uint32_t before = metadata_digest(metadata);
    uint64_t nth = 1;
    for (;; nth++) {
        allocation_fail_at(nth);
        struct outcome outcome = apply_bytes(metadata, RAFT_ENTRY_COMMAND, buffer_slice(&buffer));
        if (!allocation_failed()) {
            assert_int_equal(outcome.status, STATUS_OK);
            assert_int_equal(outcome.result.status, STATUS_OK);
            break;
        }
        assert_int_equal(outcome.status, STATUS_NO_MEMORY);
        assert_int_equal(metadata_digest(metadata), before);
    }
    assert_true(nth > 1);
    buffer_finish(&buffer);
}

static void test_without_memory_nothing_changes(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(FIRST_VOTERS_MAX);
    struct create *create = new_create("t");
    create->command.config_count = 1;
    create->configs[0] = config("a", "1");
    fail_each_allocation(metadata, &create->command);
    struct metadata_command configure = {.type = METADATA_CONFIGURE_TOPIC, .topic = "t", .config_count = 1};
    struct metadata_config change = config("b", "1");
    configure.configs = &change;
    fail_each_allocation(metadata, &configure);
    struct metadata_command join = register_command(99, 99, "h"); /* needs a longer history */
    fail_each_allocation(metadata, &join);
    free(create);
    metadata_destroy(metadata);

    struct uuid cluster = uuid_number(1);
    struct metadata_first_voter voter = {1, cluster};
    for (uint64_t nth = 1; nth <= 2; nth++) {
        allocation_fail_at(nth);
        assert_null(metadata_create(&cluster, &voter, 1));
        assert_true(allocation_failed());
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_topic_is_created),
        cmocka_unit_test(test_created_again),
        cmocka_unit_test(test_what_no_topic_can_be),
        cmocka_unit_test(test_configs_that_are_none),
        cmocka_unit_test(test_a_superseded_incarnation_stands_for_its_broker),
        cmocka_unit_test(test_deleted_and_made_again),
        cmocka_unit_test(test_configured),
        cmocka_unit_test(test_configs_are_bounded),
        cmocka_unit_test(test_partitions_are_bounded),
        cmocka_unit_test(test_the_whole_cluster_is_bounded),
        cmocka_unit_test(test_replicas_are_walked),
        cmocka_unit_test(test_without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
