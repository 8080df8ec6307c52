/*
 * Memory that runs out in a node. Alone, at every allocation of each thing it does: nobody waits for an
 * answer in vain, nothing acknowledged is lost, and a node that gives up is good again after a restart. In a
 * cluster of three, at allocations all over their life: the others go on, and all end up the same.
 */
#include "allocation.h"
#include "node_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BATCHES = 12, CATCH_UP_MS = 5000, ROUNDS = 24, ROUND_MS = 60, SAMPLES = 144, LOG_START = 25 };

/* ---- A node alone ---- */

struct alone {
    struct world *world;
    struct member *member;
    uint64_t group;
    struct node_proposal proposal; /* its blob is taken over */
};

static void alone_begin(struct alone *alone) {
    alone->world = world_create(1);
    alone->world->checkpoint_entries = 4;
    alone->group = world_create_topic(alone->world, "t");
    alone->member = world_leader(alone->world, alone->group);
    world_append(alone->world, alone->group, BATCHES);
}

/* A write: answered with what became of it. */
static void act_write(struct alone *alone) {
    member_propose(alone->member, &alone->proposal);
    world_settle(alone->world);
}

static void act_read(struct alone *alone) {
    node_read_index(alone->member->node, alone->world->now_ms, alone->group, 1);
    world_settle(alone->world);
}

static void act_checkpoint(struct alone *alone) {
    node_checkpoint(alone->member->node);
    world_settle(alone->world);
}

static void act_tick(struct alone *alone) {
    world_run(alone->world, 1000);
}

static void prepare_batch(struct alone *alone) {
    alone->proposal = member_batch(alone->group, 3, NODE_ACKS_ALL, 1);
}

static void prepare_keyed(struct alone *alone) {
    alone->proposal = member_keyed(alone->group, 5, 6, 1);
}

static void prepare_log_start(struct alone *alone) {
    alone->proposal = member_log_start(alone->group, LOG_START, 1);
}

static void prepare_delete(struct alone *alone) {
    struct metadata_command command = {.type = METADATA_DELETE_TOPIC, .topic = "t"};
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, 1024);
    metadata_command_encode(&command, &bytes);
    alone->proposal = (struct node_proposal){
        .group = METADATA_GROUP,
        .type = RAFT_ENTRY_COMMAND,
        .blob = entry_blob_create(buffer_slice(&bytes)),
        .expected_offset = -1,
        .acks = NODE_ACKS_ALL,
        .context = 1,
    };
    assert_non_null(alone->proposal.blob);
}

static void prepare_nothing(struct alone *alone) {
    (void)alone;
}

static const struct {
    const char *name;
    void (*prepare)(struct alone *alone);
    void (*act)(struct alone *alone);
    bool deletes;
} OPERATIONS[] = {
    {"batch", prepare_batch, act_write, false},
    {"keyed", prepare_keyed, act_write, false},
    {"log start", prepare_log_start, act_write, false},
    {"delete topic", prepare_delete, act_write, true},
    {"read index", prepare_nothing, act_read, false},
    {"checkpoint", prepare_nothing, act_checkpoint, false},
    {"tick", prepare_nothing, act_tick, false},
};
enum { OPERATION_COUNT = sizeof OPERATIONS / sizeof OPERATIONS[0] };

/* It ends with what it promised, whether it went on or had to be started again. */
static void alone_end(struct alone *alone, size_t operation) {
    struct member *member = alone->member;
    bool write = OPERATIONS[operation].act == act_write;
    bool promised = write && member->answered[1] == 1 && member->answers[1].status == STATUS_OK;
    assert_true(member->answered[1] <= 1);
    if (member->failures > 0) {
        assert_int_equal(member->failure, STATUS_NO_MEMORY);
        member_crash(member, 0);
        assert_true(!write || member->answered[1] == 1);
        member->failures = 0;
        member_open(member);
    } else {
        assert_true(!write || member->answered[1] == 1);
        assert_true(OPERATIONS[operation].act != act_read || member->reads_ready[1] == 1);
    }
    if (OPERATIONS[operation].deletes) {
        world_run(alone->world, CATCH_UP_MS);
        assert_true(!promised || member->closed[alone->group] > 0);
    } else {
        int64_t next_offset =
            member_status(world_leader(alone->world, alone->group), alone->group).next_offset;
        assert_true(next_offset >= BATCHES * 10 + (promised ? alone->proposal.count : 0));
        world_append(alone->world, alone->group, 1);
    }
    assert_int_equal(member->failures, 0);
    world_destroy(alone->world);
}

static void expect_memory_to_run_out(size_t operation, void (*arm)(uint64_t nth)) {
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        struct alone alone = {0};
        alone_begin(&alone);
        OPERATIONS[operation].prepare(&alone);
        arm(nth);
        OPERATIONS[operation].act(&alone);
        failed = allocation_failed();
        if (!failed) {
            assert_int_equal(alone.member->failures, 0);
        }
        alone_end(&alone, operation);
    }
    print_message("%s: %lu allocations\n", OPERATIONS[operation].name, (unsigned long)nth - 2);
}

static void test_memory_runs_out_in_a_node(void **state) {
    (void)state;
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        expect_memory_to_run_out(i, allocation_fail_at);
    }
}

