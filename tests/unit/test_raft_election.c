/*
 * Elections as timed traces: who leads when, and who must not.
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_trace(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 7);
    cluster.tracing = true;
    raft_id first = cluster_run_to_leader(&cluster);
    assert_int_equal(cluster_propose(&cluster, first, 100), STATUS_OK);
    cluster_run_to_agreement(&cluster);
    cluster_crash(&cluster, first, true);
    raft_id second = cluster_run_to_leader(&cluster);
    assert_int_not_equal(second, first);
    cluster_restart(&cluster, first);
    cluster_run_to_agreement(&cluster);
    assert_true(cluster_trace_is_golden(&cluster, "election"));
    cluster_finish(&cluster);
}

static uint64_t failover_ms(uint64_t seed) {
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, seed);
    raft_id leader = cluster_run_to_leader(&cluster);
    /* What it sent just before arrives after its stream closed. */
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    cluster_crash(&cluster, leader, true);
    uint64_t killed_ms = cluster.now_ms;
    (void)cluster_run_to_leader(&cluster);
    uint64_t took_ms = cluster.now_ms - killed_ms;
    cluster_finish(&cluster);
    return took_ms;
}

static void test_a_closed_stream_makes_failover_quick(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        assert_in_range(failover_ms(seed), 1, 120);
    }
}

/* Where a message takes longer than a rank's delay, both ask before they hear of each other. */
static void test_two_that_ask_at_once_do_not_split_the_votes(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct cluster cluster;
        cluster_init(&cluster, 3, 0, seed);
        raft_id old = cluster_run_to_leader(&cluster);
        uint64_t term = raft_term(cluster_node(&cluster, old)->raft);
        cluster_run(&cluster, 100);
        cluster.network.latency_ms = 45;
        cluster_crash(&cluster, old, true);
        uint64_t killed_ms = cluster.now_ms;
        raft_id next = cluster_run_to_leader(&cluster);
        assert_int_equal(raft_term(cluster_node(&cluster, next)->raft), term + 1);
        /* Two rounds to be elected and one for the first commit, the rank's delay, and ticks in between. */
        assert_in_range(cluster.now_ms - killed_ms, 1, 3 * 2 * 45 + RAFT_RANK_DELAY_MS + 50);
        cluster_finish(&cluster);
    }
}

/* Who gave way to one that then fails campaigns itself, and does not give way again. */
static void test_giving_way_does_not_last(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct cluster cluster;
        cluster_init(&cluster, 3, 0, seed);
        raft_id old = cluster_run_to_leader(&cluster);
        raft_id low = old == 1 ? 2 : 1;
        raft_id high = 6 - old - low;
        cluster_run(&cluster, 100);
        /* What the first candidate asks is heard, what it is answered is not. */
        cluster.network.cut[high][low] = true;
        cluster_crash(&cluster, old, true);
        cluster_run(&cluster, 3 * CLUSTER_ELECTION_MAX_MS);
        assert_int_equal(cluster_leader(&cluster), 0);
        assert_in_range(raft_term(cluster_node(&cluster, high)->raft), 1, 20);
        cluster_heal(&cluster);
        cluster_restart(&cluster, old);
        cluster_run_to_agreement(&cluster);
        cluster_finish(&cluster);
    }
}

static void test_a_silent_leader_is_replaced_after_its_time(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct cluster cluster;
        cluster_init(&cluster, 3, 0, seed);
        raft_id old = cluster_run_to_leader(&cluster);
        cluster_run(&cluster, 100);
        cluster_isolate(&cluster, old);
        cluster_run(&cluster, CLUSTER_ELECTION_MIN_MS - CLUSTER_HEARTBEAT_MS - 10);
        assert_int_equal(cluster_leader(&cluster), old);
        cluster_run(&cluster, 2000);
        assert_int_not_equal(cluster_leader(&cluster), old);
        /* Check-quorum: the old one knows that it leads no more, in its old term. */
        assert_int_not_equal(raft_role(cluster_node(&cluster, old)->raft), RAFT_LEADER);
        cluster_heal(&cluster);
        cluster_run_to_agreement(&cluster);
        cluster_finish(&cluster);
    }
}

