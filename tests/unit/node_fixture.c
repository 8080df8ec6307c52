#include "node_fixture.h"

#include "aviary/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TICK_MS = 10, LEADER_WAIT_MS = 10000, MESSAGE_BYTES_MAX = 32 * 1024 * 1024, CONTEXT_EXECUTE = 63 };

#define WALL_MS INT64_C(1700000000000)

static const struct uuid CLUSTER = {{7}};

/* ---- What a node reaches ---- */

static struct member *member_of(struct transport *transport) {
    return LIST_ENTRY(transport, struct member, transport);
}

/* As over the wire: through its bytes. */
static void carry(struct transport *transport, const struct raft_message *message) {
    struct member *from = member_of(transport);
    struct world *world = from->world;
    bool muted = message->group != METADATA_GROUP && message->group == world->muted;
    if (from->cut_off || muted || message->to > world->member_count) {
        return;
    }
    struct buffer bytes;
    buffer_init(&bytes, MESSAGE_BYTES_MAX);
    transport_encode_message(message, &bytes);
    assert_int_equal(buffer_status(&bytes), STATUS_OK);
    struct reader reader = reader_make(buffer_slice(&bytes));
    assert_true(world->message_count < WORLD_MESSAGES_MAX);
    assert_int_equal(transport_decode_message(&reader, &world->messages[world->message_count]), STATUS_OK);
    world->message_count++;
    buffer_finish(&bytes);
}

static void end_burst(struct transport *transport) {
    (void)transport;
}

static const struct transport_operations operations = {.send = carry, .flush = end_burst};

static void on_persisted(void *context, uint64_t token, enum status status) {
    struct member *member = context;
    node_persisted(member->node, member->world->now_ms, token,
                   member->disk == STATUS_OK ? status : member->disk);
}

/* ---- What a node tells ---- */

static void on_answered(void *context, const struct node_answer *answer) {
    struct member *member = context;
    assert_true(answer->context < WORLD_CONTEXTS);
    member->answered[answer->context]++;
    member->answers[answer->context] = *answer;
}

static void on_read_ready(void *context, uint64_t read_context, enum status status) {
    struct member *member = context;
    assert_true(read_context < WORLD_CONTEXTS);
    member->reads_ready[read_context]++;
    member->read_status[read_context] = status;
}

static void on_opened(void *context, uint64_t group) {
    struct member *member = context;
    assert_true(group < WORLD_GROUPS);
    member->opened[group]++;
}

static void on_closed(void *context, uint64_t group) {
    struct member *member = context;
    member->closed[group]++;
}

static void on_applied(void *context, uint64_t group, const struct raft_entry *entry,
                       const struct entry_header *header) {
    struct member *member = context;
    assert_int_equal(entry->index, header->index);
    member->applied[group]++;
}

static void on_status(void *context, const struct node_status *status) {
    (void)context;
    assert_true(status->group < WORLD_GROUPS);
}

static void on_metadata_changing(void *context) {
    (void)context;
}

static void on_metadata_changed(void *context, const struct metadata_changes *changes) {
    (void)context;
    (void)changes;
}

static void on_failed(void *context, uint64_t group, enum status status, const char *what) {
    struct member *member = context;
    (void)group;
    assert_non_null(what);
    member->failures++;
    member->failure = status;
}

/* ---- Life ---- */

static void fill_first_voters(const struct world *world, struct metadata_first_voter *voters) {
    for (size_t i = 0; i < world->member_count; i++) {
        voters[i] = (struct metadata_first_voter){.broker_id = 10 * ((uint32_t)i + 1),
                                                  .disk_uuid = {{0xd, (uint8_t)(i + 1)}}};
    }
}

enum status member_try_open(struct member *member, struct error *error) {
    struct world *world = member->world;
    struct metadata_first_voter voters[WORLD_BROKERS_MAX];
    fill_first_voters(world, voters);
    struct node_options options = {
        .self = member->number,
        .cluster_id = CLUSTER,
        .first_voters = voters,
        .first_voter_count = world->member_count,
        .storage = member->storage,
        .transport = &member->transport,
        .observer = {.context = member,
                     .answered = on_answered,
                     .read_ready = on_read_ready,
                     .opened = on_opened,
                     .closed = on_closed,
                     .applied = on_applied,
                     .status = on_status,
                     .metadata_changing = on_metadata_changing,
                     .metadata_changed = on_metadata_changed,
                     .failed = on_failed},
        .persisted = on_persisted,
        .persisted_context = member,
        .heartbeat_ms = 50,
        .election_min_ms = 300,
        .election_max_ms = 600,
        .inflight_appends_max = 4,
        .inflight_bytes_max = RAFT_INFLIGHT_BYTES_MAX,
        .append_entries_max = 16,
        .tail_bytes_max = world->tail_bytes_max,
        .backlog_bytes_max = world->backlog_bytes_max,
        .metadata_voters_max = world->member_count,
        .pending_max = world->pending_max,
        .apply_entries_max = 4096,
        .checkpoint_entries = world->checkpoint_entries,
        .checkpoint_bytes = 1024 * 1024,
        .metadata_log_keep = world->metadata_log_keep,
        .idempotency_keys_max = 16,
        .snapshot_chunk_bytes = 64,
        .seed = member->number,
        .now_ms = world->now_ms,
    };
    return node_open(&options, &member->node, error);
}

