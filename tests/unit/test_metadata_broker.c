/*
 * Brokers and their incarnations.
 */
#include "metadata_fixture.h"

#include "aviary/metadata/reconcile.h"

static const raft_id FIRST_THREE[] = {1, 2, 3};

static void test_first_voters_get_incarnations_by_id(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    assert_int_equal(metadata_first_voter_count(metadata), 3);
    assert_int_equal(metadata_broker_count(metadata), 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct metadata_broker *broker = metadata_broker_at(metadata, i);
        struct uuid disk = uuid_number(100 * (i + 1));
        assert_int_equal(broker->id, 10 * (i + 1));
        assert_int_equal(broker->incarnation, i + 1);
        assert_true(uuid_equal(&broker->disk_uuid, &disk));
        assert_string_equal(broker->rest_address, "");
        assert_string_equal(broker->peer_address, "");
    }
    struct uuid cluster = uuid_number(7);
    assert_true(uuid_equal(metadata_cluster_id(metadata), &cluster));
    assert_int_equal(metadata_next_group(metadata), 1);
    struct raft_configuration configuration;
    metadata_first_configuration(3, &configuration);
    assert_int_equal(configuration.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(configuration.members[i].id, i + 1);
        assert_true(configuration.members[i].voter);
    }
    metadata_destroy(metadata);
    metadata_destroy(NULL);
}

static void test_a_known_disk_only_changes_its_addresses(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    struct outcome outcome = register_broker(metadata, 20, 200);
    assert_int_equal(outcome.status, STATUS_OK);
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_int_equal(outcome.result.incarnation, 2);
    assert_true(outcome.changes.brokers);
    assert_string_equal(metadata_broker_by_id(metadata, 20)->rest_address, "host:8000");
    assert_string_equal(metadata_broker_by_id(metadata, 20)->peer_address, "host:8100");

    outcome = register_broker(metadata, 20, 200);
    assert_int_equal(outcome.result.incarnation, 2);
    assert_false(outcome.changes.brokers);
    struct metadata_command moved = register_command(20, 200, "elsewhere");
    outcome = apply_command(metadata, &moved);
    assert_true(outcome.changes.brokers);
    assert_string_equal(metadata_broker_by_id(metadata, 20)->rest_address, "elsewhere:8000");
    metadata_destroy(metadata);
}

static void test_a_new_disk_takes_the_old_ones_place(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    create_topic(metadata, "t", 2, FIRST_THREE, 3);
    uint64_t version = find_topic(metadata, "t")->version;
    struct outcome outcome = register_broker(metadata, 20, 201);
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_int_equal(outcome.result.incarnation, 4);
    assert_true(outcome.changes.brokers);

    const struct metadata_topic *topic = find_topic(metadata, "t");
    assert_int_equal(topic->version, version);
    for (uint32_t p = 0; p < 2; p++) {
        assert_memory_equal(topic->partitions[p].initial, FIRST_THREE, sizeof FIRST_THREE);
        static const raft_id now[] = {1, 4, 3};
        assert_memory_equal(topic->partitions[p].replicas, now, sizeof now);
    }
    assert_null(metadata_broker_by_incarnation(metadata, 2));
    assert_int_equal(metadata_broker_by_incarnation(metadata, 4)->id, 20);
    assert_int_equal(metadata_broker_id_of(metadata, 2), 20);
    assert_int_equal(metadata_broker_id_of(metadata, 4), 20);
    assert_int_equal(metadata_broker_id_of(metadata, 0), 0);
    assert_int_equal(metadata_broker_id_of(metadata, 5), 0);
    metadata_destroy(metadata);
}

static void test_a_new_id_joins(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    struct outcome outcome = register_broker(metadata, 15, 150);
    assert_int_equal(outcome.result.incarnation, 4);
    assert_int_equal(metadata_broker_count(metadata), 4);
    static const uint32_t ids[] = {10, 15, 20, 30};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(metadata_broker_at(metadata, i)->id, ids[i]);
    }
    assert_int_equal(metadata_first_voter_count(metadata), 3);
    metadata_destroy(metadata);
}

static void test_what_is_refused(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(1);
    assert_int_equal(register_broker(metadata, 0, 1).result.status, STATUS_INVALID);
    assert_int_equal(register_broker(metadata, 5, 0).result.status, STATUS_INVALID);
    struct metadata_command command = register_command(5, 5, "a b");
    assert_int_equal(apply_command(metadata, &command).result.status, STATUS_INVALID);
    command.broker.rest_address[0] = 0;
    assert_int_equal(apply_command(metadata, &command).result.status, STATUS_INVALID);
    /* A copy of broker 10's data directory under another id. */
    struct outcome outcome = register_broker(metadata, 5, 100);
    assert_int_equal(outcome.result.status, STATUS_CONFLICT);
    assert_int_equal(outcome.result.incarnation, 0);
    assert_false(outcome.changes.brokers);
    assert_int_equal(metadata_broker_count(metadata), 1);
    assert_int_equal(metadata_applied_index(metadata), 5);
    metadata_destroy(metadata);
}

