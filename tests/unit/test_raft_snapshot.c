/*
 * Snapshots: a follower behind the log's start gets one, and what is not news changes nothing.
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static raft_id begin(struct cluster *cluster, size_t learners) {
    cluster_init(cluster, 3, learners, 51);
    raft_id leader = cluster_run_to_leader(cluster);
    cluster_run_to_agreement(cluster);
    return leader;
}

static void propose_many(struct cluster *cluster, raft_id leader, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(cluster_propose(cluster, leader, i), STATUS_OK);
        cluster_run(cluster, 1);
    }
    cluster_run(cluster, 20);
}

static void test_a_follower_behind_the_log_gets_one(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    raft_id away = leader == 1 ? 2 : 1;
    cluster_crash(&cluster, away, true);
    propose_many(&cluster, leader, 30);
    cluster_compact(&cluster, leader);
    uint64_t base = raft_commit_index(cluster_node(&cluster, leader)->raft);
    assert_int_equal(raft_first_index(cluster_node(&cluster, leader)->raft), base + 1);
    propose_many(&cluster, leader, 5);
    cluster_restart(&cluster, away);
    cluster_run_to_agreement(&cluster);
    const struct node *node = cluster_node(&cluster, away);
    assert_int_equal(node->memory.base_index, base);
    assert_int_equal(node->digest, cluster_node(&cluster, leader)->digest);
    /* It starts from the snapshot again. */
    cluster_crash(&cluster, away, true);
    cluster_restart(&cluster, away);
    cluster_run_to_agreement(&cluster);
    cluster_finish(&cluster);
}

static void test_membership_comes_with_it(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    raft_id away = leader == 1 ? 2 : 1;
    cluster_crash(&cluster, away, true);
    raft_id joiner = cluster_add(&cluster);
    struct raft_configuration wider = cluster.first;
    wider.members[wider.count++] = (struct raft_member){.id = joiner, .voter = false};
    assert_int_equal(cluster_change(&cluster, leader, &wider), STATUS_OK);
    propose_many(&cluster, leader, 5);
    cluster_compact(&cluster, leader);
    cluster_restart(&cluster, away);
    cluster_run_to_agreement(&cluster);
    assert_true(
        raft_configuration_equal(raft_latest_configuration(cluster_node(&cluster, away)->raft), &wider));
    assert_true(raft_configuration_is_committed(cluster_node(&cluster, away)->raft));
    cluster_finish(&cluster);
}

static void test_a_lost_one_is_sent_again(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    raft_id away = leader == 1 ? 2 : 1;
    cluster_crash(&cluster, away, true);
    propose_many(&cluster, leader, 10);
    cluster_compact(&cluster, leader);
    cluster_restart(&cluster, away);
    int lost = 0;
    for (int ms = 0; ms < 1000 && lost < 3; ms++) {
        cluster_run(&cluster, 1);
        if (network_count(&cluster.network, RAFT_MESSAGE_SNAPSHOT) > 0) {
            network_drop(&cluster.network, leader, away);
            lost++;
        }
    }
    assert_int_equal(lost, 3);
    cluster_run_to_agreement(&cluster);
    cluster_finish(&cluster);
}

static void test_a_dead_peer_gets_none(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    raft_id away = leader == 1 ? 2 : 1;
    cluster_crash(&cluster, away, true);
    cluster_run(&cluster, 1000);
    propose_many(&cluster, leader, 10);
    cluster_compact(&cluster, leader);
    for (int ms = 0; ms < 1000; ms++) {
        cluster_run(&cluster, 1);
        assert_int_equal(network_count(&cluster.network, RAFT_MESSAGE_SNAPSHOT), 0);
    }
    cluster_finish(&cluster);
}

struct offered {
    struct cluster cluster;
    raft_id leader;
    raft_id follower;
    struct raft_message message;
};

/* A snapshot message from the leader, not delivered yet. */
static void begin_offered(struct offered *offered) {
    offered->leader = begin(&offered->cluster, 0);
    offered->follower = offered->leader == 1 ? 2 : 1;
    propose_many(&offered->cluster, offered->leader, 10);
    cluster_run_to_agreement(&offered->cluster);
    network_drop(&offered->cluster.network, 0, 0);
    const struct raft *raft = cluster_node(&offered->cluster, offered->leader)->raft;
    uint8_t digest[8];
    bytes_put_u64le(digest, cluster_node(&offered->cluster, offered->leader)->digest);
    offered->message = (struct raft_message){
        .type = RAFT_MESSAGE_SNAPSHOT,
        .from = offered->leader,
        .to = offered->follower,
        .term = raft_term(raft),
        .index = raft_commit_index(raft),
        .log_term = raft_term_at(raft, raft_commit_index(raft)),
        .configuration = offered->cluster.first,
        .data = blob_copy(slice_make(digest, sizeof digest)),
        .data_total = sizeof digest,
    };
}

