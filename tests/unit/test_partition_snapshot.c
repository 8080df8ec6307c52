/*
 * A partition's snapshot: the same state comes back, anything else is refused.
 */
#include "allocation.h"
#include "aviary/base/buffer.h"
#include "aviary/base/crc32c.h"
#include "aviary/base/prng.h"
#include "partition_entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS_MAX = 20, SNAPSHOT_MAX = 65536 };
enum { HEAD_SIZE = 41, KEY_SIZE = 60 };

static const struct slice NOTHING = {0};

/* `entries` batches of one record, each with a key; then the log start moves to 2. */
static struct partition *make(uint64_t entries, uint64_t first_key) {
    struct partition *partition = partition_create(KEYS_MAX);
    assert_non_null(partition);
    uint64_t index = 1;
    for (; index <= entries; index++) {
        struct entry_header header = entry_records(index, (int64_t)index - 1, 1, (int64_t)index * 10);
        header = entry_keyed(header, first_key + index, index);
        assert_int_equal(partition_apply(partition, &header, NOTHING), STATUS_OK);
    }
    uint8_t start[8];
    bytes_put_u64le(start, 2);
    struct entry_header header = entry_of_type(RAFT_ENTRY_LOG_START, index);
    assert_int_equal(partition_apply(partition, &header, slice_make(start, sizeof start)), STATUS_OK);
    return partition;
}

static struct buffer snapshot_of(const struct partition *partition) {
    struct buffer buffer;
    buffer_init(&buffer, SNAPSHOT_MAX);
    partition_snapshot(partition, &buffer);
    assert_int_equal(buffer_status(&buffer), STATUS_OK);
    return buffer;
}

static void seal(uint8_t *bytes, size_t size) {
    bytes_put_u32le(bytes, crc32c(slice_make(bytes + 4, size - 4)));
}

static void test_the_same_state_comes_back(void **state) {
    (void)state;
    static const uint64_t sizes[] = {0, 1, KEYS_MAX, KEYS_MAX + 17};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct partition *from = make(sizes[i], 0);
        struct partition *to = make(5, 1000);
        struct buffer snapshot = snapshot_of(from);
        assert_int_equal(partition_restore(to, buffer_slice(&snapshot)), STATUS_OK);
        struct buffer again = snapshot_of(to);
        assert_true(slice_equal(buffer_slice(&snapshot), buffer_slice(&again)));
        assert_int_equal(partition_digest(from), partition_digest(to));
        assert_int_equal(partition_digest(to), bytes_get_u32le(snapshot.data));
        assert_int_equal(partition_applied_index(to), sizes[i] + 1);
        assert_int_equal(partition_next_offset(to), sizes[i]);
        assert_int_equal(partition_pending_next_offset(to), sizes[i]);
        struct partition_answer answer;
        assert_int_equal(find_key(to, 1001, 1, &answer), PARTITION_KEY_NEW);
        buffer_finish(&again);
        buffer_finish(&snapshot);
        partition_destroy(from);
        partition_destroy(to);
    }
}

enum { LOG_ENTRIES = 300 };

/* A log of keyed and plain batches; the log start moves to its middle in the end. */
static size_t make_log(struct prng *prng, uint64_t keyed_of_100, struct entry_header *log,
                       uint8_t start_payload[8]) {
    int64_t offset = 0;
    size_t size = 0;
    uint64_t next_key = 0;
    for (; size + 1 < LOG_ENTRIES; size++) {
        uint64_t index = size + 1;
        if (prng_chance(prng, 1, 6)) {
            log[size] = entry_of_type(RAFT_ENTRY_NOOP, index);
            continue;
        }
        uint32_t count = (uint32_t)prng_between(prng, 1, 5);
        log[size] = entry_records(index, offset, count, (int64_t)index / 3);
        if (prng_chance(prng, keyed_of_100, 100)) {
            log[size] = entry_keyed(log[size], next_key, next_key);
            next_key++;
        }
        offset += count;
    }
    log[size] = entry_of_type(RAFT_ENTRY_LOG_START, size + 1);
    bytes_put_u64le(start_payload, (uint64_t)offset / 2);
    return size + 1;
}

