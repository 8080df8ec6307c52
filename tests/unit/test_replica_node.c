/* A node alone: what it answers and when, what survives a crash, and what its log looks like afterwards. */
#include "node_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct member *alone(struct world *world) {
    return &world->members[0];
}

static enum status answer_of(const struct member *member, uint64_t context) {
    assert_int_equal(member->answered[context], 1);
    return member->answers[context].status;
}

/* Lets the disk finish one batch, and the node react. */
static void sync_one(struct world *world) {
    storage_memory_sync(alone(world)->storage, 1);
    node_flush(alone(world)->node, world->now_ms);
}

static void restart(struct world *world, size_t keep) {
    member_crash(alone(world), keep);
    member_open(alone(world));
    world_settle(world);
}

/* ---- Start ---- */

static void test_leads_itself(void **state) {
    (void)state;
    struct world *world = world_create(1);
    struct member *member = alone(world);
    assert_int_equal(member->opened[METADATA_GROUP], 1);
    assert_int_equal(member_status(member, METADATA_GROUP).role, RAFT_FOLLOWER);
    assert_ptr_equal(world_leader(world, METADATA_GROUP), member);
    struct node_status status = member_status(member, METADATA_GROUP);
    assert_int_equal(status.leader, 1);
    assert_int_equal(status.applied_index, status.last_index);
    assert_int_equal(node_group_count(member->node), 1);
    assert_int_equal(member->failures, 0);
    world_destroy(world);
}

static void test_a_topic_makes_a_replica(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = alone(world);
    assert_int_equal(member->opened[group], 1);
    assert_int_equal(node_group_count(member->node), 2);
    assert_int_equal(node_group_at(member->node, 1), group);
    assert_ptr_equal(world_leader(world, group), member);
    struct node_member members[RAFT_MEMBERS_MAX];
    assert_int_equal(node_members(member->node, group, members), 1);
    assert_int_equal(members[0].id, 1);
    assert_true(members[0].voter);
    assert_int_equal(node_members(member->node, 6, members), 0);
    world_destroy(world);
}

/* ---- Writes ---- */

static void test_acks_say_how_safe_a_write_is(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    world->hold_disks = true;
    struct node_proposal none = member_batch(group, 1, NODE_ACKS_NONE, 1);
    struct node_proposal leader = member_batch(group, 2, NODE_ACKS_LEADER, 2);
    struct node_proposal all = member_batch(group, 3, NODE_ACKS_ALL, 3);
    member_propose(member, &none);
    assert_int_equal(answer_of(member, 1), STATUS_OK); /* at once */
    member_propose(member, &leader);
    member_propose(member, &all);
    world_settle(world);
    assert_int_equal(member->answered[2] + member->answered[3], 0); /* not on disk yet */
    storage_memory_sync(member->storage, SIZE_MAX);
    assert_int_equal(answer_of(member, 2), STATUS_OK); /* on disk */
    assert_int_equal(member->answered[3], 0);
    world_settle(world);
    assert_int_equal(answer_of(member, 3), STATUS_OK); /* applied */
    assert_int_equal(member->answers[1].base_offset, 0);
    assert_int_equal(member->answers[2].base_offset, 1);
    assert_int_equal(member->answers[3].base_offset, 3);
    assert_int_equal(member->answers[3].count, 3);
    assert_int_equal(member_status(member, group).next_offset, 6);
    assert_int_equal(member->applied[group], 3);
    world_destroy(world);
}

static void test_an_expected_offset_must_hold(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    for (uint64_t context = 1; context <= 3; context++) {
        struct node_proposal proposal = member_batch(group, 5, NODE_ACKS_ALL, context);
        proposal.expected_offset = context == 2 ? 4 : (int64_t)(context / 2) * 5;
        member_propose(member, &proposal); /* nothing is applied in between: what is pending counts */
    }
    world_settle(world);
    assert_int_equal(answer_of(member, 1), STATUS_OK);
    assert_int_equal(answer_of(member, 2), STATUS_CONFLICT);
    assert_int_equal(member->answers[2].base_offset, 5);
    assert_int_equal(answer_of(member, 3), STATUS_OK);
    assert_int_equal(member_status(member, group).next_offset, 10);
    world_destroy(world);
}