void member_open(struct member *member) {
    struct error error = {.message = ""};
    if (member_try_open(member, &error) != STATUS_OK) {
        fail_msg("cannot open: %s", error.message);
    }
}

struct world *world_create(size_t members) {
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->now_ms = 1000000;
    world->member_count = members;
    world->pending_max = 100;
    world->checkpoint_entries = 1000;
    world->metadata_log_keep = 1000;
    world->tail_bytes_max = 64 * 1024;
    world->backlog_bytes_max = 1024 * 1024;
    for (size_t i = 0; i < members; i++) {
        struct member *member = &world->members[i];
        member->world = world;
        member->number = i + 1;
        member->transport.operations = &operations;
        member->storage = storage_memory_create();
        assert_non_null(member->storage);
        member_open(member);
    }
    return world;
}

static void drop_messages(struct world *world) {
    for (size_t i = 0; i < world->message_count; i++) {
        raft_message_finish(&world->messages[i]);
    }
    world->message_count = 0;
}

void world_destroy(struct world *world) {
    for (size_t i = 0; i < world->member_count; i++) {
        node_destroy(world->members[i].node);
        world->members[i].storage->operations->destroy(world->members[i].storage);
    }
    drop_messages(world);
    free(world);
}

void member_crash(struct member *member, size_t keep) {
    node_destroy(member->node);
    member->node = NULL;
    storage_memory_crash(member->storage, keep);
}

/* ---- Time ---- */

static bool deliver(struct world *world) {
    size_t count = world->message_count;
    for (size_t i = 0; i < count; i++) {
        struct raft_message *message = &world->messages[i];
        struct member *to = &world->members[message->to - 1];
        if (to->node && !to->cut_off) {
            node_receive(to->node, world->now_ms, message);
        }
        raft_message_finish(message);
    }
    world->message_count -= count;
    memmove(world->messages, world->messages + count, world->message_count * sizeof *world->messages);
    return count > 0;
}

void world_settle(struct world *world) {
    for (bool happened = true; happened;) {
        happened = false;
        for (size_t i = 0; i < world->member_count; i++) {
            struct member *member = &world->members[i];
            if (member->node == NULL) {
                continue;
            }
            do {
                node_flush(member->node, world->now_ms);
            } while (node_has_work(member->node));
            if (!world->hold_disks && storage_memory_pending(member->storage) > 0) {
                storage_memory_sync(member->storage, SIZE_MAX);
                happened = true;
            }
        }
        happened = deliver(world) || happened;
    }
}

void world_reopen(struct world *world) {
    for (size_t i = 0; i < world->member_count; i++) {
        member_crash(&world->members[i], 0);
        member_open(&world->members[i]);
    }
}

void world_run(struct world *world, uint64_t ms) {
    for (uint64_t end_ms = world->now_ms + ms; world->now_ms < end_ms;) {
        world->now_ms += TICK_MS;
        for (size_t i = 0; i < world->member_count; i++) {
            if (world->members[i].node) {
                node_tick(world->members[i].node, world->now_ms);
            }
        }
        world_settle(world);
    }
}

struct member *world_leader(struct world *world, uint64_t group) {
    for (uint64_t waited_ms = 0; waited_ms < LEADER_WAIT_MS; waited_ms += TICK_MS) {
        for (size_t i = 0; i < world->member_count; i++) {
            struct member *member = &world->members[i];
            struct node_status status;
            if (member->node && !member->cut_off && node_status(member->node, group, &status) &&
                status.ready) {
                return member;
            }
        }
        world_run(world, TICK_MS);
    }
    fail_msg("group %lu has no leader", (unsigned long)group);
    return NULL;
}

/* ---- Proposals ---- */

void member_propose(struct member *member, const struct node_proposal *proposal) {
    node_propose(member->node, member->world->now_ms, WALL_MS, proposal);
}

