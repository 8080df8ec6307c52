/*
 * Replication as timed traces: figures 7 and 8 of the paper, lost messages, slow disks, late answers.
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FIGURE_7_REPLICAS = 7, FIGURE_7_ENTRIES = 10 };

struct log_terms {
    size_t count;
    uint64_t terms[12];
};

/* The leader, then followers (a) to (f). */
static const struct log_terms FIGURE_7[FIGURE_7_REPLICAS] = {
    {10, {1, 1, 1, 4, 4, 5, 5, 6, 6, 6}},
    {9, {1, 1, 1, 4, 4, 5, 5, 6, 6}},
    {4, {1, 1, 1, 4}},
    {11, {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6}},
    {12, {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}},
    {7, {1, 1, 1, 4, 4, 4, 4}},
    {11, {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3}},
};

static void prefer(struct cluster *cluster, raft_id id) {
    for (raft_id other = 1; other <= cluster->node_count; other++) {
        if (cluster_node(cluster, other)->up) {
            raft_set_preference(cluster_node(cluster, other)->raft, other == id ? 0 : 60, 0);
        }
    }
}

static void restart_with_log(struct cluster *cluster, raft_id id, uint64_t term,
                             const struct log_terms *log) {
    cluster_crash(cluster, id, false);
    cluster_set_log(cluster, id, term, log->terms, log->count);
    cluster_restart(cluster, id);
}

static void test_figure_7(void **state) {
    (void)state;
    struct cluster cluster;
    cluster_init(&cluster, FIGURE_7_REPLICAS, 0, 7);
    cluster.tracing = true;
    for (raft_id id = 1; id <= FIGURE_7_REPLICAS; id++) {
        restart_with_log(&cluster, id, 7, &FIGURE_7[id - 1]);
    }
    prefer(&cluster, 1);
    assert_int_equal(cluster_run_to_leader(&cluster), 1);
    assert_int_equal(raft_term(cluster_node(&cluster, 1)->raft), 8);
    cluster_run_to_agreement(&cluster);
    for (raft_id id = 1; id <= FIGURE_7_REPLICAS; id++) {
        const struct disk *disk = &cluster_node(&cluster, id)->memory;
        assert_int_equal(disk_last_index(disk), FIGURE_7_ENTRIES + 1);
        for (uint64_t index = 1; index <= FIGURE_7_ENTRIES; index++) {
            assert_int_equal(disk_entry(disk, index)->term, FIGURE_7[0].terms[index - 1]);
        }
    }
    assert_true(cluster_trace_is_golden(&cluster, "figure_7"));
    cluster_finish(&cluster);
}

/* Up to (c): S1 leads in term 4, and its entry of term 2 is on a majority; its entry of term 4 is on nobody
 * else. */
static void begin_figure_8(struct cluster *cluster) {
    static const struct log_terms LOGS[5] = {{2, {1, 2}}, {2, {1, 2}}, {1, {1}}, {1, {1}}, {2, {1, 3}}};
    cluster_init(cluster, 5, 0, 8);
    cluster->append_entries_max = 1;
    cluster->tracing = true;
    for (raft_id id = 1; id <= 5; id++) {
        restart_with_log(cluster, id, 3, &LOGS[id - 1]);
    }
    prefer(cluster, 1);
    while (cluster_leader(cluster) == 0) {
        cluster_run(cluster, 1);
    }
    assert_int_equal(cluster_leader(cluster), 1);
    cluster_note(cluster, "2 and 5 are cut off, and (c) begins");
    for (raft_id id = 1; id <= 5; id++) {
        cluster_cut(cluster, 2, id);
        cluster_cut(cluster, 5, id);
    }
    struct raft_progress third = {0};
    while (third.match_index < 2) {
        cluster_run(cluster, 1);
        assert_true(raft_progress(cluster_node(cluster, 1)->raft, 3, &third));
    }
    assert_int_equal(third.match_index, 2);
}