static void apply_from(struct partition *partition, const struct entry_header *log, size_t from, size_t to,
                       const uint8_t start_payload[8]) {
    for (size_t i = from; i < to; i++) {
        assert_int_equal(partition_apply(partition, &log[i], slice_make(start_payload, 8)), STATUS_OK);
    }
}

static void expect_to_lead_here(const struct partition *from, const struct entry_header *log, size_t size,
                                size_t at, int64_t next_offset, int64_t append_time_ms,
                                const uint8_t start_payload[8]) {
    struct buffer earlier;
    buffer_init(&earlier, SNAPSHOT_MAX);
    partition_snapshot_at(from, log[at].index, next_offset, append_time_ms, &earlier);
    struct partition *to = partition_create(KEYS_MAX);
    assert_non_null(to);
    assert_int_equal(partition_restore(to, buffer_slice(&earlier)), STATUS_OK);
    assert_int_equal(partition_applied_index(to), log[at].index);
    apply_from(to, log, at + 1, size, start_payload);
    assert_int_equal(partition_digest(to), partition_digest(from));
    partition_destroy(to);
    buffer_finish(&earlier);
}

/* At each place up to the log's start: what follows leads to the same state. */
static void run_earlier_states(uint64_t seed, uint64_t keyed_of_100) {
    static struct entry_header log[LOG_ENTRIES];
    uint8_t start_payload[8];
    struct prng prng;
    prng_init(&prng, seed);
    size_t size = make_log(&prng, keyed_of_100, log, start_payload);
    struct partition *from = partition_create(KEYS_MAX);
    assert_non_null(from);
    apply_from(from, log, 0, size, start_payload);
    int64_t next_offset = 0;
    int64_t append_time_ms = 0;
    for (size_t i = 0; i < size; i++) {
        if (log[i].type == RAFT_ENTRY_RECORDS) {
            next_offset = log[i].base_offset + log[i].count;
            append_time_ms = log[i].append_time_ms;
        }
        if (next_offset > partition_log_start_offset(from)) {
            break;
        }
        expect_to_lead_here(from, log, size, i, next_offset, append_time_ms, start_payload);
    }
    partition_destroy(from);
}

static void test_an_earlier_state_leads_to_this_one(void **state) {
    (void)state;
    run_earlier_states(23, 5);  /* fewer keys than the table keeps */
    run_earlier_states(24, 12); /* about as many */
    run_earlier_states(25, 50); /* most are forgotten */
}

/* The bytes are part of the format: docs/storage-format.md. */
static void test_the_layout_is_as_written(void **state) {
    (void)state;
    struct partition *partition = make(3, 0);
    struct buffer snapshot = snapshot_of(partition);
    assert_int_equal(snapshot.size, HEAD_SIZE + 3 * KEY_SIZE);
    assert_int_equal(snapshot.data[4], 1);
    assert_int_equal(bytes_get_u64le(snapshot.data + 5), 4);
    assert_int_equal(bytes_get_u64le(snapshot.data + 13), 3);
    assert_int_equal(bytes_get_u64le(snapshot.data + 21), 2);
    assert_int_equal(bytes_get_u64le(snapshot.data + 29), 30);
    assert_int_equal(bytes_get_u32le(snapshot.data + 37), 3);
    const uint8_t *second = snapshot.data + HEAD_SIZE + KEY_SIZE;
    struct hash128 key = hash_number(2);
    assert_memory_equal(second, key.bytes, HASH128_SIZE);
    assert_memory_equal(second + 16, key.bytes, HASH128_SIZE);
    assert_int_equal(bytes_get_u64le(second + 32), 2);
    assert_int_equal(bytes_get_u64le(second + 40), 1);
    assert_int_equal(bytes_get_u32le(second + 48), 1);
    assert_int_equal(bytes_get_u64le(second + 52), 20);
    buffer_finish(&snapshot);
    partition_destroy(partition);
}