static void test_a_key_is_appended_once(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    struct node_proposal first = member_keyed(group, 77, 1, 1);
    struct node_proposal repeated = member_keyed(group, 77, 1, 2);
    struct node_proposal other = member_keyed(group, 77, 2, 3);
    member_propose(member, &first);
    member_propose(member, &repeated);
    member_propose(member, &other);
    assert_int_equal(member->answered[1] + member->answered[2], 0);
    assert_int_equal(answer_of(member, 3), STATUS_EXISTS); /* the key with another payload */
    world_settle(world);
    assert_int_equal(answer_of(member, 1), STATUS_OK);
    assert_int_equal(answer_of(member, 2), STATUS_OK);
    assert_false(member->answers[1].duplicate);
    assert_true(member->answers[2].duplicate);
    assert_int_equal(member->answers[2].index, member->answers[1].index);
    restart(world, SIZE_MAX);
    assert_ptr_equal(world_leader(world, group), member);
    struct node_proposal later = member_keyed(group, 77, 1, 4);
    member_propose(member, &later);
    assert_int_equal(answer_of(member, 4), STATUS_OK); /* known from the log */
    assert_true(member->answers[4].duplicate);
    assert_int_equal(member->answers[4].base_offset, 0);
    assert_int_equal(member_status(member, group).next_offset, 2);
    world_destroy(world);
}

static void test_what_cannot_be_is_refused_before_it_is_appended(void **state) {
    (void)state;
    struct world *world = world_create(1);
    world->pending_max = 2;
    restart(world, 0);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    uint64_t last = member_status(member, group).last_index;
    struct node_proposal proposal = member_batch(7, 1, NODE_ACKS_ALL, 1);
    member_propose(member, &proposal);
    assert_int_equal(answer_of(member, 1), STATUS_NOT_FOUND);
    proposal = member_batch(METADATA_GROUP, 1, NODE_ACKS_ALL, 2);
    member_propose(member, &proposal);
    assert_int_equal(answer_of(member, 2), STATUS_INVALID);
    proposal = member_batch(group, 1, NODE_ACKS_ALL, 3);
    proposal.type = RAFT_ENTRY_COMMAND;
    member_propose(member, &proposal);
    assert_int_equal(answer_of(member, 3), STATUS_INVALID);
    storage_memory_set_writable(member->storage, STATUS_NO_SPACE);
    proposal = member_batch(group, 1, NODE_ACKS_ALL, 4);
    member_propose(member, &proposal);
    assert_int_equal(answer_of(member, 4), STATUS_NO_SPACE);
    storage_memory_set_writable(member->storage, STATUS_OK);
    assert_int_equal(member_status(member, group).last_index, last);
    for (uint64_t context = 5; context <= 7; context++) {
        proposal = member_batch(group, 1, NODE_ACKS_ALL, context);
        member_propose(member, &proposal);
    }
    assert_int_equal(answer_of(member, 7), STATUS_FULL);
    world_settle(world);
    assert_int_equal(answer_of(member, 5), STATUS_OK);
    assert_int_equal(answer_of(member, 6), STATUS_OK);
    world_destroy(world);
}

