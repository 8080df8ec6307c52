/*
 * Who gets a vote: every combination of logs against the paper's rule (5.4.1), one vote a term, loyalty to a
 * leader.
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TERM = 5 };

/* Replica 1 alone, with a log of `index` entries whose last has `last_term`. */
static void begin(struct cluster *cluster, uint64_t index, uint64_t last_term) {
    cluster_init(cluster, 3, 0, 81);
    for (raft_id id = 1; id <= 3; id++) {
        cluster_crash(cluster, id, false);
    }
    uint64_t terms[4] = {1, 1, 1, 1};
    if (index > 0) {
        terms[index - 1] = last_term;
    }
    cluster_set_log(cluster, 1, TERM, terms, (size_t)index);
    cluster_restart(cluster, 1);
}

static struct raft_message request(enum raft_message_type type, raft_id from, uint64_t term, uint64_t index,
                                   uint64_t log_term) {
    return (struct raft_message){
        .type = type, .from = from, .to = 1, .term = term, .index = index, .log_term = log_term};
}

/* NULL: no answer. Votes are granted only when durable. */
static const struct raft_message *ask(struct cluster *cluster, struct raft_message message) {
    network_drop(&cluster->network, 0, 0);
    cluster_deliver(cluster, &message);
    cluster_persist(cluster, 1, 1);
    return cluster_sent(cluster, 1,
                        message.type == RAFT_MESSAGE_VOTE ? RAFT_MESSAGE_VOTE_RESPONSE
                                                          : RAFT_MESSAGE_PRE_VOTE_RESPONSE);
}

static void check_pair(uint64_t own_index, uint64_t own_term, uint64_t index, uint64_t log_term) {
    bool up_to_date = log_term > own_term || (log_term == own_term && index >= own_index);
    const enum raft_message_type types[] = {RAFT_MESSAGE_PRE_VOTE, RAFT_MESSAGE_VOTE};
    for (size_t i = 0; i < 2; i++) {
        struct cluster cluster;
        begin(&cluster, own_index, own_term);
        const struct raft_message *answer = ask(&cluster, request(types[i], 2, TERM + 1, index, log_term));
        assert_non_null(answer);
        assert_int_equal(answer->reject, !up_to_date);
        assert_int_equal(answer->to, 2);
        const struct raft *raft = cluster_node(&cluster, 1)->raft;
        if (types[i] == RAFT_MESSAGE_VOTE) {
            /* The term counts in any case, and the answer is of that term. */
            assert_int_equal(answer->term, TERM + 1);
            assert_int_equal(raft_term(raft), TERM + 1);
            assert_int_equal(raft_vote(raft), up_to_date ? 2 : 0);
        } else {
            assert_int_equal(answer->term, up_to_date ? TERM + 1 : TERM);
            assert_int_equal(raft_term(raft), TERM);
        }
        cluster_finish(&cluster);
    }
}

static void test_every_pair_of_logs(void **state) {
    (void)state;
    for (uint64_t own_index = 0; own_index <= 3; own_index++) {
        for (uint64_t own_term = own_index > 0 ? 1 : 0; own_term <= (own_index > 0 ? 3U : 0U); own_term++) {
            for (uint64_t index = 0; index <= 4; index++) {
                for (uint64_t term = index > 0 ? 1 : 0; term <= (index > 0 ? 4U : 0U); term++) {
                    check_pair(own_index, own_term, index, term);
                }
            }
        }
    }
}

static void test_one_vote_a_term(void **state) {
    (void)state;
    struct cluster cluster;
    begin(&cluster, 2, 1);
    assert_false(ask(&cluster, request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 2, 1))->reject);
    assert_true(ask(&cluster, request(RAFT_MESSAGE_VOTE, 3, TERM + 1, 9, 4))->reject);
    assert_false(ask(&cluster, request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 2, 1))->reject); /* the same again */
    /* A crash does not make it forget. */
    cluster_crash(&cluster, 1, false);
    cluster_restart(&cluster, 1);
    assert_true(ask(&cluster, request(RAFT_MESSAGE_VOTE, 3, TERM + 1, 9, 4))->reject);
    assert_false(ask(&cluster, request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 2, 1))->reject);
    assert_false(ask(&cluster, request(RAFT_MESSAGE_VOTE, 3, TERM + 2, 9, 4))->reject);
    cluster_finish(&cluster);
}

