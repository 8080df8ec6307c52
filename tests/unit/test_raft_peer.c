/*
 * A leader's view of a follower: match never goes back, next stays above it, the window is bounded.
 */
#include "raft/peer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { WINDOW = 3, WINDOW_BYTES = 100, PATIENCE_MS = 25 };

static bool wants(const struct raft_peer *peer, uint64_t last_index, bool *ret_empty) {
    static const struct raft_options options = {.inflight_appends_max = WINDOW,
                                                .inflight_bytes_max = WINDOW_BYTES};
    return raft_peer_wants(peer, last_index, &options, ret_empty);
}

/* In REPLICATE, with everything up to `match` acknowledged. */
static struct raft_peer replicating(uint64_t match) {
    struct raft_peer peer;
    raft_peer_init(&peer, 2, match);
    raft_peer_sent(&peer, 0, 0, 0);
    assert_true(raft_peer_acknowledged(&peer, match, 1, 0));
    assert_int_equal(peer.state, RAFT_PEER_REPLICATE);
    return peer;
}

static void test_one_probe_at_a_time(void **state) {
    (void)state;
    struct raft_peer peer;
    bool empty;
    raft_peer_init(&peer, 2, 10);
    assert_true(wants(&peer, 12, &empty));
    assert_false(empty);
    raft_peer_sent(&peer, 2, 0, 100);
    assert_false(wants(&peer, 12, &empty));
    raft_peer_resume(&peer, 110, PATIENCE_MS); /* too early */
    assert_false(wants(&peer, 12, &empty));
    raft_peer_resume(&peer, 125, PATIENCE_MS); /* it may be lost: asked again, without the entries */
    assert_true(wants(&peer, 12, &empty));
    assert_true(empty);
    raft_peer_sent(&peer, 0, 0, 125);
    raft_peer_refused(&peer, 10, 4);
    assert_int_equal(peer.next_index, 4);
    assert_true(wants(&peer, 12, &empty));
    raft_peer_sent(&peer, 8, 0, 126);
    raft_peer_refused(&peer, 10, 2); /* the first refusal's twin */
    assert_int_equal(peer.next_index, 4);
    assert_true(raft_peer_acknowledged(&peer, 11, 1, 127));
    assert_int_equal(peer.state, RAFT_PEER_REPLICATE);
    assert_int_equal(peer.next_index, 12);
}

static void test_the_window_is_bounded_and_moves(void **state) {
    (void)state;
    struct raft_peer peer = replicating(10);
    bool empty;
    for (int i = 0; i < WINDOW; i++) {
        assert_true(wants(&peer, 20, &empty));
        raft_peer_sent(&peer, 2, 0, 0);
    }
    assert_false(wants(&peer, 20, &empty));
    assert_int_equal(peer.next_index, 17);
    assert_true(raft_peer_acknowledged(&peer, 14, 1, 1)); /* the first two at once */
    assert_int_equal(peer.window.count, 1);
    assert_true(wants(&peer, 20, &empty));
    assert_false(raft_peer_acknowledged(&peer, 12, 1, 2)); /* late */
    assert_int_equal(peer.match_index, 14);
}

/* One entry always may leave, however large; nothing behind it until it has arrived. */
static void test_the_window_is_bounded_in_bytes(void **state) {
    (void)state;
    struct raft_peer peer = replicating(10);
    bool empty;
    raft_peer_sent(&peer, 1, WINDOW_BYTES - 1, 0);
    assert_true(wants(&peer, 20, &empty));
    raft_peer_sent(&peer, 1, 10 * WINDOW_BYTES, 0);
    assert_false(wants(&peer, 20, &empty));
    raft_peer_resume(&peer, 100, PATIENCE_MS); /* a ping needs no room */
    assert_true(wants(&peer, 20, &empty) && empty);
    raft_peer_sent(&peer, 0, 0, 100);
    assert_true(raft_peer_acknowledged(&peer, 11, 1, 101));
    assert_false(wants(&peer, 20, &empty));
    assert_true(raft_peer_acknowledged(&peer, 12, 1, 102));
    assert_int_equal(peer.window.bytes, 0);
    assert_true(wants(&peer, 20, &empty));
    raft_peer_sent(&peer, 1, WINDOW_BYTES, 103);
    raft_peer_probe(&peer, 13);
    assert_int_equal(peer.window.bytes, 0);
}

static void test_a_ping_finds_what_got_lost(void **state) {
    (void)state;
    struct raft_peer peer = replicating(10);
    bool empty;
    raft_peer_sent(&peer, 2, 0, 0);
    raft_peer_resume(&peer, 100, PATIENCE_MS);
    assert_true(wants(&peer, 12, &empty));
    assert_true(empty);
    raft_peer_sent(&peer, 0, 0, 100);
    assert_false(wants(&peer, 12, &empty));
    raft_peer_refused(&peer, 12, 11);
    assert_int_equal(peer.state, RAFT_PEER_PROBE);
    assert_int_equal(peer.next_index, 11);
    /* Nothing under way: nothing to ask. */
    peer = replicating(10);
    raft_peer_resume(&peer, 100, PATIENCE_MS);
    assert_false(wants(&peer, 10, &empty));
}

