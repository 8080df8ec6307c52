/* What a node does where a stored log cannot be right, and who else has what a disk holds. */
#include "node_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BATCHES = 20 };

static void ignore(void *context, uint64_t token, enum status status) {
    (void)context;
    (void)token;
    (void)status;
}

/* Takes entries away from a member that is down, as a disk would that lost them. */
static void lose_entries(struct member *member, uint64_t group, uint64_t first, uint64_t last) {
    struct storage_batch *batch = storage_batch_create(ignore, NULL, 0);
    assert_non_null(batch);
    storage_batch_remove_entries(batch, group, first, last);
    storage_submit(member->storage, batch);
    storage_memory_sync(member->storage, SIZE_MAX);
}

static struct member *crashed_member(struct world *world, uint64_t *ret_group) {
    *ret_group = world_create_topic(world, "t");
    world_append(world, *ret_group, BATCHES);
    world_settle(world);
    member_crash(&world->members[0], SIZE_MAX);
    return &world->members[0];
}

static void check_opens(struct world *world, struct member *member, enum status expected) {
    struct error error = {.message = ""};
    assert_int_equal(member_try_open(member, &error), expected);
    world_destroy(world);
}

static void test_a_whole_log_opens(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group;
    struct member *member = crashed_member(world, &group);
    check_opens(world, member, STATUS_OK);
}

/* An iterator that passes over damage shows a shorter log: without its end the broker could vote for others
 * that are behind what it acknowledged. */
static void test_a_log_without_its_end_is_damaged(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group;
    struct member *member = crashed_member(world, &group);
    uint64_t first;
    uint64_t last;
    assert_int_equal(member->storage->operations->log_bounds(member->storage, group, &first, &last),
                     STATUS_OK);
    lose_entries(member, group, last, last);
    check_opens(world, member, STATUS_CORRUPT);
}

static void test_a_log_that_is_gone_is_damaged(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group;
    struct member *member = crashed_member(world, &group);
    lose_entries(member, group, 1, UINT64_MAX);
    check_opens(world, member, STATUS_CORRUPT);
}

/* A follower needs the state at the log's start, and the leader cannot read where that is: it must not go on
 * asking for ever. */
static void test_a_state_that_cannot_be_sent(void **state) {
    (void)state;
    struct world *world = world_create(3);
    world->tail_bytes_max = 1024;
    world_reopen(world);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, BATCHES);
    struct member *late = &world->members[world_leader(world, group) == &world->members[0] ? 1 : 0];
    member_crash(late, 0);
    struct member *leader = world_leader(world, group);
    world_append(world, group, 2 * BATCHES);
    struct node_proposal proposal = member_log_start(group, 20 * BATCHES + 5, 1);
    member_propose(leader, &proposal);
    world_run(world, 200);
    assert_int_equal(leader->answers[1].status, STATUS_OK);
    uint64_t first = member_status(leader, group).first_index;
    assert_true(first > 1);
    lose_entries(leader, group, first, first);
    member_open(late);
    world_run(world, 2000);
    assert_int_equal(leader->failures, 1);
    assert_int_equal(leader->failure, STATUS_NOT_FOUND);
    world_destroy(world);
}

static void test_successors_of_one_of_three(void **state) {
    (void)state;
    struct world *world = world_create(3);
    uint64_t group;
    struct member *member = crashed_member(world, &group);
    struct node_successors successors;
    assert_int_equal(node_find_successors(member->storage, 1, &successors), STATUS_OK);
    assert_int_equal(successors.count, 2);
    assert_int_equal(successors.voters[0], 2);
    assert_int_equal(successors.voters[1], 3);
    world_destroy(world);
}

/* Two voters: one of them is no majority. One: there is nobody else. */
static void test_too_few_have_it(void **state) {
    (void)state;
    for (size_t members = 1; members <= 2; members++) {
        struct world *world = world_create(members);
        struct node_successors successors;
        uint64_t group;
        struct member *member = crashed_member(world, &group);
        assert_int_equal(node_find_successors(member->storage, 1, &successors), STATUS_CONFLICT);
        assert_int_equal(successors.group, METADATA_GROUP);
        /* An incarnation that votes nowhere leaves nothing behind. */
        assert_int_equal(node_find_successors(member->storage, 99, &successors), STATUS_OK);
        assert_int_equal(successors.count, 0);
        world_destroy(world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_log_opens),
        cmocka_unit_test(test_a_log_without_its_end_is_damaged),
        cmocka_unit_test(test_a_log_that_is_gone_is_damaged),
        cmocka_unit_test(test_a_state_that_cannot_be_sent),
        cmocka_unit_test(test_successors_of_one_of_three),
        cmocka_unit_test(test_too_few_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
