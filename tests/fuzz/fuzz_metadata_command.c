/*
 * Commands of group 0 and the state they lead to. A command that decodes encodes to the same bytes; a refused
 * one changes nothing; and a state restored from a snapshot gives the same results as the one it was taken
 * of.
 */
#include "fuzz.h"

#include "aviary/metadata.h"

enum { VOTERS = 3, COMMAND_SIZE_SIZE = 1, SNAPSHOT_EVERY = 3 };

static struct metadata *create(void) {
    static const struct metadata_first_voter voters[VOTERS] = {{1, {{1}}}, {2, {{2}}}, {3, {{3}}}};
    struct metadata *metadata = metadata_create(&(struct uuid){{0xcc}}, voters, VOTERS);
    ASSERT(metadata != NULL);
    return metadata;
}

static void check_command(struct slice bytes) {
    static struct buffer encoded = {.size_max = SIZE_MAX};
    struct metadata_command command;
    if (metadata_command_decode(bytes, &command) != STATUS_OK) {
        return;
    }
    buffer_clear(&encoded);
    metadata_command_encode(&command, &encoded);
    ASSERT(buffer_status(&encoded) == STATUS_OK);
    ASSERT(slice_equal(buffer_slice(&encoded), bytes));
    metadata_command_finish(&command);
}

static void copy(const struct metadata *from, struct metadata *to) {
    static struct buffer first = {.size_max = SIZE_MAX};
    static struct buffer second = {.size_max = SIZE_MAX};
    buffer_clear(&first);
    buffer_clear(&second);
    metadata_snapshot(from, &first);
    ASSERT(metadata_restore(to, buffer_slice(&first)) == STATUS_OK);
    metadata_snapshot(to, &second);
    ASSERT(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    ASSERT(bytes_get_u32le(first.data) == metadata_digest(to));
}

static void check_topic(const struct metadata *metadata, const struct metadata_topic *topic) {
    ASSERT(metadata_check_name(slice_of_string(topic->name), NULL) == STATUS_OK);
    ASSERT(metadata_topic_find(metadata, slice_of_string(topic->name)) == topic);
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        const struct metadata_partition *partition = &topic->partitions[p];
        uint32_t number;
        ASSERT(partition->group > 0 && partition->group < metadata_next_group(metadata));
        ASSERT(metadata_topic_of_group(metadata, partition->group, &number) == topic && number == p);
        for (uint32_t i = 0; i < partition->replica_count; i++) {
            ASSERT(metadata_broker_by_incarnation(metadata, partition->replicas[i]) != NULL);
        }
    }
}

static void check_invariants(const struct metadata *metadata) {
    size_t partitions = 0;
    for (size_t i = 0; i < metadata_broker_count(metadata); i++) {
        const struct metadata_broker *broker = metadata_broker_at(metadata, i);
        ASSERT(metadata_broker_by_id(metadata, broker->id) == broker);
        ASSERT(metadata_broker_by_incarnation(metadata, broker->incarnation) == broker);
    }
    for (size_t i = 0; i < metadata_topic_count(metadata); i++) {
        const struct metadata_topic *topic = metadata_topic_at(metadata, i);
        check_topic(metadata, topic);
        partitions += topic->partition_count;
    }
    ASSERT(partitions == metadata_partition_count(metadata));
}

/* False where the driver of a replica would stop. */
static bool apply_both(struct metadata *first, struct metadata *second, struct slice command) {
    struct metadata_result results[2];
    struct metadata_changes changes[2];
    struct entry_header header = {.type = RAFT_ENTRY_COMMAND, .index = metadata_applied_index(first) + 1};
    uint32_t before = metadata_digest(first);
    enum status status = metadata_apply(first, &header, command, &results[0], &changes[0]);
    ASSERT(metadata_apply(second, &header, command, &results[1], &changes[1]) == status);
    if (status != STATUS_OK) {
        ASSERT(status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED);
        ASSERT(metadata_digest(first) == before && metadata_applied_index(first) == header.index - 1);
        return false;
    }
    ASSERT(results[0].status == results[1].status && results[0].version == results[1].version);
    ASSERT(results[0].incarnation == results[1].incarnation);
    ASSERT(changes[0].deleted_group_count == changes[1].deleted_group_count);
    ASSERT(metadata_digest(first) == metadata_digest(second));
    check_invariants(first);
    return true;
}

/* Commands, each behind its size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct metadata *first = create();
    struct metadata *second = create();
    struct reader reader = reader_make(slice_make(data, size));
    for (unsigned count = 1; reader.rest.size > COMMAND_SIZE_SIZE; count++) {
        size_t command_size = reader_u8(&reader);
        command_size = command_size < reader.rest.size ? command_size : reader.rest.size;
        _cleanup_blob_ struct blob *command = fuzz_copy(reader_bytes(&reader, command_size));
        check_command(blob_slice(command));
        if (!apply_both(first, second, blob_slice(command))) {
            break;
        }
        if (count % SNAPSHOT_EVERY == 0) {
            copy(first, second);
        }
    }
    metadata_destroy(first);
    metadata_destroy(second);
    return 0;
}