static void test_figure_8_an_old_entry_is_not_committed_by_counting(void **state) {
    (void)state;
    struct cluster cluster;
    begin_figure_8(&cluster);
    assert_int_equal(raft_commit_index(cluster_node(&cluster, 1)->raft), 0);
    cluster_note(&cluster, "(d)");
    cluster_crash(&cluster, 1, false);
    network_drop(&cluster.network, 0, 0);
    cluster_heal(&cluster);
    prefer(&cluster, 5);
    assert_int_equal(cluster_run_to_leader(&cluster), 5);
    cluster_restart(&cluster, 1);
    cluster_run_to_agreement(&cluster);
    for (raft_id id = 1; id <= 5; id++) {
        assert_int_equal(disk_entry(&cluster_node(&cluster, id)->memory, 2)->term, 3);
    }
    assert_true(cluster_trace_is_golden(&cluster, "figure_8"));
    cluster_finish(&cluster);
}

static void test_figure_8_an_own_entry_commits_those_before_it(void **state) {
    (void)state;
    struct cluster cluster;
    begin_figure_8(&cluster);
    while (raft_commit_index(cluster_node(&cluster, 1)->raft) == 0) {
        cluster_run(&cluster, 1);
    }
    assert_int_equal(raft_commit_index(cluster_node(&cluster, 1)->raft), 3);
    cluster_note(&cluster, "(e)");
    cluster_crash(&cluster, 1, false);
    cluster_heal(&cluster);
    prefer(&cluster, 5);
    assert_int_not_equal(cluster_run_to_leader(&cluster), 5);
    cluster_restart(&cluster, 1);
    cluster_run_to_agreement(&cluster);
    for (raft_id id = 1; id <= 5; id++) {
        assert_int_equal(disk_entry(&cluster_node(&cluster, id)->memory, 2)->term, 2);
    }
    cluster_finish(&cluster);
}

static raft_id other_than(raft_id id) {
    return id == 1 ? 2 : 1;
}

static void settle(struct cluster *cluster, raft_id *ret_leader) {
    *ret_leader = cluster_run_to_leader(cluster);
    cluster_run_to_agreement(cluster);
    cluster_run(cluster, 100);
}

static void test_what_got_lost_is_sent_again_after_a_heartbeat(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader;
    cluster_init(&cluster, 3, 0, 11);
    settle(&cluster, &leader);
    raft_id follower = other_than(leader);
    struct raft_progress progress;
    assert_true(raft_progress(cluster_node(&cluster, leader)->raft, follower, &progress));
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    network_drop(&cluster.network, leader, follower);
    cluster_run(&cluster, 2 * CLUSTER_HEARTBEAT_MS);
    assert_int_equal(raft_last_index(cluster_node(&cluster, follower)->raft),
                     raft_last_index(cluster_node(&cluster, leader)->raft));
    /* And with a full window of which nothing arrived. */
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(cluster_propose(&cluster, leader, i), STATUS_OK);
    }
    assert_true(raft_progress(cluster_node(&cluster, leader)->raft, follower, &progress));
    assert_int_equal(progress.inflight, cluster.inflight_appends_max);
    network_drop(&cluster.network, leader, follower);
    cluster_run(&cluster, 2 * CLUSTER_HEARTBEAT_MS + 20);
    assert_int_equal(raft_last_index(cluster_node(&cluster, follower)->raft),
                     raft_last_index(cluster_node(&cluster, leader)->raft));
    cluster_finish(&cluster);
}

static void test_nothing_is_sent_twice_for_a_slow_disk(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader;
    cluster_init(&cluster, 3, 0, 12);
    settle(&cluster, &leader);
    raft_id follower = other_than(leader);
    cluster_node(&cluster, follower)->slow_disk = true;
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    uint64_t entries_sent = 0;
    for (uint64_t ms = 0; ms < CLUSTER_ELECTION_MAX_MS - 50; ms++) {
        cluster_run(&cluster, 1);
        const struct raft_message *append = cluster_sent(&cluster, leader, RAFT_MESSAGE_APPEND);
        entries_sent += append && append->to == follower ? append->entry_count : 0;
    }
    assert_int_equal(entries_sent, 0); /* it was delivered in the first millisecond */
    struct raft_progress progress;
    assert_true(raft_progress(cluster_node(&cluster, leader)->raft, follower, &progress));
    assert_int_equal(progress.inflight, 1);
    cluster_finish(&cluster);
}

