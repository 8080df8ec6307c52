/*
 * Leadership transfer (thesis 3.10).
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static raft_id begin(struct cluster *cluster, size_t learners) {
    cluster_init(cluster, 3, learners, 31);
    raft_id leader = cluster_run_to_leader(cluster);
    cluster_run_to_agreement(cluster);
    cluster_run(cluster, 100);
    return leader;
}

static void test_trace(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    cluster.tracing = true;
    raft_id target = leader == 3 ? 2 : 3;
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    uint64_t began_ms = cluster.now_ms;
    assert_int_equal(cluster_transfer(&cluster, leader, target), STATUS_OK);
    /* The target lacks the last entry yet; until it leads, nothing more is taken. */
    struct raft *raft = cluster_node(&cluster, leader)->raft;
    assert_true(raft_is_transferring(raft));
    assert_false(raft_has_quorum(raft, cluster.now_ms));
    assert_int_equal(cluster_propose(&cluster, leader, 2), STATUS_UNAVAILABLE);
    assert_int_equal(cluster_transfer(&cluster, leader, 0), STATUS_UNAVAILABLE);
    struct raft_configuration fewer = cluster.first;
    fewer.count = 2;
    assert_int_equal(cluster_change(&cluster, leader, &fewer), STATUS_UNAVAILABLE);
    cluster_run(&cluster, 20);
    assert_int_equal(cluster_run_to_leader(&cluster), target);
    assert_in_range(cluster.now_ms - began_ms, 1, 30);
    cluster_run_to_agreement(&cluster);
    assert_true(cluster_trace_is_golden(&cluster, "transfer"));
    cluster_finish(&cluster);
}

static void test_zero_is_the_one_most_up_to_date(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 1);
    raft_id behind = leader == 1 ? 2 : 1;
    raft_id best = 6 - leader - behind;
    cluster_node(&cluster, behind)->slow_disk = true;
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    cluster_run(&cluster, 10);
    assert_int_equal(cluster_transfer(&cluster, leader, 0), STATUS_OK);
    cluster_node(&cluster, behind)->slow_disk = false;
    cluster_run(&cluster, 20);
    assert_int_equal(cluster_run_to_leader(&cluster), best);
    cluster_finish(&cluster);
}

/* What the target has and the leader's disk has not would be in doubt for whoever waits for it at the leader.
 */
static void test_nothing_is_left_in_doubt(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    raft_id target = leader == 3 ? 2 : 3;
    struct raft *raft = cluster_node(&cluster, leader)->raft;
    cluster_crash(&cluster, 6 - leader - target, true);
    cluster_node(&cluster, leader)->slow_disk = true;
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    assert_int_equal(cluster_transfer(&cluster, leader, target), STATUS_OK);
    cluster_run(&cluster, 20);
    struct raft_progress progress;
    assert_true(raft_progress(raft, target, &progress));
    assert_int_equal(progress.match_index, raft_last_index(raft));
    assert_int_equal(raft_commit_index(raft), raft_last_index(raft) - 1);
    assert_int_equal(cluster_leader(&cluster), leader);
    uint64_t proposed = raft_last_index(raft);
    cluster_node(&cluster, leader)->slow_disk = false;
    cluster_persist(&cluster, leader, 1);
    assert_int_equal(raft_commit_index(raft), proposed);
    cluster_run(&cluster, 20);
    assert_int_equal(cluster_run_to_leader(&cluster), target);
    cluster_finish(&cluster);
}

static void test_only_another_voter_can_be_the_target(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 1);
    assert_int_equal(cluster_transfer(&cluster, leader, leader), STATUS_INVALID);
    assert_int_equal(cluster_transfer(&cluster, leader, 4), STATUS_INVALID); /* a learner */
    assert_int_equal(cluster_transfer(&cluster, leader, 9), STATUS_INVALID);
    assert_int_equal(cluster_transfer(&cluster, leader == 1 ? 2 : 1, leader), STATUS_NOT_LEADER);
    assert_false(raft_is_transferring(cluster_node(&cluster, leader)->raft));
    cluster_finish(&cluster);
}

static void test_nobody_fit_to_take_it(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 1, 1, 32);
    raft_id leader = cluster_run_to_leader(&cluster);
    assert_int_equal(cluster_transfer(&cluster, leader, 0), STATUS_UNAVAILABLE);
    cluster_finish(&cluster);
}

static void test_a_target_that_dies_ends_it_after_its_time(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    raft_id target = leader == 3 ? 2 : 3;
    cluster_node(&cluster, target)->slow_disk = true; /* never gets there */
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    assert_int_equal(cluster_transfer(&cluster, leader, target), STATUS_OK);
    cluster_run(&cluster, 5);
    assert_int_equal(network_count(&cluster.network, RAFT_MESSAGE_TIMEOUT_NOW), 0);
    cluster_crash(&cluster, target, true);
    cluster_run(&cluster, CLUSTER_ELECTION_MIN_MS - 20);
    assert_int_equal(cluster_propose(&cluster, leader, 2), STATUS_UNAVAILABLE);
    cluster_run(&cluster, 40);
    assert_int_equal(cluster_propose(&cluster, leader, 2), STATUS_OK);
    assert_int_equal(cluster_leader(&cluster), leader);
    cluster_restart(&cluster, target);
    cluster_node(&cluster, target)->slow_disk = false;
    cluster_run_to_agreement(&cluster);
    cluster_finish(&cluster);
}

static void test_who_may_not_lead_does_not_campaign_when_told(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 1);
    struct raft *learner = cluster_node(&cluster, 4)->raft;
    struct raft_message message = {
        .type = RAFT_MESSAGE_TIMEOUT_NOW, .from = leader, .to = 4, .term = raft_term(learner)};
    cluster_deliver(&cluster, &message);
    assert_int_equal(raft_role(learner), RAFT_FOLLOWER);
    /* Nor does a voter whom somebody else tells, or of an old term. */
    raft_id voter = leader == 1 ? 2 : 1;
    message.to = voter;
    message.from = 6 - leader - voter;
    cluster_deliver(&cluster, &message);
    assert_int_equal(raft_role(cluster_node(&cluster, voter)->raft), RAFT_FOLLOWER);
    assert_int_equal(raft_term(cluster_node(&cluster, voter)->raft), raft_term(learner));
    cluster_finish(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_zero_is_the_one_most_up_to_date),
        cmocka_unit_test(test_nothing_is_left_in_doubt),
        cmocka_unit_test(test_only_another_voter_can_be_the_target),
        cmocka_unit_test(test_nobody_fit_to_take_it),
        cmocka_unit_test(test_a_target_that_dies_ends_it_after_its_time),
        cmocka_unit_test(test_who_may_not_lead_does_not_campaign_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