static void test_memory_is_short_for_a_moment(void **state) {
    (void)state;
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        expect_memory_to_run_out(i, allocation_fail_once_at);
    }
}

static void test_memory_runs_out_at_the_start(void **state) {
    (void)state;
    struct alone alone = {0};
    alone_begin(&alone);
    struct member *member = alone.member;
    member_crash(member, 0);
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        struct error error = {0};
        allocation_fail_at(nth);
        enum status status = member_try_open(member, &error);
        failed = allocation_failed();
        assert_int_equal(status, failed ? STATUS_NO_MEMORY : STATUS_OK);
        assert_true(!failed || (member->node == NULL && error.message[0] != '\0'));
    }
    assert_true(nth > 10);
    assert_int_equal(member_status(world_leader(alone.world, alone.group), alone.group).next_offset,
                     BATCHES * 10);
    world_append(alone.world, alone.group, 1);
    world_destroy(alone.world);
}

/* ---- A cluster ---- */

static const struct transport_operations *carried;

/* The fixture's own memory is none of a node's. */
static void carry_paused(struct transport *transport, const struct raft_message *message) {
    allocation_pause();
    carried->send(transport, message);
    allocation_resume();
}

static void flush_paused(struct transport *transport) {
    carried->flush(transport);
}

static const struct transport_operations paused_operations = {.send = carry_paused, .flush = flush_paused};

static struct member *ready_leader(struct world *world, uint64_t group) {
    for (size_t i = 0; i < world->member_count; i++) {
        struct member *member = &world->members[i];
        struct node_status status;
        if (member->failures == 0 && node_status(member->node, group, &status) && status.ready) {
            return member;
        }
    }
    return NULL;
}

/* Writes, log starts and reads at whoever leads; one broker is unreachable for a while, and needs a snapshot.
 */
static void live(struct world *world, uint64_t group) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct member *leader = ready_leader(world, group);
        world->members[2].cut_off = round >= ROUNDS / 4 && round < ROUNDS / 2;
        if (leader) {
            allocation_pause();
            struct node_proposal proposal =
                round % 6 == 5   ? member_log_start(group, (int64_t)round, 1 + round)
                : round % 2 == 1 ? member_keyed(group, round, 1, 1 + round)
                                 : member_batch(group, 2, NODE_ACKS_ALL, 1 + round);
            allocation_resume();
            member_propose(leader, &proposal);
            node_read_index(leader->node, world->now_ms, group, 1 + round);
        }
        world_run(world, ROUND_MS);
    }
}

static void expect_same_everywhere(struct world *world, uint64_t group) {
    for (size_t i = 1; i < world->member_count; i++) {
        assert_int_equal(member_digest(&world->members[i], group), member_digest(&world->members[0], group));
    }
}

/* Records promised to a client, by whichever member. */
static int64_t promised_records(const struct world *world) {
    int64_t records = 0;
    for (size_t i = 0; i < world->member_count; i++) {
        for (unsigned context = 1; context <= ROUNDS; context++) {
            const struct node_answer *answer = &world->members[i].answers[context];
            bool ok = world->members[i].answered[context] > 0 && answer->status == STATUS_OK;
            records += ok ? answer->count : 0;
        }
    }
    return records;
}

/* One life in which the nth allocation fails; 0: none. Returns how many there were. */
static uint64_t live_once(uint64_t nth) {
    struct world *world = world_create(3);
    world->checkpoint_entries = 6;
    for (size_t i = 0; i < world->member_count; i++) {
        member_crash(&world->members[i], 0);
        member_open(&world->members[i]);
        carried = world->members[i].transport.operations;
        world->members[i].transport.operations = &paused_operations;
    }
    uint64_t group = world_create_topic(world, "t");
    (void)world_leader(world, group);
    allocation_fail_once_at(nth > 0 ? nth : UINT64_MAX);
    live(world, group);
    uint64_t count = allocation_count();
    assert_int_equal(allocation_failed(), nth > 0);
    for (size_t i = 0; i < world->member_count; i++) {
        struct member *member = &world->members[i];
        assert_true(member->failures == 0 || (nth > 0 && member->failure == STATUS_NO_MEMORY));
        if (member->failures > 0) {
            member->failures = 0;
            member_crash(member, 0);
            member_open(member);
        }
    }
    world_run(world, CATCH_UP_MS);
    world_append(world, group, 2);
    world_run(world, CATCH_UP_MS);
    expect_same_everywhere(world, group);
    expect_same_everywhere(world, METADATA_GROUP);
    int64_t next_offset = member_status(&world->members[0], group).next_offset;
    assert_true(next_offset >= promised_records(world) + 2 * 10);
    world_destroy(world);
    return count;
}

static void test_memory_is_short_in_a_cluster(void **state) {
    (void)state;
    uint64_t count = live_once(0);
    print_message("%lu allocations in a life\n", (unsigned long)count);
    assert_true(count > SAMPLES);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        (void)live_once(1 + i * (count - 1) / SAMPLES);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_runs_out_in_a_node),
        cmocka_unit_test(test_memory_is_short_for_a_moment),
        cmocka_unit_test(test_memory_runs_out_at_the_start),
        cmocka_unit_test(test_memory_is_short_in_a_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
