/*
 * Linearizable reads by read index (thesis 6.4).
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct scene {
    struct cluster cluster;
    raft_id leader;
    struct raft *raft; /* the leader's */
};

static void begin(struct scene *scene, size_t voters, size_t learners) {
    cluster_init(&scene->cluster, voters, learners, 21);
    scene->leader = cluster_run_to_leader(&scene->cluster);
    cluster_run_to_agreement(&scene->cluster);
    cluster_run(&scene->cluster, 75);
    scene->raft = cluster_node(&scene->cluster, scene->leader)->raft;
}

static const struct raft_read *end_of(struct scene *scene, uint64_t context) {
    return cluster_read_end(&scene->cluster, scene->leader, context);
}

static void test_a_read_ends_after_one_round(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, 3, 0);
    assert_int_equal(cluster_propose(&scene.cluster, scene.leader, 1), STATUS_OK);
    cluster_run(&scene.cluster, 10);
    uint64_t committed = raft_commit_index(scene.raft);
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 1), STATUS_OK);
    assert_null(end_of(&scene, 1));
    cluster_run(&scene.cluster, 2); /* there and back */
    assert_non_null(end_of(&scene, 1));
    assert_int_equal(end_of(&scene, 1)->status, STATUS_OK);
    assert_int_equal(end_of(&scene, 1)->index, committed);
    cluster_finish(&scene.cluster);
}

static void test_reads_share_rounds(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, 3, 0);
    size_t before = network_count(&scene.cluster.network, RAFT_MESSAGE_HEARTBEAT);
    assert_int_equal(before, 0);
    for (uint64_t context = 1; context <= 10; context++) {
        assert_int_equal(cluster_read(&scene.cluster, scene.leader, context), STATUS_OK);
    }
    assert_int_equal(network_count(&scene.cluster.network, RAFT_MESSAGE_HEARTBEAT), 2);
    cluster_run(&scene.cluster, 2);
    assert_non_null(end_of(&scene, 1));
    assert_null(end_of(&scene, 2)); /* came after the round had begun */
    cluster_run(&scene.cluster, 2);
    for (uint64_t context = 2; context <= 10; context++) {
        assert_non_null(end_of(&scene, context));
    }
    cluster_finish(&scene.cluster);
}

/* An answer to a heartbeat that left before the read says nothing about the time of the read. */
static void test_a_late_answer_confirms_nothing(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, 3, 0);
    raft_id follower = scene.leader == 1 ? 2 : 1;
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 1), STATUS_OK);
    const struct raft_message *heartbeat = cluster_sent(&scene.cluster, scene.leader, RAFT_MESSAGE_HEARTBEAT);
    struct raft_message late = {.type = RAFT_MESSAGE_HEARTBEAT_RESPONSE,
                                .from = follower,
                                .to = scene.leader,
                                .term = raft_term(scene.raft),
                                .context = heartbeat->context - 1};
    cluster_deliver(&scene.cluster, &late);
    assert_null(end_of(&scene, 1));
    late.context = heartbeat->context + 1; /* of a round that never was */
    cluster_deliver(&scene.cluster, &late);
    assert_null(end_of(&scene, 1));
    late.context = heartbeat->context;
    cluster_deliver(&scene.cluster, &late);
    assert_non_null(end_of(&scene, 1));
    /* The next one asks again. */
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 2), STATUS_OK);
    cluster_deliver(&scene.cluster, &late);
    assert_null(end_of(&scene, 2));
    cluster_finish(&scene.cluster);
}

static void test_an_isolated_old_leader_refuses(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, 3, 0);
    cluster_isolate(&scene.cluster, scene.leader);
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 1), STATUS_OK);
    cluster_run(&scene.cluster, 250);
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 2), STATUS_OK);
    cluster_run(&scene.cluster, 1500);
    assert_int_not_equal(raft_role(scene.raft), RAFT_LEADER);
    for (uint64_t context = 1; context <= 2; context++) {
        assert_non_null(end_of(&scene, context));
        assert_int_equal(end_of(&scene, context)->status, STATUS_NOT_LEADER);
    }
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 3), STATUS_NOT_LEADER);
    cluster_finish(&scene.cluster);
}

static void test_learners_confirm_nothing(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, 3, 3);
    for (raft_id id = 1; id <= 3; id++) {
        if (id != scene.leader) {
            cluster_isolate(&scene.cluster, id);
        }
    }
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 1), STATUS_OK);
    cluster_run(&scene.cluster, 300);
    assert_null(end_of(&scene, 1));
    cluster_finish(&scene.cluster);
}

static void test_a_new_leader_first_commits_in_its_term(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, 3, 0, 22);
    while (cluster_leader(&cluster) == 0) {
        cluster_run(&cluster, 1);
    }
    raft_id leader = cluster_leader(&cluster);
    assert_int_equal(cluster_read(&cluster, leader, 1), STATUS_UNAVAILABLE);
    assert_int_equal(cluster_read(&cluster, leader == 1 ? 2 : 1, 1), STATUS_NOT_LEADER);
    (void)cluster_run_to_leader(&cluster);
    assert_int_equal(cluster_read(&cluster, leader, 1), STATUS_OK);
    cluster_finish(&cluster);
}

static void test_a_sole_voter_reads_at_once(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, 1, 1);
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, 1), STATUS_OK);
    assert_non_null(end_of(&scene, 1));
    cluster_finish(&scene.cluster);
}

static void test_pending_reads_are_bounded(void **state) {
    (void)state;
    struct scene scene;
    begin(&scene, 3, 0);
    cluster_isolate(&scene.cluster, scene.leader);
    for (uint64_t context = 1; context <= RAFT_READS_MAX; context++) {
        assert_int_equal(cluster_read(&scene.cluster, scene.leader, context), STATUS_OK);
    }
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, RAFT_READS_MAX + 1), STATUS_FULL);
    cluster_heal(&scene.cluster);
    cluster_run(&scene.cluster, 200);
    assert_int_equal(cluster_read(&scene.cluster, scene.leader, RAFT_READS_MAX + 2), STATUS_OK);
    cluster_finish(&scene.cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_ends_after_one_round),
        cmocka_unit_test(test_reads_share_rounds),
        cmocka_unit_test(test_a_late_answer_confirms_nothing),
        cmocka_unit_test(test_an_isolated_old_leader_refuses),
        cmocka_unit_test(test_learners_confirm_nothing),
        cmocka_unit_test(test_a_new_leader_first_commits_in_its_term),
        cmocka_unit_test(test_a_sole_voter_reads_at_once),
        cmocka_unit_test(test_pending_reads_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