static void test_old_terms_get_nothing(void **state) {
    (void)state;
    struct cluster cluster;
    begin(&cluster, 2, 1);
    const struct raft_message *answer = ask(&cluster, request(RAFT_MESSAGE_VOTE, 2, TERM - 1, 9, 3));
    assert_true(answer->reject);
    assert_int_equal(answer->term, TERM);
    answer = ask(&cluster, request(RAFT_MESSAGE_PRE_VOTE, 2, TERM, 9, 3));
    assert_true(answer->reject); /* its term would be no higher */
    assert_int_equal(answer->term, TERM);
    cluster_finish(&cluster);
}

static void test_loyal_to_a_leader_heard_lately(void **state) {
    (void)state;
    struct cluster cluster;
    begin(&cluster, 2, 1);
    struct raft_message heartbeat = {.type = RAFT_MESSAGE_HEARTBEAT, .from = 3, .to = 1, .term = TERM};
    cluster_deliver(&cluster, &heartbeat);
    assert_null(ask(&cluster, request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 9, 3)));
    assert_int_equal(raft_term(cluster_node(&cluster, 1)->raft), TERM);
    assert_true(ask(&cluster, request(RAFT_MESSAGE_PRE_VOTE, 2, TERM + 1, 9, 3))->reject);
    /* Until the minimum election timeout is over. */
    cluster_run(&cluster, CLUSTER_ELECTION_MIN_MS - 1);
    assert_true(ask(&cluster, request(RAFT_MESSAGE_PRE_VOTE, 2, TERM + 1, 9, 3))->reject);
    cluster_run(&cluster, 1);
    assert_false(ask(&cluster, request(RAFT_MESSAGE_PRE_VOTE, 2, TERM + 1, 9, 3))->reject);
    cluster_finish(&cluster);
}

static void test_a_transfer_or_a_closed_stream_ends_loyalty(void **state) {
    (void)state;
    struct cluster cluster;
    struct raft_message heartbeat = {.type = RAFT_MESSAGE_HEARTBEAT, .from = 3, .to = 1, .term = TERM};
    begin(&cluster, 2, 1);
    cluster_deliver(&cluster, &heartbeat);
    struct raft_message forced = request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 9, 3);
    forced.forced = true;
    assert_false(ask(&cluster, forced)->reject);
    cluster_finish(&cluster);

    begin(&cluster, 2, 1);
    cluster_deliver(&cluster, &heartbeat);
    (void)cluster_step(&cluster, 1, (struct raft_event){.type = RAFT_EVENT_PEER_CLOSED, .peer = 2});
    assert_null(ask(&cluster, request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 9, 3))); /* that was not the leader */
    (void)cluster_step(&cluster, 1, (struct raft_event){.type = RAFT_EVENT_PEER_CLOSED, .peer = 3});
    assert_int_equal(raft_leader(cluster_node(&cluster, 1)->raft), 0);
    assert_false(ask(&cluster, request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 9, 3))->reject);
    cluster_finish(&cluster);
}

/* A new term goes to disk before an answer tells it, granted or not. */
static void test_an_answer_waits_for_the_term_it_tells(void **state) {
    (void)state;
    struct cluster cluster;
    begin(&cluster, 3, 3);
    cluster_node(&cluster, 1)->slow_disk = true;
    struct raft_message refused = request(RAFT_MESSAGE_VOTE, 2, TERM + 1, 1, 1);
    cluster_deliver(&cluster, &refused);
    assert_null(cluster_sent(&cluster, 1, RAFT_MESSAGE_VOTE_RESPONSE));
    cluster_persist(&cluster, 1, 1);
    assert_non_null(cluster_sent(&cluster, 1, RAFT_MESSAGE_VOTE_RESPONSE));
    /* A refusal in a term that is known needs no disk. */
    network_drop(&cluster.network, 0, 0);
    cluster_deliver(&cluster, &refused);
    assert_non_null(cluster_sent(&cluster, 1, RAFT_MESSAGE_VOTE_RESPONSE));
    cluster_finish(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair_of_logs),
        cmocka_unit_test(test_one_vote_a_term),
        cmocka_unit_test(test_old_terms_get_nothing),
        cmocka_unit_test(test_loyal_to_a_leader_heard_lately),
        cmocka_unit_test(test_a_transfer_or_a_closed_stream_ends_loyalty),
        cmocka_unit_test(test_an_answer_waits_for_the_term_it_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