/* What the disk has not got yet stays in memory, so it is bounded, also where nobody waits for answers. */
static void test_a_slow_disk_is_not_buried(void **state) {
    (void)state;
    struct world *world = world_create(1);
    world->backlog_bytes_max = 300;
    restart(world, 0);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    world->hold_disks = true;
    uint64_t context = 0;
    do {
        struct node_proposal proposal = member_batch(group, 1, NODE_ACKS_NONE, ++context);
        member_propose(member, &proposal);
        world_settle(world);
    } while (answer_of(member, context) == STATUS_OK && context < 10);
    assert_int_equal(answer_of(member, context), STATUS_FULL);
    assert_true(context > 1);
    assert_true(node_backlog_bytes(member->node) >= world->backlog_bytes_max);
    uint64_t last = member_status(member, group).last_index;
    world->hold_disks = false;
    world_settle(world);
    assert_int_equal(node_backlog_bytes(member->node), 0);
    assert_int_equal(member_status(member, group).last_index, last);
    struct node_proposal proposal = member_batch(group, 1, NODE_ACKS_ALL, context + 1);
    member_propose(member, &proposal);
    world_settle(world);
    assert_int_equal(answer_of(member, context + 1), STATUS_OK);
    assert_int_equal(member_status(member, group).next_offset, context);
    world_destroy(world);
}

/* ---- Crashes ---- */

static void test_what_was_acknowledged_survives(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 20);
    struct member *member = alone(world);
    uint32_t digest = member_digest(member, group);
    uint64_t term = member_status(member, group).term;
    restart(world, 0);
    assert_ptr_equal(world_leader(world, group), member);
    struct node_status status = member_status(member, group);
    assert_int_equal(status.next_offset, 200);
    assert_true(status.term > term);
    world_append(world, group, 1);
    assert_int_equal(member_status(member, group).next_offset, 210);
    assert_int_not_equal(member_digest(member, group), digest);
    assert_int_equal(member->failures, 0);
    world_destroy(world);
}

static void test_a_write_cut_off_by_a_crash_is_whole_or_gone(void **state) {
    (void)state;
    for (size_t keep = 0; keep <= 3; keep++) {
        struct world *world = world_create(1);
        uint64_t group = world_create_topic(world, "t");
        struct member *member = world_leader(world, group);
        world->hold_disks = true;
        for (uint64_t context = 1; context <= 3; context++) {
            struct node_proposal proposal = member_batch(group, 10, NODE_ACKS_ALL, context);
            member_propose(member, &proposal);
            node_flush(member->node, world->now_ms); /* one batch each */
        }
        assert_int_equal(storage_memory_pending(member->storage), 3);
        member_crash(member, keep);
        for (uint64_t context = 1; context <= 3; context++) {
            assert_int_equal(answer_of(member, context), STATUS_UNKNOWN);
        }
        world->hold_disks = false;
        member_open(member);
        (void)world_leader(world, group);
        assert_int_equal(member_status(member, group).next_offset, 10 * keep);
        world_destroy(world);
    }
}

static void test_a_restart_applies_what_was_known_as_committed(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 20);
    node_checkpoint(alone(world)->node);
    world_settle(world);
    unsigned applied = alone(world)->applied[group];
    restart(world, SIZE_MAX);
    /* Before any election: the state as it was saved, nothing applied again. */
    assert_int_equal(member_status(alone(world), group).next_offset, 200);
    assert_int_equal(alone(world)->applied[group], applied);
    world_destroy(world);
}

static void test_a_failed_disk_ends_it(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    member->disk = STATUS_IO;
    struct node_proposal proposal = member_batch(group, 1, NODE_ACKS_ALL, 1);
    member_propose(member, &proposal);
    world_settle(world);
    assert_int_equal(member->failures, 1);
    assert_int_equal(member->failure, STATUS_IO);
    assert_int_equal(member->answered[1], 0); /* nobody can say what became of it */
    proposal = member_batch(group, 1, NODE_ACKS_ALL, 2);
    member_propose(member, &proposal);
    assert_int_equal(answer_of(member, 2), STATUS_UNAVAILABLE);
    node_read_index(member->node, world->now_ms, group, 3);
    assert_int_equal(member->reads_ready[3], 1);
    assert_int_not_equal(member->read_status[3], STATUS_OK);
    world_run(world, 1000);
    assert_int_equal(member->failures, 1);
    assert_int_equal(storage_memory_pending(member->storage), 0);
    node_answer_waiting(member->node);
    assert_int_equal(answer_of(member, 1), STATUS_UNKNOWN);
    world_destroy(world);
}

