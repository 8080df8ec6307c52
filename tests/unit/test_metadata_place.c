/*
 * Placement: distinct brokers, even load, the same for the same seed.
 */
#include "metadata_fixture.h"

enum { BROKERS = 7 };

static struct metadata *make_cluster(void) {
    struct metadata *metadata = make_metadata(3);
    for (uint32_t i = 4; i <= BROKERS; i++) {
        register_broker(metadata, i * 10, i * 100);
    }
    return metadata;
}

static const raft_id ALL[] = {1, 2, 3, 4, 5, 6, 7};

struct load {
    uint32_t leaders[BROKERS + 1]; /* by incarnation */
    uint32_t replicas[BROKERS + 1];
};

static void count(const struct metadata_assignment *assignments, uint32_t partitions,
                  uint32_t replication_factor, struct load *load) {
    for (uint32_t p = 0; p < partitions; p++) {
        assert_int_equal(assignments[p].count, replication_factor);
        for (uint32_t r = 0; r < replication_factor; r++) {
            raft_id replica = assignments[p].replicas[r];
            assert_in_range(replica, 1, BROKERS);
            load->replicas[replica]++;
            load->leaders[replica] += r == 0;
            for (uint32_t k = 0; k < r; k++) {
                assert_int_not_equal(assignments[p].replicas[k], replica);
            }
        }
    }
}

static uint32_t spread(const uint32_t *counts, uint32_t brokers) {
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    for (uint32_t i = 1; i <= brokers; i++) {
        low = counts[i] < low ? counts[i] : low;
        high = counts[i] > high ? counts[i] : high;
    }
    return high - low;
}

static void test_an_empty_cluster_is_filled_evenly(void **state) {
    (void)state;
    struct metadata *metadata = make_cluster();
    static struct metadata_assignment assignments[PARTITIONS_PER_TOPIC_MAX];
    uint32_t uneven = 0;
    for (uint32_t brokers = 1; brokers <= BROKERS; brokers++) {
        for (uint32_t factor = 1; factor <= brokers; factor++) {
            for (uint32_t partitions = 1; partitions <= 64; partitions++) {
                struct load load = {0};
                enum status status = metadata_place(metadata, ALL, brokers, partitions, factor,
                                                    partitions * 31 + factor, assignments);
                assert_int_equal(status, STATUS_OK);
                count(assignments, partitions, factor, &load);
                uneven += spread(load.leaders, brokers) > 1;
                assert_in_range(spread(load.leaders, brokers), 0, 2);
                assert_in_range(spread(load.replicas, brokers), 0, 1);
            }
        }
    }
    /* Not every leader can be handed over in one move; few cases are left that would need more. */
    assert_in_range(uneven, 0, 40);
    metadata_destroy(metadata);
}

static void test_a_new_broker_is_filled_first(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(2);
    create_topic(metadata, "old", 10, (const raft_id[]){1, 2}, 2);
    register_broker(metadata, 30, 300);
    struct metadata_assignment assignments[10];
    assert_int_equal(metadata_place(metadata, ALL, 3, 10, 1, 1, assignments), STATUS_OK);
    struct load load = {0};
    count(assignments, 10, 1, &load);
    assert_int_equal(load.replicas[3], 10);
    metadata_destroy(metadata);
}

static void test_many_topics_of_one_partition_spread(void **state) {
    (void)state;
    struct metadata *metadata = make_cluster();
    for (uint32_t i = 0; i < 70; i++) {
        struct metadata_assignment assignment;
        assert_int_equal(metadata_place(metadata, ALL, BROKERS, 1, 3, i, &assignment), STATUS_OK);
        char name[16];
        snprintf(name, sizeof name, "t%u", i);
        create_topic(metadata, name, 1, assignment.replicas, 3);
    }
    struct load load = {0};
    for (size_t t = 0; t < 70; t++) {
        struct metadata_assignment assignment = {.count = 3};
        memcpy(assignment.replicas, metadata_topic_at(metadata, t)->partitions[0].replicas,
               sizeof assignment.replicas);
        count(&assignment, 1, 3, &load);
    }
    assert_in_range(spread(load.leaders, BROKERS), 0, 2);
    assert_in_range(spread(load.replicas, BROKERS), 0, 1);
    metadata_destroy(metadata);
}

static void test_the_seed_decides(void **state) {
    (void)state;
    struct metadata *metadata = make_cluster();
    struct metadata_assignment a[32];
    struct metadata_assignment b[32];
    assert_int_equal(metadata_place(metadata, ALL, BROKERS, 32, 3, 42, a), STATUS_OK);
    assert_int_equal(metadata_place(metadata, ALL, BROKERS, 32, 3, 42, b), STATUS_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(metadata_place(metadata, ALL, BROKERS, 32, 3, 43, b), STATUS_OK);
    assert_memory_not_equal(a, b, sizeof a);
    metadata_destroy(metadata);
}

static void test_what_cannot_be_placed(void **state) {
    (void)state;
    struct metadata *metadata = make_cluster();
    struct metadata_assignment out[2];
    assert_int_equal(metadata_place(metadata, ALL, 2, 1, 3, 1, out), STATUS_UNAVAILABLE);
    assert_int_equal(metadata_place(metadata, NULL, 0, 1, 1, 1, out), STATUS_UNAVAILABLE);
    assert_int_equal(metadata_place(metadata, ALL, 3, 0, 3, 1, out), STATUS_INVALID);
    assert_int_equal(metadata_place(metadata, ALL, 3, 1, 0, 1, out), STATUS_INVALID);
    assert_int_equal(metadata_place(metadata, ALL, 7, 1, REPLICATION_FACTOR_MAX + 1, 1, out), STATUS_INVALID);
    assert_int_equal(metadata_place(metadata, ALL, 7, PARTITIONS_PER_TOPIC_MAX + 1, 1, 1, out),
                     STATUS_INVALID);
    assert_int_equal(metadata_place(metadata, (const raft_id[]){1, 1}, 2, 1, 1, 1, out), STATUS_INVALID);
    register_broker(metadata, 10, 101);
    assert_int_equal(metadata_place(metadata, ALL, 2, 1, 1, 1, out), STATUS_INVALID); /* 1 is superseded */
    metadata_destroy(metadata);
}

static void test_a_full_broker_gets_no_more(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(2);
    for (uint32_t i = 0; i < GROUPS_PER_BROKER_MAX / 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%u", i);
        create_topic(metadata, name, 1000, (const raft_id[]){1}, 1);
    }
    struct metadata_assignment out[4];
    assert_int_equal(metadata_place(metadata, ALL, 2, 4, 1, 1, out), STATUS_OK);
    for (size_t p = 0; p < 4; p++) {
        assert_int_equal(out[p].replicas[0], 2);
    }
    assert_int_equal(metadata_place(metadata, ALL, 2, 4, 2, 1, out), STATUS_TOO_LARGE);
    metadata_destroy(metadata);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_cluster_is_filled_evenly),
        cmocka_unit_test(test_a_new_broker_is_filled_first),
        cmocka_unit_test(test_many_topics_of_one_partition_spread),
        cmocka_unit_test(test_the_seed_decides),
        cmocka_unit_test(test_what_cannot_be_placed),
        cmocka_unit_test(test_a_full_broker_gets_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
