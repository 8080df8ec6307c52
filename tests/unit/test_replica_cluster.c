/* Three nodes: the same state everywhere, snapshots for who is too far behind, and an answer for everybody.
 */
#include "node_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ELECTION_MS = 2000, CATCH_UP_MS = 5000 };

static struct member *other_than(struct world *world, const struct member *member) {
    return &world->members[member->number % world->member_count];
}

static void expect_same_everywhere(struct world *world, uint64_t group) {
    for (size_t i = 1; i < world->member_count; i++) {
        assert_int_equal(member_digest(&world->members[i], group), member_digest(&world->members[0], group));
        assert_int_equal(member_status(&world->members[i], group).next_offset,
                         member_status(&world->members[0], group).next_offset);
    }
}

static void test_all_apply_the_same(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 50);
    world_run(world, 200);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world->members[i].opened[group], 1);
        assert_int_equal(world->members[i].applied[group], 50);
        assert_int_equal(world->members[i].failures, 0);
    }
    expect_same_everywhere(world, group);
    expect_same_everywhere(world, METADATA_GROUP);
    world_destroy(world);
}

static void test_a_write_needs_a_majority(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group = world_create_topic(world, "t");
    struct member *leader = world_leader(world, group);
    for (size_t i = 0; i < 3; i++) {
        world->members[i].cut_off = &world->members[i] != leader;
    }
    struct node_proposal proposal = member_batch(group, 1, NODE_ACKS_LEADER, 1);
    member_propose(leader, &proposal);
    proposal = member_batch(group, 1, NODE_ACKS_ALL, 2);
    member_propose(leader, &proposal);
    world_settle(world);
    assert_int_equal(leader->answers[1].status, STATUS_OK); /* on the leader's own disk */
    assert_int_equal(leader->answered[1], 1);
    assert_int_equal(leader->answered[2], 0);
    world_run(world, ELECTION_MS); /* it gives up leading */
    assert_int_equal(leader->answered[2], 1);
    assert_int_equal(leader->answers[2].status, STATUS_UNKNOWN);
    proposal = member_batch(group, 1, NODE_ACKS_ALL, 3);
    member_propose(leader, &proposal);
    assert_int_equal(leader->answers[3].status, STATUS_NOT_LEADER);
    world_destroy(world);
}

static void test_another_takes_over(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 10);
    struct member *leader = world_leader(world, group);
    member_crash(leader, 0);
    struct member *next = world_leader(world, group);
    assert_ptr_not_equal(next, leader);
    world_append(world, group, 10);
    member_open(leader);
    world_run(world, CATCH_UP_MS);
    assert_int_equal(member_status(leader, group).next_offset, 200);
    expect_same_everywhere(world, group);
    world_destroy(world);
}

/* What followers have not got yet stays in memory; so it is bounded, and goes on when they are back. */
static void test_slow_followers_are_not_buried(void **state) {
    (void)state;
    struct world *world = world_create(3);
    world->backlog_bytes_max = 1000;
    world_reopen(world);
    uint64_t group = world_create_topic(world, "t");
    struct member *leader = world_leader(world, group);
    world->muted = group;
    uint64_t context = 0;
    do {
        struct node_proposal proposal = member_batch(group, 1, NODE_ACKS_NONE, ++context);
        member_propose(leader, &proposal);
        world_settle(world);
    } while (leader->answers[context].status == STATUS_OK && context < 50);
    assert_int_equal(leader->answers[context].status, STATUS_FULL);
    assert_true(context > 1);
    assert_true(node_backlog_bytes(leader->node) >= world->backlog_bytes_max);
    world->muted = 0;
    world_run(world, CATCH_UP_MS);
    assert_int_equal(node_backlog_bytes(leader->node), 0);
    assert_ptr_equal(world_leader(world, group), leader);
    world_append(world, group, 1);
    world_run(world, 200);
    assert_int_equal(member_status(leader, group).next_offset, context - 1 + 10);
    expect_same_everywhere(world, group);
    world_destroy(world);
}