static void test_brokers_are_bounded(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(1);
    for (uint32_t id = 1001; metadata_broker_count(metadata) < BROKERS_MAX; id++) {
        assert_int_equal(register_broker(metadata, id, id).result.status, STATUS_OK);
    }
    assert_int_equal(register_broker(metadata, 5, 5).result.status, STATUS_TOO_LARGE);
    assert_int_equal(register_broker(metadata, 10, 101).result.status, STATUS_OK);
    metadata_destroy(metadata);
}

static void test_entries_that_are_no_commands(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(1);
    struct slice nothing = {0};
    assert_int_equal(apply_bytes(metadata, RAFT_ENTRY_NOOP, nothing).status, STATUS_OK);
    assert_int_equal(apply_bytes(metadata, RAFT_ENTRY_CONFIGURATION, slice_of_string("x")).status, STATUS_OK);
    assert_int_equal(metadata_applied_index(metadata), 2);
    assert_int_equal(apply_bytes(metadata, RAFT_ENTRY_RECORDS, nothing).status, STATUS_CORRUPT);
    assert_int_equal(apply_bytes(metadata, RAFT_ENTRY_LOG_START, nothing).status, STATUS_CORRUPT);
    assert_int_equal(apply_bytes(metadata, RAFT_ENTRY_COMMAND, nothing).status, STATUS_CORRUPT);
    assert_int_equal(metadata_applied_index(metadata), 2);
    metadata_destroy(metadata);
}

static void test_skipped_numbers_are_given_to_nobody(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    struct metadata_command skip = {
        .type = METADATA_SKIP_NUMBERS, .skipped_groups = 1000, .skipped_incarnations = 50};
    assert_int_equal(apply_command(metadata, &skip).result.status, STATUS_OK);
    assert_int_equal(metadata_next_group(metadata), 1001);
    assert_true(metadata_incarnation_is_past(metadata, 53));
    assert_false(metadata_incarnation_is_past(metadata, 54));
    assert_int_equal(metadata_broker_id_of(metadata, 53), 0);
    assert_null(metadata_broker_by_incarnation(metadata, 53));
    assert_int_equal(register_broker(metadata, 20, 201).result.incarnation, 54);

    /* A group that has such a member has lost it: its leader need not wait for the metadata to know it. */
    struct raft_configuration now = {.count = 2,
                                     .members = {{.id = 1, .voter = true}, {.id = 7, .voter = true}}};
    raft_id lost[RAFT_MEMBERS_MAX];
    size_t lost_count;
    assert_true(reconcile_lost(metadata, &now, lost, &lost_count));
    assert_int_equal(lost_count, 1);
    assert_int_equal(lost[0], 7);

    struct buffer snapshot;
    buffer_init(&snapshot, COMMAND_BYTES_MAX);
    metadata_snapshot(metadata, &snapshot);
    struct metadata *restored = make_metadata(1);
    assert_int_equal(metadata_restore(restored, buffer_slice(&snapshot)), STATUS_OK);
    assert_int_equal(metadata_digest(restored), metadata_digest(metadata));
    buffer_finish(&snapshot);
    metadata_destroy(restored);
    metadata_destroy(metadata);
}

static void test_more_than_there_are_numbers_is_refused(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    struct metadata_command skip = {.type = METADATA_SKIP_NUMBERS, .skipped_groups = METADATA_GROUP_MAX};
    assert_int_equal(apply_command(metadata, &skip).result.status, STATUS_TOO_LARGE);
    skip = (struct metadata_command){.type = METADATA_SKIP_NUMBERS, .skipped_incarnations = INCARNATIONS_MAX};
    assert_int_equal(apply_command(metadata, &skip).result.status, STATUS_TOO_LARGE);
    assert_int_equal(metadata_next_group(metadata), 1);
    assert_false(metadata_incarnation_is_past(metadata, 4));
    metadata_destroy(metadata);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skipped_numbers_are_given_to_nobody),
        cmocka_unit_test(test_more_than_there_are_numbers_is_refused),
        cmocka_unit_test(test_first_voters_get_incarnations_by_id),
        cmocka_unit_test(test_a_known_disk_only_changes_its_addresses),
        cmocka_unit_test(test_a_new_disk_takes_the_old_ones_place),
        cmocka_unit_test(test_a_new_id_joins),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_brokers_are_bounded),
        cmocka_unit_test(test_entries_that_are_no_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