static void end_offered(struct offered *offered) {
    raft_message_finish(&offered->message);
    cluster_finish(&offered->cluster);
}

static void test_what_is_known_is_not_installed(void **state) {
    (void)state;
    struct offered offered;
    begin_offered(&offered);
    struct node *node = cluster_node(&offered.cluster, offered.follower);
    uint64_t commit = raft_commit_index(node->raft);
    assert_int_equal(offered.message.index, commit);
    for (uint64_t index = commit; index > 0; index--) {
        network_drop(&offered.cluster.network, 0, 0);
        offered.message.index = index;
        offered.message.log_term = raft_term_at(node->raft, index);
        cluster_deliver(&offered.cluster, &offered.message);
        assert_null(node->effects.install);
        assert_int_equal(raft_commit_index(node->raft), commit);
        assert_int_equal(raft_first_index(node->raft), 1);
        const struct raft_message *answer =
            cluster_sent(&offered.cluster, offered.follower, RAFT_MESSAGE_APPEND_RESPONSE);
        assert_non_null(answer);
        assert_int_equal(answer->index, commit);
    }
    /* Nor where the log's start is beyond it, and the entry's term is not known any more. */
    cluster_compact(&offered.cluster, offered.follower);
    offered.message.index = commit - 1;
    cluster_deliver(&offered.cluster, &offered.message);
    assert_null(node->effects.install);
    assert_int_equal(raft_commit_index(node->raft), commit);
    end_offered(&offered);
}

/* What the log holds and a snapshot covers is committed: nothing is replaced. */
static void test_entries_that_are_there_are_kept(void **state) {
    (void)state;
    struct offered offered;
    begin_offered(&offered);
    struct node *node = cluster_node(&offered.cluster, offered.follower);
    cluster_isolate(&offered.cluster, offered.leader);
    offered.cluster.network.cut[offered.leader][offered.follower] = false;
    assert_int_equal(cluster_propose(&offered.cluster, offered.leader, 77), STATUS_OK);
    cluster_run(&offered.cluster, 5);
    uint64_t last = raft_last_index(node->raft);
    assert_int_equal(last, raft_commit_index(node->raft) + 1);
    cluster_heal(&offered.cluster);
    offered.message.index = last;
    cluster_deliver(&offered.cluster, &offered.message);
    assert_null(node->effects.install);
    assert_int_equal(raft_commit_index(node->raft), last);
    assert_int_equal(raft_first_index(node->raft), 1);
    end_offered(&offered);
}

static void test_what_cannot_be_whole_is_dropped(void **state) {
    (void)state;
    struct offered offered;
    begin_offered(&offered);
    struct node *node = cluster_node(&offered.cluster, offered.follower);
    struct raft_message far = offered.message;
    far.index += 100;
    far.log_term = far.term;
    struct raft_message wrong[] = {far, far, far, far, far, far};
    wrong[0].data_offset = 1;         /* a chunk */
    wrong[1].data_total = 9;          /* cut */
    wrong[2].configuration.count = 0; /* nobody votes */
    wrong[3].configuration.count = RAFT_MEMBERS_MAX + 1;
    wrong[4].configuration.members[1].id = 1; /* one twice */
    wrong[4].configuration.members[0].id = 1;
    wrong[5].log_term = far.term + 1; /* from the future */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t commit = raft_commit_index(node->raft);
        cluster_deliver(&offered.cluster, &wrong[i]);
        assert_null(node->effects.install);
        assert_int_equal(raft_commit_index(node->raft), commit);
    }
    end_offered(&offered);
}

static void test_compaction_keeps_the_term_of_its_end(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader = begin(&cluster, 0);
    propose_many(&cluster, leader, 10);
    struct raft *raft = cluster_node(&cluster, leader)->raft;
    cluster_compact(&cluster, leader);
    uint64_t base = raft_first_index(raft) - 1;
    assert_int_equal(raft_term_at(raft, base), raft_term(raft));
    assert_int_equal(raft_term_at(raft, base - 1), 0);
    assert_int_equal(raft_last_index(raft), base);
    propose_many(&cluster, leader, 3); /* an empty log goes on */
    cluster_run_to_agreement(&cluster);
    assert_int_equal(raft_last_index(raft), base + 3);
    cluster_finish(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_follower_behind_the_log_gets_one),
        cmocka_unit_test(test_membership_comes_with_it),
        cmocka_unit_test(test_a_lost_one_is_sent_again),
        cmocka_unit_test(test_a_dead_peer_gets_none),
        cmocka_unit_test(test_what_is_known_is_not_installed),
        cmocka_unit_test(test_entries_that_are_there_are_kept),
        cmocka_unit_test(test_what_cannot_be_whole_is_dropped),
        cmocka_unit_test(test_compaction_keeps_the_term_of_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