/* Behind the log's start the records before it are not wanted; the state comes whole. */
static void test_a_snapshot_brings_a_replica_up(void **state) {
    (void)state;
    struct world *world = world_create(3);
    world->tail_bytes_max = 1024;
    world_reopen(world);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 5);
    struct member *leader = world_leader(world, group);
    struct member *late = other_than(world, leader);
    member_crash(late, 0);
    leader = world_leader(world, group);
    world_append(world, group, 40);
    struct node_proposal proposal = member_log_start(group, 305, 1);
    member_propose(leader, &proposal);
    world_run(world, 200);
    assert_int_equal(leader->answers[1].status, STATUS_OK);
    member_open(late);
    unsigned opened = late->opened[group];
    world_run(world, CATCH_UP_MS);
    assert_int_equal(late->opened[group], opened + 1); /* told that all is new */
    struct node_status status = member_status(late, group);
    assert_int_equal(status.log_start_offset, 305);
    assert_int_equal(status.next_offset, 450);
    assert_true(status.first_index > 30);
    expect_same_everywhere(world, group);
    member_crash(late, 0);
    member_open(late);
    world_run(world, CATCH_UP_MS);
    assert_int_equal(member_status(late, group).next_offset, 450);
    assert_int_equal(late->failures, 0);
    world_append(world, group, 1);
    world_run(world, 200);
    expect_same_everywhere(world, group);
    world_destroy(world);
}

static void test_leadership_is_handed_over(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 5);
    struct member *leader = world_leader(world, group);
    struct member *next = other_than(world, leader);
    assert_int_equal(node_transfer(leader->node, world->now_ms, group, next->number), STATUS_OK);
    struct node_proposal proposal = member_batch(group, 1, NODE_ACKS_ALL, 1);
    member_propose(leader, &proposal);
    assert_int_equal(leader->answers[1].status, STATUS_UNAVAILABLE); /* not in the middle of it */
    world_run(world, 100);                                           /* no election timeout passes */
    assert_ptr_equal(world_leader(world, group), next);
    assert_int_equal(node_transfer(leader->node, world->now_ms, group, 1), STATUS_NOT_LEADER);
    assert_int_equal(node_transfer(next->node, world->now_ms, group, 99), STATUS_INVALID);
    assert_int_equal(node_transfer(next->node, world->now_ms, 7, 0), STATUS_NOT_FOUND);
    world_destroy(world);
}

/* ---- Reads that Raft has not confirmed ---- */

/* A read at a leader that nobody answers. */
static struct member *begin_read(struct world *world, uint64_t group) {
    struct member *leader = world_leader(world, group);
    leader->cut_off = true;
    node_read_index(leader->node, world->now_ms, group, 1);
    world_settle(world);
    assert_int_equal(leader->reads_ready[1], 0);
    return leader;
}

static void test_a_read_waits_for_a_majority(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 1);
    struct member *leader = world_leader(world, group);
    node_read_index(leader->node, world->now_ms, group, 2);
    assert_int_equal(leader->reads_ready[2], 0);
    world_settle(world);
    assert_int_equal(leader->reads_ready[2], 1);
    assert_int_equal(leader->read_status[2], STATUS_OK);
    node_read_index(other_than(world, leader)->node, world->now_ms, group, 3);
    assert_int_equal(other_than(world, leader)->read_status[3], STATUS_NOT_LEADER);
    leader = begin_read(world, group);
    world_run(world, ELECTION_MS);
    assert_int_equal(leader->reads_ready[1], 1);
    assert_int_equal(leader->read_status[1], STATUS_NOT_LEADER);
    world_destroy(world);
}

static void test_a_read_is_answered_when_the_node_stops(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group = world_create_topic(world, "t");
    struct member *leader = begin_read(world, group);
    node_answer_waiting(leader->node);
    assert_int_equal(leader->reads_ready[1], 1);
    assert_int_equal(leader->read_status[1], STATUS_UNAVAILABLE);
    node_answer_waiting(leader->node);
    assert_int_equal(leader->reads_ready[1], 1);
    world_destroy(world);
}

static void test_a_read_is_answered_when_its_group_goes(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group = world_create_topic(world, "t");
    struct member *leader = world_leader(world, group);
    world->muted = group; /* its messages are lost, those of the metadata are not */
    node_read_index(leader->node, world->now_ms, group, 1);
    world_delete_topic(world, "t");
    world_run(world, 100); /* the deletion arrives, and no election timeout passes */
    assert_int_equal(leader->closed[group], 1);
    assert_int_equal(leader->reads_ready[1], 1);
    world_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_apply_the_same),
        cmocka_unit_test(test_a_write_needs_a_majority),
        cmocka_unit_test(test_another_takes_over),
        cmocka_unit_test(test_slow_followers_are_not_buried),
        cmocka_unit_test(test_a_snapshot_brings_a_replica_up),
        cmocka_unit_test(test_leadership_is_handed_over),
        cmocka_unit_test(test_a_read_waits_for_a_majority),
        cmocka_unit_test(test_a_read_is_answered_when_the_node_stops),
        cmocka_unit_test(test_a_read_is_answered_when_its_group_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