struct node_proposal member_batch(uint64_t group, uint32_t count, enum node_acks acks, uint64_t context) {
    struct buffer bytes;
    struct record_batch_builder builder;
    struct error error;
    buffer_init(&bytes, RECORD_BATCH_BYTES_MAX);
    record_batch_builder_init(&builder, &bytes);
    for (uint32_t i = 0; i < count; i++) {
        struct record record = {
            .has_value = true, .value = slice_of_string("value"), .timestamp_ms = WALL_MS + i};
        assert_int_equal(record_batch_builder_add(&builder, &record, &error), STATUS_OK);
    }
    assert_int_equal(record_batch_builder_finish(&builder, &error), STATUS_OK);
    struct node_proposal proposal = {
        .group = group,
        .type = RAFT_ENTRY_RECORDS,
        .blob = entry_blob_create(buffer_slice(&bytes)),
        .count = count,
        .expected_offset = -1,
        .acks = acks,
        .context = context,
    };
    assert_non_null(proposal.blob);
    buffer_finish(&bytes);
    return proposal;
}

struct node_proposal member_keyed(uint64_t group, uint64_t key, uint64_t payload, uint64_t context) {
    struct node_proposal proposal = member_batch(group, 2, NODE_ACKS_ALL, context);
    proposal.has_key = true;
    bytes_put_u64le(proposal.key.bytes, key);
    bytes_put_u64le(proposal.payload.bytes, payload);
    return proposal;
}

struct node_proposal member_log_start(uint64_t group, int64_t offset, uint64_t context) {
    uint8_t payload[8];
    bytes_put_u64le(payload, (uint64_t)offset);
    struct node_proposal proposal = {
        .group = group,
        .type = RAFT_ENTRY_LOG_START,
        .blob = entry_blob_create(slice_make(payload, sizeof payload)),
        .expected_offset = -1,
        .acks = NODE_ACKS_ALL,
        .context = context,
    };
    assert_non_null(proposal.blob);
    return proposal;
}

struct metadata_result world_execute(struct world *world, const struct metadata_command *command) {
    struct buffer bytes;
    buffer_init(&bytes, RECORD_BATCH_BYTES_MAX);
    metadata_command_encode(command, &bytes);
    assert_int_equal(buffer_status(&bytes), STATUS_OK);
    struct node_proposal proposal = {
        .group = METADATA_GROUP,
        .type = RAFT_ENTRY_COMMAND,
        .blob = entry_blob_create(buffer_slice(&bytes)),
        .expected_offset = -1,
        .acks = NODE_ACKS_ALL,
        .context = CONTEXT_EXECUTE,
    };
    assert_non_null(proposal.blob);
    buffer_finish(&bytes);
    struct member *controller = world_leader(world, METADATA_GROUP);
    unsigned before = controller->answered[CONTEXT_EXECUTE];
    member_propose(controller, &proposal);
    world_run(world, TICK_MS);
    assert_int_equal(controller->answered[CONTEXT_EXECUTE], before + 1);
    assert_int_equal(controller->answers[CONTEXT_EXECUTE].status, STATUS_OK);
    return controller->answers[CONTEXT_EXECUTE].result;
}

uint64_t world_create_topic(struct world *world, const char *name) {
    struct metadata_assignment assignment = {.count = (uint32_t)world->member_count};
    for (size_t i = 0; i < world->member_count; i++) {
        assignment.replicas[i] = i + 1;
    }
    struct metadata_command command = {
        .type = METADATA_CREATE_TOPIC,
        .topic_id = {{5}},
        .partition_count = 1,
        .replication_factor = assignment.count,
        .assignments = &assignment,
    };
    snprintf(command.topic, sizeof command.topic, "%s", name);
    assert_int_equal(world_execute(world, &command).status, STATUS_OK);
    const struct metadata *metadata = node_metadata(world_leader(world, METADATA_GROUP)->node);
    return metadata_topic_find(metadata, slice_of_string(name))->partitions[0].group;
}

void world_delete_topic(struct world *world, const char *name) {
    struct metadata_command command = {.type = METADATA_DELETE_TOPIC};
    snprintf(command.topic, sizeof command.topic, "%s", name);
    assert_int_equal(world_execute(world, &command).status, STATUS_OK);
}

void world_append(struct world *world, uint64_t group, unsigned batches) {
    enum { CONTEXT = CONTEXT_EXECUTE - 1 };
    struct member *leader = world_leader(world, group);
    unsigned before = leader->answered[CONTEXT];
    for (unsigned i = 0; i < batches; i++) {
        struct node_proposal proposal = member_batch(group, 10, NODE_ACKS_ALL, CONTEXT);
        member_propose(leader, &proposal);
        world_settle(world);
        assert_int_equal(leader->answers[CONTEXT].status, STATUS_OK);
    }
    assert_int_equal(leader->answered[CONTEXT], before + batches);
}

struct node_status member_status(const struct member *member, uint64_t group) {
    struct node_status status;
    assert_true(node_status(member->node, group, &status));
    return status;
}

uint32_t member_digest(const struct member *member, uint64_t group) {
    uint32_t digest;
    assert_true(node_digest(member->node, group, &digest));
    return digest;
}
