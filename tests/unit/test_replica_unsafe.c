/*
 * Unsafe recovery: one storage of three becomes the group.
 */
#include "aviary/replica/unsafe.h"
#include "node_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { BATCHES = 5, RECORDS = 50, TERM_FAR = 1 << 20, FAR_OFFSET = 1000000 };

/* A cluster with a topic and some records; then all are down, and only the first disk is left. */
static struct world *world_lost(uint64_t *ret_group) {
    struct world *world = world_create(3);
    *ret_group = world_create_topic(world, "t");
    world_append(world, *ret_group, BATCHES);
    world_run(world, 2000);
    for (size_t i = 0; i < 3; i++) {
        member_crash(&world->members[i], SIZE_MAX);
    }
    return world;
}

static void ignore_done(void *context, uint64_t token, enum status status) {
    (void)token;
    *(enum status *)context = status;
}

static void write_batch(struct member *member, struct storage_batch *batch, enum status *done) {
    storage_submit(member->storage, batch);
    storage_memory_sync(member->storage, SIZE_MAX);
    assert_int_equal(*done, STATUS_OK);
}

static void take(struct member *member, uint64_t group) {
    enum status done = STATUS_IO;
    struct storage_batch *batch = storage_batch_create(ignore_done, &done, 0);
    assert_non_null(batch);
    assert_int_equal(unsafe_take(member->storage, group, member->number, batch), STATUS_OK);
    write_batch(member, batch, &done);
}

static void test_one_disk_goes_on_alone(void **state) {
    (void)state;
    uint64_t group;
    struct world *world = world_lost(&group);
    struct member *left = &world->members[0];
    take(left, METADATA_GROUP);
    take(left, group);
    member_open(left);
    assert_ptr_equal(world_leader(world, group), left);
    assert_ptr_equal(world_leader(world, METADATA_GROUP), left);
    struct node_status status = member_status(left, group);
    assert_true(status.term > TERM_FAR);
    assert_int_equal(status.next_offset, RECORDS);
    world_append(world, group, BATCHES);
    assert_int_equal(member_status(left, group).next_offset, 2 * RECORDS);

    /* What lost entries may have given away is not given again. */
    assert_true(metadata_next_group(node_metadata(left->node)) > TERM_FAR);
    assert_true(metadata_incarnation_is_past(node_metadata(left->node), 1000));
    world_destroy(world);
}

static void test_the_others_follow_with_their_old_disks(void **state) {
    (void)state;
    uint64_t group;
    struct world *world = world_lost(&group);
    take(&world->members[0], METADATA_GROUP);
    take(&world->members[0], group);
    for (size_t i = 0; i < 3; i++) {
        member_open(&world->members[i]);
    }
    assert_ptr_equal(world_leader(world, group), &world->members[0]);
    world_append(world, group, BATCHES);
    world_run(world, 3000);
    struct node_member members[RAFT_MEMBERS_MAX];
    assert_int_equal(node_members(world->members[0].node, group, members), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(members[i].voter);
        assert_int_equal(member_status(&world->members[i], group).next_offset, 2 * RECORDS);
        assert_int_equal(member_digest(&world->members[i], group), member_digest(&world->members[0], group));
    }
    world_destroy(world);
}

static void test_what_is_here(void **state) {
    (void)state;
    uint64_t group;
    struct world *world = world_lost(&group);
    struct storage *storage = world->members[0].storage;
    struct unsafe_survey survey;
    assert_int_equal(unsafe_survey(storage, group, &survey), STATUS_OK);
    assert_false(survey.empty);
    assert_int_equal(survey.next_offset, RECORDS);
    assert_int_equal(survey.commit_index, survey.last_index);
    assert_int_equal(survey.last_term, survey.term);
    assert_int_equal(raft_configuration_voters(&survey.configuration), 3);
    assert_int_equal(unsafe_survey(storage, group + 1, &survey), STATUS_NOT_FOUND);

    struct storage_batch *batch = storage_batch_create(ignore_done, NULL, 0);
    assert_int_equal(unsafe_take(storage, group + 1, 1, batch), STATUS_NOT_FOUND);
    assert_int_equal(unsafe_begin_anew(storage, group, 1, FAR_OFFSET, 1, batch), STATUS_INVALID);
    assert_int_equal(unsafe_begin_anew(storage, METADATA_GROUP, 1, FAR_OFFSET, 1, batch), STATUS_INVALID);
    storage_batch_destroy(batch);
    world_destroy(world);
}

static void test_an_empty_replica_begins_anew(void **state) {
    (void)state;
    struct world *world = world_create(3);
    world->muted = 1; /* the topic's group: nobody is ever heard there */
    uint64_t group = world_create_topic(world, "t");
    world_run(world, 500);
    assert_int_equal(member_status(&world->members[0], group).last_index, 0);
    for (size_t i = 0; i < 3; i++) {
        member_crash(&world->members[i], SIZE_MAX);
    }
    world->muted = 0;
    struct member *left = &world->members[0];
    enum status done = STATUS_IO;
    struct storage_batch *batch = storage_batch_create(ignore_done, &done, 0);
    assert_int_equal(unsafe_begin_anew(left->storage, group, left->number, FAR_OFFSET, 1, batch), STATUS_OK);
    write_batch(left, batch, &done);
    member_open(left);
    assert_ptr_equal(world_leader(world, group), left);
    world_append(world, group, BATCHES);
    member_open(&world->members[1]);
    member_open(&world->members[2]);
    world_run(world, 3000);
    for (size_t i = 0; i < 3; i++) {
        struct node_status status = member_status(&world->members[i], group);
        assert_int_equal(status.log_start_offset, FAR_OFFSET);
        assert_int_equal(status.next_offset, FAR_OFFSET + RECORDS);
    }
    world_destroy(world);
}

static void test_a_lost_majority_is_told(void **state) {
    (void)state;
    uint64_t group;
    struct world *world = world_lost(&group);
    struct member *left = &world->members[0];
    member_open(left);
    world_run(world, 2000);
    assert_false(member_status(left, group).majority_lost); /* they may be down */
    static const raft_id gone[] = {2, 3};
    node_set_gone(left->node, gone, 1);
    world_run(world, 500);
    assert_false(member_status(left, group).majority_lost);
    node_set_gone(left->node, gone, 2);
    world_run(world, 500);
    assert_true(member_status(left, group).majority_lost);
    assert_true(member_status(left, METADATA_GROUP).majority_lost);
    member_open(&world->members[1]); /* that disk was found after all */
    world_run(world, 2000);
    assert_false(member_status(left, group).majority_lost);
    world_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_disk_goes_on_alone),
        cmocka_unit_test(test_the_others_follow_with_their_old_disks),
        cmocka_unit_test(test_what_is_here),
        cmocka_unit_test(test_an_empty_replica_begins_anew),
        cmocka_unit_test(test_a_lost_majority_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
