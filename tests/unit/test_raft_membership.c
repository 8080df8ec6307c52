/*
 * Membership, one voter at a time: what is allowed, and the three traces that broke the first description of
 * it (Ongaro, "bug in single-server membership changes", raft-dev, 2015).
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct raft_configuration with(struct raft_configuration configuration, raft_id id, bool voter) {
    for (uint32_t i = 0; i < configuration.count; i++) {
        if (configuration.members[i].id == id) {
            configuration.members[i].voter = voter;
            return configuration;
        }
    }
    configuration.members[configuration.count++] = (struct raft_member){.id = id, .voter = voter};
    return configuration;
}

static struct raft_configuration without(struct raft_configuration configuration, raft_id id) {
    for (uint32_t i = 0; i < configuration.count; i++) {
        if (configuration.members[i].id == id) {
            configuration.members[i] = configuration.members[--configuration.count];
        }
    }
    return configuration;
}

static raft_id begin(struct cluster *cluster, size_t voters, size_t learners) {
    cluster_init(cluster, voters, learners, 41);
    raft_id leader = cluster_run_to_leader(cluster);
    cluster_run_to_agreement(cluster);
    return leader;
}

static const struct raft_configuration *latest(struct cluster *cluster, raft_id id) {
    return raft_latest_configuration(cluster_node(cluster, id)->raft);
}

static void assert_change(struct cluster *cluster, raft_id leader, struct raft_configuration to,
                          enum status expected) {
    assert_int_equal(cluster_change(cluster, leader, &to), expected);
}

static void test_trace(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 3, 0);
    cluster.tracing = true;
    raft_id joiner = cluster_add(&cluster);
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(cluster_propose(&cluster, leader, i), STATUS_OK);
    }
    cluster_note(&cluster, "4 joins as a learner");
    assert_change(&cluster, leader, with(cluster.first, joiner, false), STATUS_OK);
    cluster_run_to_agreement(&cluster);
    cluster_note(&cluster, "4 becomes a voter");
    assert_change(&cluster, leader, with(cluster.first, joiner, true), STATUS_OK);
    cluster_run_to_agreement(&cluster);
    cluster_note(&cluster, "the leader is removed");
    assert_change(&cluster, leader, without(*latest(&cluster, leader), leader), STATUS_OK);
    cluster_run(&cluster, 20);
    raft_id next = cluster_run_to_leader(&cluster);
    assert_int_not_equal(next, leader);
    cluster_run_to_agreement(&cluster);
    assert_int_equal(raft_configuration_voters(latest(&cluster, next)), 3);
    assert_true(cluster_trace_is_golden(&cluster, "membership"));
    cluster_finish(&cluster);
}

static void test_what_is_refused(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 3, 1);
    (void)cluster_add(&cluster);
    (void)cluster_add(&cluster);
    struct raft_configuration first = cluster.first;
    assert_change(&cluster, leader, first, STATUS_EXISTS);
    assert_change(&cluster, leader == 1 ? 2 : 1, with(first, 5, false), STATUS_NOT_LEADER);
    assert_change(&cluster, leader, with(with(first, 5, true), 6, true), STATUS_INVALID);
    assert_change(&cluster, leader, with(without(first, 1), 5, true), STATUS_INVALID);
    assert_change(&cluster, leader, without(without(first, 1), 2), STATUS_INVALID);
    assert_change(&cluster, leader, with(first, 0, false), STATUS_INVALID);
    struct raft_configuration twice = first;
    twice.members[twice.count++] = twice.members[3];
    assert_change(&cluster, leader, twice, STATUS_INVALID);
    /* One voter and any number of learners go together. */
    struct raft_configuration wide = with(with(with(first, 4, true), 5, false), 6, false);
    assert_change(&cluster, leader, wide, STATUS_OK);
    assert_change(&cluster, leader, first, STATUS_UNAVAILABLE); /* not committed yet */
    cluster_run_to_agreement(&cluster);
    assert_change(&cluster, leader, first, STATUS_OK);
    cluster_finish(&cluster);
}

static void test_the_last_voter_stays(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 1, 1);
    assert_change(&cluster, leader, without(cluster.first, 1), STATUS_INVALID);
    assert_change(&cluster, leader, with(cluster.first, 1, false), STATUS_INVALID);
    /* But two can become one, whichever. */
    assert_change(&cluster, leader, with(cluster.first, 2, true), STATUS_OK);
    cluster_run_to_agreement(&cluster);
    assert_change(&cluster, leader, with(with(cluster.first, 2, true), 1, false), STATUS_OK);
    cluster_run(&cluster, 50);
    assert_int_equal(cluster_run_to_leader(&cluster), 2);
    cluster_run_to_agreement(&cluster);
    cluster_finish(&cluster);
}

/* A leader that removes itself does not count itself, and leads until that is committed. */
static void test_a_removed_leader_counts_only_others(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 3, 0);
    raft_id other = leader == 1 ? 2 : 1;
    cluster_cut(&cluster, leader, other);
    cluster_cut(&cluster, other, 6 - leader - other);
    uint64_t before = raft_commit_index(cluster_node(&cluster, leader)->raft);
    assert_change(&cluster, leader, without(cluster.first, leader), STATUS_OK);
    cluster_run(&cluster, 200);
    assert_int_equal(raft_commit_index(cluster_node(&cluster, leader)->raft), before);
    assert_int_equal(raft_role(cluster_node(&cluster, leader)->raft), RAFT_LEADER);
    cluster_heal(&cluster);
    cluster_run(&cluster, 100);
    assert_int_not_equal(raft_role(cluster_node(&cluster, leader)->raft), RAFT_LEADER);
    /* The others did not have to wait for an election timeout, and the removed one keeps quiet. */
    raft_id next = cluster_leader(&cluster);
    assert_true(next != 0 && next != leader);
    uint64_t term = raft_term(cluster_node(&cluster, next)->raft);
    cluster_run(&cluster, 5000);
    assert_int_equal(raft_term(cluster_node(&cluster, next)->raft), term);
    cluster_finish(&cluster);
}