static void test_restore_forgets_what_was_pending(void **state) {
    (void)state;
    struct partition *partition = make(2, 0);
    struct buffer snapshot = snapshot_of(partition);
    struct entry_header header = entry_keyed(entry_records(9, 0, 4, 0), 77, 77);
    assert_int_equal(partition_propose(partition, &header, 100), STATUS_OK);
    assert_int_equal(partition_restore(partition, buffer_slice(&snapshot)), STATUS_OK);
    struct partition_answer answer;
    assert_int_equal(find_key(partition, 77, 77, &answer), PARTITION_KEY_NEW);
    assert_int_equal(partition_pending_next_offset(partition), 2);
    buffer_finish(&snapshot);
    partition_destroy(partition);
}

/* Restores from a heap copy of exactly that size, so that a sanitizer sees a read beyond the end. */
static enum status restore_copy(struct partition *partition, const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    enum status status = partition_restore(partition, slice_make(copy, size));
    free(copy);
    return status;
}

static void test_damaged_bytes_are_refused(void **state) {
    (void)state;
    struct partition *from = make(6, 0);
    struct partition *to = make(3, 500);
    struct buffer snapshot = snapshot_of(from);
    uint32_t before = partition_digest(to);
    for (size_t size = 0; size < snapshot.size; size++) {
        assert_int_equal(restore_copy(to, snapshot.data, size), STATUS_CORRUPT);
    }
    for (size_t bit = 0; bit < snapshot.size * 8; bit++) {
        snapshot.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(restore_copy(to, snapshot.data, snapshot.size), STATUS_CORRUPT);
        snapshot.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(partition_digest(to), before);
    buffer_finish(&snapshot);
    partition_destroy(from);
    partition_destroy(to);
}

static void test_a_longer_snapshot_is_refused(void **state) {
    (void)state;
    struct partition *partition = make(2, 0);
    struct buffer snapshot = snapshot_of(partition);
    buffer_append_u8(&snapshot, 0);
    seal(snapshot.data, snapshot.size);
    assert_int_equal(restore_copy(partition, snapshot.data, snapshot.size), STATUS_CORRUPT);
    buffer_finish(&snapshot);
    partition_destroy(partition);
}

struct lie {
    size_t at;
    size_t size;
    uint64_t value;
    enum status expected;
};

/* With a checksum that holds, but a state that no log leads to. Key k of the snapshot has index k + 1. */
static void test_a_state_that_cannot_be_is_refused(void **state) {
    (void)state;
    static const struct lie lies[] = {
        {4, 1, 2, STATUS_UNSUPPORTED},                          /* format */
        {5, 8, 5, STATUS_CORRUPT},                              /* applied index below a key's */
        {13, 8, 5, STATUS_CORRUPT},                             /* next offset below a key's end */
        {13, 8, UINT64_MAX, STATUS_CORRUPT},                    /* next offset negative */
        {21, 8, 7, STATUS_CORRUPT},                             /* log start beyond the next offset */
        {21, 8, UINT64_MAX, STATUS_CORRUPT},                    /* log start negative */
        {29, 8, 59, STATUS_CORRUPT},                            /* time below a key's */
        {29, 8, UINT64_MAX, STATUS_CORRUPT},                    /* time negative */
        {37, 4, 7, STATUS_CORRUPT},                             /* more keys than bytes */
        {37, 4, UINT32_MAX, STATUS_CORRUPT},                    /* many more */
        {HEAD_SIZE + 32, 8, 0, STATUS_CORRUPT},                 /* index 0 */
        {HEAD_SIZE + KEY_SIZE + 32, 8, 1, STATUS_CORRUPT},      /* the index before again */
        {HEAD_SIZE + KEY_SIZE + 40, 8, 0, STATUS_CORRUPT},      /* overlaps the batch before */
        {HEAD_SIZE + 40, 8, UINT64_MAX, STATUS_CORRUPT},        /* offset negative */
        {HEAD_SIZE + 48, 4, 0, STATUS_CORRUPT},                 /* count 0 */
        {HEAD_SIZE + 5 * KEY_SIZE + 48, 4, 2, STATUS_CORRUPT},  /* ends beyond the next offset */
        {HEAD_SIZE + KEY_SIZE + 52, 8, 9, STATUS_CORRUPT},      /* time runs backwards */
        {HEAD_SIZE + 5 * KEY_SIZE + 52, 8, 61, STATUS_CORRUPT}, /* later than the last */
    };
    struct partition *from = make(6, 0);
    struct partition *to = make(3, 500);
    uint32_t before = partition_digest(to);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct buffer snapshot = snapshot_of(from);
        uint8_t raw[8];
        bytes_put_u64le(raw, lies[i].value);
        memcpy(snapshot.data + lies[i].at, raw, lies[i].size);
        seal(snapshot.data, snapshot.size);
        assert_int_equal(restore_copy(to, snapshot.data, snapshot.size), lies[i].expected);
        assert_int_equal(partition_digest(to), before);
        buffer_finish(&snapshot);
    }
    partition_destroy(from);
    partition_destroy(to);
}