/* ---- Topics that go ---- */

static void test_a_deleted_topic_leaves_nothing(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 3);
    world_delete_topic(world, "t");
    struct member *member = alone(world);
    assert_int_equal(member->closed[group], 1);
    assert_int_equal(node_group_count(member->node), 1);
    uint64_t *groups;
    size_t count;
    world_settle(world);
    assert_int_equal(member->storage->operations->list_groups(member->storage, &groups, &count), STATUS_OK);
    assert_int_equal(count, 1);
    free(groups);
    uint64_t again = world_create_topic(world, "t");
    assert_int_not_equal(again, group);
    (void)world_leader(world, again);
    assert_int_equal(member_status(member, again).next_offset, 0);
    restart(world, SIZE_MAX);
    assert_int_equal(node_group_count(member->node), 2);
    world_destroy(world);
}

static void test_who_waits_for_a_deleted_topic_is_answered(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    struct metadata_command command = {.type = METADATA_DELETE_TOPIC, .topic = "t"};
    struct buffer bytes;
    buffer_init(&bytes, RECORD_BATCH_BYTES_MAX);
    metadata_command_encode(&command, &bytes);
    struct node_proposal deletion = {.group = METADATA_GROUP,
                                     .type = RAFT_ENTRY_COMMAND,
                                     .blob = entry_blob_create(buffer_slice(&bytes)),
                                     .expected_offset = -1,
                                     .acks = NODE_ACKS_ALL,
                                     .context = 1};
    buffer_finish(&bytes);
    world->hold_disks = true;
    member_propose(member, &deletion);
    node_flush(member->node, world->now_ms); /* the deletion goes to disk alone, the write behind it */
    struct node_proposal proposal = member_batch(group, 1, NODE_ACKS_ALL, 2);
    member_propose(member, &proposal);
    node_flush(member->node, world->now_ms);
    sync_one(world);
    assert_int_equal(answer_of(member, 1), STATUS_OK);
    assert_int_equal(answer_of(member, 2), STATUS_UNKNOWN);
    assert_int_equal(member->closed[group], 1);
    world->hold_disks = false;
    world_settle(world); /* the write's completion comes after its group is gone */
    assert_int_equal(member->failures, 0);
    world_destroy(world);
}

/* ---- Logs that become shorter ---- */

static void test_a_log_start_removes_what_is_before(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 20);
    struct member *member = alone(world);
    uint64_t first_before = member_status(member, group).first_index;
    struct node_proposal proposal = member_log_start(group, 105, 1);
    member_propose(member, &proposal);
    world_settle(world);
    assert_int_equal(answer_of(member, 1), STATUS_OK);
    struct node_status status = member_status(member, group);
    assert_int_equal(status.log_start_offset, 105);
    assert_int_equal(status.next_offset, 200);
    assert_true(status.first_index >= first_before + 10); /* ten whole batches are gone */
    uint64_t first;
    uint64_t last;
    assert_int_equal(member->storage->operations->log_bounds(member->storage, group, &first, &last),
                     STATUS_OK);
    assert_int_equal(first, status.first_index);
    struct entry_header header;
    assert_int_equal(member->storage->operations->read_header(member->storage, group, first, &header),
                     STATUS_OK);
    assert_int_equal(header.base_offset, 100); /* the one that holds 105 stays whole */
    uint32_t digest = member_digest(member, group);
    member_crash(member, 0);
    member_open(member);
    assert_int_equal(member_digest(member, group), digest); /* the state was saved with the cut */
    (void)world_leader(world, group);
    assert_int_equal(member_status(member, group).log_start_offset, 105);
    world_append(world, group, 1);
    assert_int_equal(member->failures, 0);
    world_destroy(world);
}

