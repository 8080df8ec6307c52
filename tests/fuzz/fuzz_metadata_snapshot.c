/*
 * Snapshots of group 0's state: any bytes restore to a state that gives the same bytes, or change nothing;
 * and commands go on from a restored state.
 */
#include "fuzz.h"

#include "aviary/metadata.h"

static void check_broker(const struct metadata *metadata, const struct metadata_broker *broker) {
    ASSERT(broker->id > 0);
    ASSERT(metadata_broker_by_incarnation(metadata, broker->incarnation) == broker);
    ASSERT(metadata_broker_id_of(metadata, broker->incarnation) == broker->id);
}

/* A broker of the state comes back with another disk: what stands in every assignment changes. */
static void register_again(struct metadata *metadata, const struct metadata_broker *broker) {
    static struct buffer encoded = {.size_max = SIZE_MAX};
    struct metadata_command command = {.type = METADATA_REGISTER_BROKER, .broker = *broker};
    struct metadata_result result;
    struct metadata_changes changes;
    command.broker.disk_uuid.bytes[0] ^= 0xff;
    buffer_clear(&encoded);
    metadata_command_encode(&command, &encoded);
    struct entry_header header = {.type = RAFT_ENTRY_COMMAND, .index = metadata_applied_index(metadata) + 1};
    ASSERT(metadata_apply(metadata, &header, buffer_slice(&encoded), &result, &changes) == STATUS_OK);
    ASSERT(result.status != STATUS_OK ||
           metadata_broker_id_of(metadata, result.incarnation) == command.broker.id);
}

/* Every way of reading the state finds the same things in it. */
static void walk(const struct metadata *metadata) {
    size_t partitions = 0;
    for (size_t i = 0; i < metadata_broker_count(metadata); i++) {
        const struct metadata_broker *broker = metadata_broker_at(metadata, i);
        struct metadata_cursor cursor = {0};
        const struct metadata_topic *topic;
        uint32_t partition;
        check_broker(metadata, broker);
        while (metadata_next_replica(metadata, broker->incarnation, &cursor, &topic, &partition)) {
            ASSERT(partition < topic->partition_count);
        }
    }
    for (size_t i = 0; i < metadata_topic_count(metadata); i++) {
        const struct metadata_topic *topic = metadata_topic_at(metadata, i);
        ASSERT(metadata_topic_find(metadata, slice_of_string(topic->name)) == topic);
        partitions += topic->partition_count;
    }
    ASSERT(partitions == metadata_partition_count(metadata));
}

static void check_restored(struct metadata *metadata, struct slice bytes) {
    static struct buffer snapshot = {.size_max = SIZE_MAX};
    buffer_clear(&snapshot);
    metadata_snapshot(metadata, &snapshot);
    ASSERT(slice_equal(buffer_slice(&snapshot), bytes));
    ASSERT(metadata_digest(metadata) == bytes_get_u32le(bytes.data));
    walk(metadata);
    if (metadata_applied_index(metadata) < UINT64_MAX) {
        struct metadata_broker broker = *metadata_broker_at(metadata, 0);
        register_again(metadata, &broker);
        walk(metadata);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct metadata_first_voter voters[] = {{7, {{7}}}};
    _cleanup_blob_ struct blob *input = fuzz_input(data, size);
    if (input == NULL) {
        return 0;
    }
    struct metadata *metadata = metadata_create(&(struct uuid){{0xcc}}, voters, 1);
    ASSERT(metadata != NULL);
    uint32_t before = metadata_digest(metadata);
    if (metadata_restore(metadata, blob_slice(input)) == STATUS_OK) {
        check_restored(metadata, blob_slice(input));
    } else {
        ASSERT(metadata_digest(metadata) == before);
    }
    metadata_destroy(metadata);
    return 0;
}