static void test_a_key_twice_or_too_many_are_refused(void **state) {
    (void)state;
    struct partition *from = make(6, 0);
    struct buffer snapshot = snapshot_of(from);
    struct partition *small = partition_create(5);
    assert_non_null(small);
    assert_int_equal(partition_restore(small, buffer_slice(&snapshot)), STATUS_UNSUPPORTED);
    memcpy(snapshot.data + HEAD_SIZE + KEY_SIZE, snapshot.data + HEAD_SIZE, HASH128_SIZE);
    seal(snapshot.data, snapshot.size);
    assert_int_equal(partition_restore(from, buffer_slice(&snapshot)), STATUS_CORRUPT);
    buffer_finish(&snapshot);
    partition_destroy(small);
    partition_destroy(from);
}

/* Random bytes under a right checksum: whatever comes of it, it must not crash. */
static void test_noise_does_no_harm(void **state) {
    (void)state;
    struct partition *from = make(6, 0);
    struct prng prng;
    prng_init(&prng, 5);
    for (int round = 0; round < 5000; round++) {
        struct partition *to = partition_create(KEYS_MAX);
        assert_non_null(to);
        struct buffer snapshot = snapshot_of(from);
        for (uint64_t changes = prng_between(&prng, 1, 4); changes > 0; changes--) {
            snapshot.data[prng_below(&prng, snapshot.size)] = (uint8_t)prng_next(&prng);
        }
        seal(snapshot.data, snapshot.size);
        enum status status = restore_copy(to, snapshot.data, snapshot.size);
        if (status == STATUS_OK) {
            assert_int_equal(partition_digest(to), bytes_get_u32le(snapshot.data));
        }
        buffer_finish(&snapshot);
        partition_destroy(to);
    }
    partition_destroy(from);
}

static void test_restore_without_memory_changes_nothing(void **state) {
    (void)state;
    struct partition *from = make(KEYS_MAX, 0);
    struct partition *to = make(3, 500);
    struct buffer snapshot = snapshot_of(from);
    uint32_t before = partition_digest(to);
    uint64_t nth = 1;
    for (;; nth++) {
        allocation_fail_at(nth);
        enum status status = partition_restore(to, buffer_slice(&snapshot));
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            break;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(partition_digest(to), before);
    }
    assert_true(nth > 2);
    struct buffer none;
    buffer_init(&none, SNAPSHOT_MAX);
    allocation_fail_at(1);
    partition_snapshot(to, &none);
    assert_true(allocation_failed());
    assert_int_equal(buffer_status(&none), STATUS_NO_MEMORY);
    buffer_finish(&none);
    buffer_finish(&snapshot);
    partition_destroy(from);
    partition_destroy(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_state_comes_back),
        cmocka_unit_test(test_an_earlier_state_leads_to_this_one),
        cmocka_unit_test(test_the_layout_is_as_written),
        cmocka_unit_test(test_restore_forgets_what_was_pending),
        cmocka_unit_test(test_damaged_bytes_are_refused),
        cmocka_unit_test(test_a_longer_snapshot_is_refused),
        cmocka_unit_test(test_a_state_that_cannot_be_is_refused),
        cmocka_unit_test(test_a_key_twice_or_too_many_are_refused),
        cmocka_unit_test(test_noise_does_no_harm),
        cmocka_unit_test(test_restore_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