static void test_a_returning_replica_disturbs_nobody(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 3);
    raft_id leader = cluster_run_to_leader(&cluster);
    raft_id away = leader == 1 ? 2 : 1;
    uint64_t term = raft_term(cluster_node(&cluster, leader)->raft);
    for (int i = 0; i < 5; i++) {
        cluster_isolate(&cluster, away);
        cluster_run(&cluster, 3000);
        assert_int_equal(raft_term(cluster_node(&cluster, away)->raft), term); /* pre-vote: no term wasted */
        cluster_heal(&cluster);
        cluster_run(&cluster, 500);
        assert_int_equal(cluster_leader(&cluster), leader);
        assert_int_equal(raft_term(cluster_node(&cluster, leader)->raft), term);
    }
    cluster_finish(&cluster);
}

static void test_a_bridge_keeps_the_leader(void **state) {
    (void)state;
    /* 1 and 3 see only 2. Whoever leads is not deposed by the one who cannot hear it. */
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 4);
    (void)cluster_run_to_leader(&cluster);
    cluster_cut(&cluster, 1, 3);
    cluster_run(&cluster, 1000);
    raft_id leader = cluster_run_to_leader(&cluster);
    uint64_t term = raft_term(cluster_node(&cluster, leader)->raft);
    cluster_run(&cluster, 20000);
    assert_int_equal(raft_term(cluster_node(&cluster, leader)->raft), term);
    cluster_finish(&cluster);
}

static void test_a_deaf_leader_steps_down(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 5);
    raft_id leader = cluster_run_to_leader(&cluster);
    uint64_t term = raft_term(cluster_node(&cluster, leader)->raft);
    for (raft_id id = 1; id <= 3; id++) {
        cluster.network.cut[id][leader] = id != leader; /* it is heard, but hears nobody */
    }
    cluster_run(&cluster, 5000);
    raft_id next = cluster_run_to_leader(&cluster);
    assert_int_not_equal(next, leader);
    assert_in_range(raft_term(cluster_node(&cluster, next)->raft), term + 1, term + 2);
    cluster_finish(&cluster);
}

static void test_a_sole_voter_leads_at_once(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 1, 0, 6);
    cluster_run(&cluster, 2 * CLUSTER_TICK_MS);
    assert_int_equal(cluster_leader(&cluster), 1);
    assert_int_equal(raft_commit_index(cluster_node(&cluster, 1)->raft), 1);
    cluster_finish(&cluster);
}

/* Otherwise a crash could lead to the same term again, with other entries in it. */
static void test_a_sole_voter_shows_its_term_only_when_durable(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 1, 1, 6);
    cluster_node(&cluster, 1)->slow_disk = true;
    cluster_run(&cluster, 1000);
    assert_int_equal(cluster_leader(&cluster), 1);
    assert_int_equal(raft_commit_index(cluster_node(&cluster, 1)->raft), 0);
    assert_int_equal(raft_term(cluster_node(&cluster, 2)->raft), 0);
    cluster_crash(&cluster, 1, false);
    cluster_restart(&cluster, 1);
    cluster_node(&cluster, 1)->slow_disk = false;
    cluster_run_to_agreement(&cluster);
    assert_int_equal(raft_term(cluster_node(&cluster, 2)->raft), 1);
    cluster_finish(&cluster);
}

static void test_learners_never_campaign(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 1, 2, 8);
    (void)cluster_run_to_leader(&cluster);
    cluster_crash(&cluster, 1, true);
    cluster_run(&cluster, 5000);
    for (raft_id id = 2; id <= 3; id++) {
        assert_int_equal(raft_role(cluster_node(&cluster, id)->raft), RAFT_FOLLOWER);
        assert_int_equal(raft_term(cluster_node(&cluster, id)->raft), 1);
        assert_int_equal(raft_leader(cluster_node(&cluster, id)->raft), 0);
    }
    cluster_finish(&cluster);
}