static void test_truncation_undoes_it(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id old = begin(&cluster, 3, 0);
    (void)cluster_add(&cluster);
    cluster_isolate(&cluster, old);
    assert_change(&cluster, old, with(cluster.first, 4, true), STATUS_OK);
    assert_int_equal(raft_configuration_voters(latest(&cluster, old)), 4);
    assert_false(raft_configuration_is_committed(cluster_node(&cluster, old)->raft));
    cluster_run(&cluster, 2000);
    cluster_heal(&cluster);
    cluster_run_to_agreement(&cluster);
    assert_true(raft_configuration_equal(latest(&cluster, old), &cluster.first));
    assert_true(raft_configuration_is_committed(cluster_node(&cluster, old)->raft));
    /* And on the disk as well. */
    cluster_run(&cluster, 10);
    cluster_crash(&cluster, old, true);
    cluster_restart(&cluster, old);
    assert_true(raft_configuration_equal(latest(&cluster, old), &cluster.first));
    cluster_finish(&cluster);
}

/* Lets `group` (a bit per id) talk among themselves, and the others among themselves. */
static void split(struct cluster *cluster, uint32_t group) {
    cluster_heal(cluster);
    for (raft_id a = 1; a <= cluster->node_count; a++) {
        for (raft_id b = 1; b <= cluster->node_count; b++) {
            if ((group >> a & 1) != (group >> b & 1)) {
                cluster_cut(cluster, a, b);
            }
        }
    }
}

enum { ID_1 = 1 << 1, ID_2 = 1 << 2, ID_3 = 1 << 3, ID_4 = 1 << 4, ID_5 = 1 << 5, ID_6 = 1 << 6 };

/*
 * Of {1, 2, 3, 4}, leader 1 makes `first_change` reach only `first_reach` and is deposed by 2, which makes
 * `second_change`. Had 2 not committed an entry of its term before, then 1 with the majority `first_majority`
 * of its own configuration could lead again and undo what 2 committed at `second_reach`.
 */
static void run_bad_trace(struct raft_configuration first_change, uint32_t first_reach,
                          struct raft_configuration second_change, uint32_t second_reach,
                          uint32_t first_majority) {
    struct cluster cluster;
    cluster_init(&cluster, 4, 0, 42);
    (void)cluster_add(&cluster);
    (void)cluster_add(&cluster);
    assert_int_equal(cluster_run_to_leader(&cluster), 1);
    cluster_run_to_agreement(&cluster);
    split(&cluster, first_reach);
    assert_change(&cluster, 1, first_change, STATUS_OK);
    for (raft_id id = 3; id <= 4; id++) {
        raft_set_preference(cluster_node(&cluster, id)->raft, 60, 0);
    }
    while (raft_role(cluster_node(&cluster, 2)->raft) != RAFT_LEADER) {
        cluster_run(&cluster, 1);
    }
    assert_change(&cluster, 2, second_change, STATUS_UNAVAILABLE);
    while (cluster_change(&cluster, 2, &second_change) == STATUS_UNAVAILABLE) {
        cluster_run(&cluster, 1);
    }
    split(&cluster, second_reach);
    for (int ms = 0; ms < 400 && !raft_configuration_is_committed(cluster_node(&cluster, 2)->raft); ms++) {
        cluster_run(&cluster, 1);
    }
    assert_true(raft_configuration_is_committed(cluster_node(&cluster, 2)->raft));
    split(&cluster, first_majority);
    for (int ms = 0; ms < 5000; ms++) {
        cluster_run(&cluster, 1);
        raft_id leader = cluster_leader(&cluster);
        assert_false(leader != 0 && (first_majority >> leader & 1) != 0 &&
                     raft_term(cluster_node(&cluster, leader)->raft) > 2);
    }
    cluster_heal(&cluster);
    (void)cluster_run_to_leader(&cluster);
    cluster_run_to_agreement(&cluster);
    assert_true(raft_configuration_equal(latest(&cluster, 3), &second_change));
    cluster_finish(&cluster);
}

static struct raft_configuration four(void) {
    return (struct raft_configuration){.count = 4, .members = {{1, true}, {2, true}, {3, true}, {4, true}}};
}

static void test_bad_trace_add_and_remove(void **state) {
    (void)state;
    run_bad_trace(with(four(), 5, true), ID_1 | ID_5, without(four(), 1), ID_2 | ID_3, ID_1 | ID_4 | ID_5);
}

static void test_bad_trace_add_and_add(void **state) {
    (void)state;
    run_bad_trace(with(four(), 5, true), ID_1 | ID_5, with(four(), 6, true), ID_2 | ID_3 | ID_6,
                  ID_1 | ID_4 | ID_5);
}

static void test_bad_trace_remove_and_remove(void **state) {
    (void)state;
    run_bad_trace(without(four(), 2), ID_1, without(four(), 1), ID_2 | ID_3, ID_1 | ID_4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_the_last_voter_stays),
        cmocka_unit_test(test_a_removed_leader_counts_only_others),
        cmocka_unit_test(test_truncation_undoes_it),
        cmocka_unit_test(test_bad_trace_add_and_remove),
        cmocka_unit_test(test_bad_trace_add_and_add),
        cmocka_unit_test(test_bad_trace_remove_and_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
