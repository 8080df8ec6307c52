/*
 * A partition's state. Any bytes restore to a state that gives the same bytes, or change nothing; and from a
 * restored state on, entries lead to the same states as from the one it was taken of.
 */
#include "fuzz.h"

#include "aviary/partition.h"

enum { KEYS_MAX = 4, KEYS = 8, ENTRY_SIZE = 4 };

static void check_invariants(const struct partition *partition) {
    ASSERT(partition_log_start_offset(partition) >= 0);
    ASSERT(partition_log_start_offset(partition) <= partition_next_offset(partition));
    ASSERT(partition_pending_next_offset(partition) >= partition_next_offset(partition));
    ASSERT(partition_key_count(partition) <= KEYS_MAX);
}

/* Restores the input where that is a snapshot; the state stays as it was where it is none. */
static void restore(struct partition *partition, struct slice bytes) {
    static struct buffer snapshot = {.size_max = SIZE_MAX};
    uint32_t before = partition_digest(partition);
    if (partition_restore(partition, bytes) != STATUS_OK) {
        ASSERT(partition_digest(partition) == before);
        return;
    }
    check_invariants(partition);
    buffer_clear(&snapshot);
    partition_snapshot(partition, &snapshot);
    ASSERT(slice_equal(buffer_slice(&snapshot), bytes));
    ASSERT(partition_digest(partition) == bytes_get_u32le(bytes.data));
}

/* A second partition with the same applied state. */
static void copy(const struct partition *from, struct partition *to) {
    static struct buffer snapshot = {.size_max = SIZE_MAX};
    buffer_clear(&snapshot);
    partition_snapshot(from, &snapshot);
    ASSERT(partition_restore(to, buffer_slice(&snapshot)) == STATUS_OK);
    ASSERT(partition_digest(from) == partition_digest(to));
}

static struct entry_header entry_of(const struct partition *partition, const uint8_t *bytes) {
    struct entry_header header = {
        .type = (enum raft_entry_type)(bytes[0] % (RAFT_ENTRY_TYPE_MAX + 1)),
        .index = partition_applied_index(partition) + 1,
        .base_offset = partition_next_offset(partition) + (bytes[1] == UINT8_MAX),
        .count = bytes[1],
        .append_time_ms = partition_last_append_time_ms(partition) + (int8_t)bytes[2] / 64,
    };
    if (bytes[3] & 1) {
        header.flags = ENTRY_HAS_KEY;
        header.key.bytes[0] = (bytes[3] >> 1) % KEYS;
        header.payload.bytes[0] = bytes[3] >> 7;
    }
    return header;
}

static bool has_room(const struct partition *partition) {
    return partition_applied_index(partition) < UINT64_MAX - 1 &&
           partition_last_append_time_ms(partition) < INT64_MAX - 2 &&
           partition_next_offset(partition) < INT64_MAX - 1;
}

/* What a leader does with a batch before it is applied: found new, it is pending, with the place it gets. */
static void propose(struct partition *leader, struct entry_header *header) {
    struct partition_answer answer;
    bool has_key = (header->flags & ENTRY_HAS_KEY) != 0;
    if (header->type != RAFT_ENTRY_RECORDS || header->count == 0 ||
        (has_key &&
         partition_find_key(leader, &header->key, &header->payload, &answer) != PARTITION_KEY_NEW)) {
        return;
    }
    int64_t next_offset = partition_pending_next_offset(leader);
    if (partition_propose(leader, header, header->append_time_ms) != STATUS_OK) {
        return;
    }
    ASSERT(header->base_offset == next_offset);
    ASSERT(partition_pending_next_offset(leader) == next_offset + header->count);
    ASSERT(!has_key ||
           partition_find_key(leader, &header->key, &header->payload, &answer) == PARTITION_KEY_PENDING);
}

static void apply_both(struct partition *leader, struct partition *follower, const uint8_t *bytes) {
    uint8_t log_start[sizeof(uint64_t)];
    struct entry_header header = entry_of(leader, bytes);
    propose(leader, &header);
    bytes_put_u64le(log_start, (uint64_t)partition_log_start_offset(leader) + bytes[2]);
    struct slice payload = slice_make(log_start, bytes[1] % 8 == 0 ? 7 : sizeof log_start);
    uint32_t before = partition_digest(leader);
    enum status status = partition_apply(leader, &header, payload);
    ASSERT(partition_apply(follower, &header, payload) == status);
    if (status != STATUS_OK) {
        ASSERT(status == STATUS_CORRUPT && partition_digest(leader) == before);
        partition_forget_pending(leader);
    }
    ASSERT(partition_digest(leader) == partition_digest(follower));
    check_invariants(leader);
}

static void check_same_keys(const struct partition *a, const struct partition *b) {
    for (uint8_t i = 0; i < KEYS; i++) {
        struct partition_answer first = {0};
        struct partition_answer second = {0};
        struct hash128 key = {{i}};
        struct hash128 payload = {{0}};
        ASSERT(partition_find_key(a, &key, &payload, &first) ==
               partition_find_key(b, &key, &payload, &second));
        ASSERT(first.index == second.index && first.base_offset == second.base_offset &&
               first.count == second.count);
    }
}

/* The size of the snapshot, then that, then entries, four bytes each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    struct slice rest = slice_after(slice_make(data, size), 1);
    size_t snapshot_size = data[0] < rest.size ? data[0] : rest.size;
    _cleanup_blob_ struct blob *snapshot = fuzz_input(rest.data, snapshot_size);
    rest = slice_after(rest, snapshot_size);
    struct partition *leader = partition_create(KEYS_MAX);
    struct partition *follower = partition_create(KEYS_MAX);
    ASSERT(leader != NULL && follower != NULL);
    if (snapshot != NULL) {
        restore(leader, blob_slice(snapshot));
    }
    copy(leader, follower);
    while (rest.size >= ENTRY_SIZE && has_room(leader)) {
        apply_both(leader, follower, rest.data);
        rest = slice_after(rest, ENTRY_SIZE);
    }
    partition_forget_pending(leader);
    check_same_keys(leader, follower);
    copy(leader, follower);
    check_same_keys(leader, follower);
    partition_destroy(leader);
    partition_destroy(follower);
    return 0;
}