static void test_a_window_without_answers_is_given_up(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader;
    cluster_init(&cluster, 3, 0, 12);
    settle(&cluster, &leader);
    raft_id follower = other_than(leader);
    cluster_node(&cluster, follower)->slow_disk = true;
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    cluster_run(&cluster, CLUSTER_ELECTION_MAX_MS + 2 * CLUSTER_TICK_MS);
    struct raft_progress progress;
    assert_true(raft_progress(cluster_node(&cluster, leader)->raft, follower, &progress));
    assert_int_equal(progress.inflight, 0);
    assert_int_equal(progress.next_index, progress.match_index + 1);
    cluster_node(&cluster, follower)->slow_disk = false;
    cluster_run_to_agreement(&cluster);
    cluster_finish(&cluster);
}

static void test_a_leader_counts_itself_only_when_durable(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader;
    cluster_init(&cluster, 3, 0, 13);
    settle(&cluster, &leader);
    raft_id first = other_than(leader);
    raft_id second = 6 - leader - first;
    struct raft *raft = cluster_node(&cluster, leader)->raft;
    uint64_t before = raft_commit_index(raft);
    cluster_node(&cluster, leader)->slow_disk = true;
    cluster_node(&cluster, second)->slow_disk = true;
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    cluster_run(&cluster, 100);
    assert_int_equal(raft_commit_index(raft), before);
    struct raft_progress own;
    assert_true(raft_progress(raft, leader, &own));
    assert_int_equal(own.match_index, before);
    assert_int_equal(own.next_index, before + 2);
    assert_false(raft_progress(raft, 9, &own));
    assert_false(raft_progress(cluster_node(&cluster, first)->raft, leader, &own));
    /* Two followers are a majority without it. */
    cluster_persist(&cluster, second, 1);
    cluster_run(&cluster, 10);
    assert_int_equal(raft_commit_index(raft), before + 1);
    cluster_finish(&cluster);
}

static void test_a_response_of_another_term_is_dropped(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader;
    cluster_init(&cluster, 3, 0, 14);
    settle(&cluster, &leader);
    cluster_crash(&cluster, leader, true);
    raft_id old = leader;
    settle(&cluster, &leader);
    raft_id follower = 6 - old - leader;
    cluster_node(&cluster, leader)->slow_disk = true;
    cluster_isolate(&cluster, follower);
    assert_int_equal(cluster_propose(&cluster, leader, 1), STATUS_OK);
    struct raft *raft = cluster_node(&cluster, leader)->raft;
    cluster_heal(&cluster);
    network_drop(&cluster.network, 0, 0);
    struct raft_progress before;
    struct raft_progress after;
    assert_true(raft_progress(raft, follower, &before));
    struct raft_message late = {.type = RAFT_MESSAGE_APPEND_RESPONSE,
                                .from = follower,
                                .to = leader,
                                .term = raft_term(raft) - 1,
                                .index = raft_last_index(raft)};
    cluster_deliver(&cluster, &late);
    assert_true(raft_progress(raft, follower, &after));
    assert_int_equal(after.match_index, before.match_index);
    /* Of this term it counts; the same once more, or an older one, changes nothing. */
    late.term = raft_term(raft);
    cluster_deliver(&cluster, &late);
    assert_true(raft_progress(raft, follower, &after));
    assert_int_equal(after.match_index, raft_last_index(raft));
    late.index = 1;
    cluster_deliver(&cluster, &late);
    late.reject = true;
    cluster_deliver(&cluster, &late);
    late.index = 0;
    cluster_deliver(&cluster, &late);
    assert_true(raft_progress(raft, follower, &before));
    assert_int_equal(after.match_index, before.match_index);
    assert_int_equal(after.next_index, before.next_index);
    /* Beyond the own log it cannot be meant. */
    late.reject = false;
    late.index = raft_last_index(raft) + 1;
    cluster_deliver(&cluster, &late);
    assert_true(raft_progress(raft, follower, &after));
    assert_int_equal(after.match_index, before.match_index);
    assert_int_equal(after.next_index, before.next_index);
    cluster_finish(&cluster);
}