static void test_preference_decides_who_wins(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct cluster cluster;
        cluster_init(&cluster, 3, 0, seed);
        raft_id old = cluster_run_to_leader(&cluster);
        raft_id low = old == 1 ? 2 : 1;
        raft_id high = 6 - old - low;
        raft_set_preference(cluster_node(&cluster, high)->raft, 0, 0);
        raft_set_preference(cluster_node(&cluster, low)->raft, 1, CLUSTER_ELECTION_MIN_MS);
        cluster_crash(&cluster, old, true);
        assert_int_equal(cluster_run_to_leader(&cluster), high);
        cluster_finish(&cluster);
    }
}

static void test_who_holds_still_wins_where_nobody_else_can(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 2, 1, 9);
    raft_set_preference(cluster_node(&cluster, 1)->raft, 3, 400);
    raft_set_preference(cluster_node(&cluster, 2)->raft, 3, 400);
    cluster_run(&cluster, 390);
    assert_int_equal(cluster_leader(&cluster), 0);
    (void)cluster_run_to_leader(&cluster);
    assert_in_range(cluster.now_ms, 400, 1000);
    cluster_finish(&cluster);
}

static void test_a_vote_leaves_only_when_durable(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 10);
    for (raft_id id = 1; id <= 3; id++) {
        cluster_node(&cluster, id)->slow_disk = true;
    }
    cluster_run(&cluster, 20);
    /* The pre-vote is won, and the own vote is being written. */
    assert_int_equal(raft_role(cluster_node(&cluster, 1)->raft), RAFT_CANDIDATE);
    assert_int_equal(raft_term(cluster_node(&cluster, 2)->raft), 0);
    cluster_persist(&cluster, 1, 1);
    cluster_run(&cluster, 20);
    assert_int_equal(raft_vote(cluster_node(&cluster, 2)->raft), 1);
    assert_int_equal(raft_role(cluster_node(&cluster, 1)->raft), RAFT_CANDIDATE);
    cluster_persist(&cluster, 2, 1);
    cluster_run(&cluster, 20);
    assert_int_equal(raft_role(cluster_node(&cluster, 1)->raft), RAFT_LEADER);
    /* Two have the first entry, but on no disk yet. */
    assert_int_equal(raft_last_index(cluster_node(&cluster, 2)->raft), 1);
    assert_int_equal(raft_commit_index(cluster_node(&cluster, 1)->raft), 0);
    cluster_persist(&cluster, 1, 1);
    cluster_run(&cluster, 20);
    assert_int_equal(raft_commit_index(cluster_node(&cluster, 1)->raft), 0);
    cluster_persist(&cluster, 2, 1);
    cluster_run(&cluster, 20);
    assert_int_equal(raft_commit_index(cluster_node(&cluster, 1)->raft), 1);
    cluster_finish(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_a_closed_stream_makes_failover_quick),
        cmocka_unit_test(test_two_that_ask_at_once_do_not_split_the_votes),
        cmocka_unit_test(test_giving_way_does_not_last),
        cmocka_unit_test(test_a_silent_leader_is_replaced_after_its_time),
        cmocka_unit_test(test_a_returning_replica_disturbs_nobody),
        cmocka_unit_test(test_a_bridge_keeps_the_leader),
        cmocka_unit_test(test_a_deaf_leader_steps_down),
        cmocka_unit_test(test_a_sole_voter_leads_at_once),
        cmocka_unit_test(test_a_sole_voter_shows_its_term_only_when_durable),
        cmocka_unit_test(test_learners_never_campaign),
        cmocka_unit_test(test_preference_decides_who_wins),
        cmocka_unit_test(test_who_holds_still_wins_where_nobody_else_can),
        cmocka_unit_test(test_a_vote_leaves_only_when_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