static void test_a_log_start_at_the_end_leaves_an_empty_partition(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    world_append(world, group, 5);
    struct member *member = alone(world);
    struct node_proposal proposal = member_log_start(group, 50, 1);
    member_propose(member, &proposal);
    world_settle(world);
    assert_int_equal(answer_of(member, 1), STATUS_OK);
    restart(world, 0);
    (void)world_leader(world, group);
    struct node_status status = member_status(member, group);
    assert_int_equal(status.log_start_offset, 50);
    assert_int_equal(status.next_offset, 50);
    world_append(world, group, 1);
    assert_int_equal(member_status(member, group).next_offset, 60);
    world_destroy(world);
}

static void test_the_metadata_s_log_is_cut_behind_its_snapshot(void **state) {
    (void)state;
    struct world *world = world_create(1);
    world->checkpoint_entries = 20;
    world->metadata_log_keep = 5;
    restart(world, 0);
    struct metadata_command command = {
        .type = METADATA_REGISTER_BROKER,
        .broker = {.id = 10, .disk_uuid = {{0xd, 1}}, .rest_address = "a:1", .peer_address = "a:2"},
    };
    for (int i = 0; i < 50; i++) {
        assert_int_equal(world_execute(world, &command).status, STATUS_OK);
    }
    struct member *member = alone(world);
    struct node_status status = member_status(member, METADATA_GROUP);
    assert_true(status.first_index > 1);
    assert_true(status.last_index - status.first_index < 30);
    uint64_t applied = status.applied_index;
    restart(world, 0);
    (void)world_leader(world, METADATA_GROUP);
    assert_true(member_status(member, METADATA_GROUP).applied_index > applied);
    assert_int_equal(metadata_broker_count(node_metadata(member->node)), 1);
    world_destroy(world);
}

/* ---- Reads ---- */

static void test_reads_are_answered_once(void **state) {
    (void)state;
    struct world *world = world_create(1);
    uint64_t group = world_create_topic(world, "t");
    struct member *member = world_leader(world, group);
    node_read_index(member->node, world->now_ms, group, 1);
    node_read_index(member->node, world->now_ms, 7, 2);
    world_settle(world);
    assert_int_equal(member->reads_ready[1], 1);
    assert_int_equal(member->read_status[1], STATUS_OK);
    assert_int_equal(member->reads_ready[2], 1);
    assert_int_equal(member->read_status[2], STATUS_NOT_FOUND);
    world_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leads_itself),
        cmocka_unit_test(test_a_topic_makes_a_replica),
        cmocka_unit_test(test_acks_say_how_safe_a_write_is),
        cmocka_unit_test(test_an_expected_offset_must_hold),
        cmocka_unit_test(test_a_key_is_appended_once),
        cmocka_unit_test(test_what_cannot_be_is_refused_before_it_is_appended),
        cmocka_unit_test(test_a_slow_disk_is_not_buried),
        cmocka_unit_test(test_what_was_acknowledged_survives),
        cmocka_unit_test(test_a_write_cut_off_by_a_crash_is_whole_or_gone),
        cmocka_unit_test(test_a_restart_applies_what_was_known_as_committed),
        cmocka_unit_test(test_a_failed_disk_ends_it),
        cmocka_unit_test(test_a_deleted_topic_leaves_nothing),
        cmocka_unit_test(test_who_waits_for_a_deleted_topic_is_answered),
        cmocka_unit_test(test_a_log_start_removes_what_is_before),
        cmocka_unit_test(test_a_log_start_at_the_end_leaves_an_empty_partition),
        cmocka_unit_test(test_the_metadata_s_log_is_cut_behind_its_snapshot),
        cmocka_unit_test(test_reads_are_answered_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