static void test_an_old_append_shortens_nothing(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader;
    cluster_init(&cluster, 3, 0, 15);
    settle(&cluster, &leader);
    raft_id follower = other_than(leader);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(cluster_propose(&cluster, leader, i), STATUS_OK);
    }
    cluster_run_to_agreement(&cluster);
    struct raft *raft = cluster_node(&cluster, follower)->raft;
    uint64_t last = raft_last_index(raft);
    for (uint64_t previous = 0; previous < last; previous++) {
        network_drop(&cluster.network, 0, 0);
        struct raft_entry *entry = &cluster_node(&cluster, leader)->memory.entries[previous];
        struct raft_message old = {.type = RAFT_MESSAGE_APPEND,
                                   .from = leader,
                                   .to = follower,
                                   .term = raft_term(raft),
                                   .index = previous,
                                   .log_term = raft_term_at(raft, previous),
                                   .entries = entry,
                                   .entry_count = 1};
        cluster_deliver(&cluster, &old);
        assert_int_equal(raft_last_index(raft), last);
        assert_int_equal(cluster_node(&cluster, follower)->effects.truncate_from, 0);
        const struct raft_message *answer = cluster_sent(&cluster, follower, RAFT_MESSAGE_APPEND_RESPONSE);
        assert_non_null(answer);
        assert_false(answer->reject);
        assert_true(answer->index > previous && answer->index <= last);
    }
    cluster_finish(&cluster);
}

static void test_answers_to_an_old_leader_tell_the_term(void **state) {
    (void)state;
    struct cluster cluster;
    raft_id leader;
    cluster_init(&cluster, 3, 0, 16);
    settle(&cluster, &leader);
    cluster_crash(&cluster, leader, true);
    raft_id old = leader;
    settle(&cluster, &leader);
    const enum raft_message_type pairs[][2] = {
        {RAFT_MESSAGE_APPEND, RAFT_MESSAGE_APPEND_RESPONSE},
        {RAFT_MESSAGE_HEARTBEAT, RAFT_MESSAGE_HEARTBEAT_RESPONSE},
        {RAFT_MESSAGE_VOTE, RAFT_MESSAGE_VOTE_RESPONSE},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        network_drop(&cluster.network, 0, 0);
        struct raft_message message = {.type = pairs[i][0], .from = old, .to = leader, .term = 1};
        cluster_deliver(&cluster, &message);
        const struct raft_message *answer = cluster_sent(&cluster, leader, pairs[i][1]);
        assert_non_null(answer);
        assert_true(answer->reject);
        assert_int_equal(answer->to, old);
        assert_int_equal(answer->term, raft_term(cluster_node(&cluster, leader)->raft));
    }
    cluster_finish(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figure_7),
        cmocka_unit_test(test_figure_8_an_old_entry_is_not_committed_by_counting),
        cmocka_unit_test(test_figure_8_an_own_entry_commits_those_before_it),
        cmocka_unit_test(test_what_got_lost_is_sent_again_after_a_heartbeat),
        cmocka_unit_test(test_nothing_is_sent_twice_for_a_slow_disk),
        cmocka_unit_test(test_a_window_without_answers_is_given_up),
        cmocka_unit_test(test_a_leader_counts_itself_only_when_durable),
        cmocka_unit_test(test_a_response_of_another_term_is_dropped),
        cmocka_unit_test(test_an_old_append_shortens_nothing),
        cmocka_unit_test(test_answers_to_an_old_leader_tell_the_term),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