static void test_a_refusal_never_goes_below_match(void **state) {
    (void)state;
    struct raft_peer peer = replicating(10);
    raft_peer_refused(&peer, 10, 1); /* of an older AppendEntries */
    assert_int_equal(peer.state, RAFT_PEER_REPLICATE);
    raft_peer_sent(&peer, 5, 0, 0);
    raft_peer_refused(&peer, 15, 1);
    assert_int_equal(peer.next_index, 11);
    /* One that denies what it had acknowledged is asked no faster than heartbeats go. */
    raft_peer_sent(&peer, 5, 0, 0);
    raft_peer_refused(&peer, 10, 1);
    assert_int_equal(peer.match_index, 10);
    assert_int_equal(peer.next_index, 11);
    bool empty;
    assert_false(wants(&peer, 15, &empty));
}

static void test_entries_not_attached_pause(void **state) {
    (void)state;
    struct raft_peer peer = replicating(10);
    bool empty;
    assert_true(wants(&peer, 12, &empty));
    raft_peer_sent(&peer, 0, 0, 0);
    assert_false(wants(&peer, 12, &empty));
    raft_peer_resume(&peer, 50, PATIENCE_MS);
    assert_true(wants(&peer, 12, &empty));
}

static void test_a_snapshot_holds_everything_back(void **state) {
    (void)state;
    struct raft_peer peer;
    bool empty;
    raft_peer_init(&peer, 2, 3);
    raft_peer_snapshot(&peer);
    raft_peer_resume(&peer, 100, PATIENCE_MS);
    assert_false(wants(&peer, 20, &empty));
    raft_peer_refused(&peer, 3, 1);
    assert_int_equal(peer.state, RAFT_PEER_SNAPSHOT);
    assert_true(raft_peer_acknowledged(&peer, 5, 11, 100)); /* still before the log's start */
    assert_int_equal(peer.state, RAFT_PEER_SNAPSHOT);
    assert_true(raft_peer_acknowledged(&peer, 10, 11, 100));
    assert_int_equal(peer.state, RAFT_PEER_REPLICATE);
    assert_int_equal(peer.next_index, 11);
}

static void test_a_window_without_answer_is_given_up(void **state) {
    (void)state;
    struct raft_peer peer = replicating(10);
    raft_peer_sent(&peer, 2, 0, 100);
    raft_peer_check_stall(&peer, 699, 600);
    assert_int_equal(peer.state, RAFT_PEER_REPLICATE);
    raft_peer_check_stall(&peer, 700, 600);
    assert_int_equal(peer.state, RAFT_PEER_PROBE);
    assert_int_equal(peer.next_index, 11);
    assert_int_equal(peer.window.count, 0);
}

/* Anything in any order: answers late, twice, or made up. */
static void act(struct raft_peer *peer, struct prng *prng, uint64_t last_index, uint64_t now_ms) {
    bool empty;
    switch (prng_below(prng, 6)) {
    case 0:
    case 1:
        if (wants(peer, last_index, &empty)) {
            uint64_t left = empty ? 0 : last_index - (peer->next_index - 1);
            uint64_t count = prng_below(prng, left + 1); /* drawn in one order by every compiler */
            raft_peer_sent(peer, count, prng_below(prng, WINDOW_BYTES), now_ms);
        }
        break;
    case 2:
        (void)raft_peer_acknowledged(peer, prng_below(prng, last_index + 1), 5, now_ms);
        break;
    case 3: {
        uint64_t previous = prng_below(prng, last_index + 1); /* drawn in one order by every compiler */
        raft_peer_refused(peer, previous, prng_below(prng, last_index + 1));
        break;
    }
    case 4:
        raft_peer_resume(peer, now_ms, PATIENCE_MS);
        break;
    default:
        if (prng_chance(prng, 1, 10)) {
            raft_peer_snapshot(peer);
        }
        raft_peer_check_stall(peer, now_ms, 600);
        break;
    }
}

static void test_random_answers(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 71);
    for (int round = 0; round < 2000; round++) {
        struct raft_peer peer;
        raft_peer_init(&peer, 2, 10);
        uint64_t last_index = 10;
        for (uint64_t now_ms = 0; now_ms < 300; now_ms++) {
            uint64_t match_before = peer.match_index;
            last_index += prng_below(&prng, 2);
            act(&peer, &prng, last_index, now_ms);
            assert_true(peer.match_index >= match_before);
            assert_true(peer.next_index > peer.match_index);
            assert_true(peer.next_index <= last_index + 1);
            assert_true(peer.window.count <= WINDOW);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_probe_at_a_time),
        cmocka_unit_test(test_the_window_is_bounded_and_moves),
        cmocka_unit_test(test_the_window_is_bounded_in_bytes),
        cmocka_unit_test(test_a_ping_finds_what_got_lost),
        cmocka_unit_test(test_a_refusal_never_goes_below_match),
        cmocka_unit_test(test_entries_not_attached_pause),
        cmocka_unit_test(test_a_snapshot_holds_everything_back),
        cmocka_unit_test(test_a_window_without_answer_is_given_up),
        cmocka_unit_test(test_random_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
