/*
 * The metadata's snapshot: the same state comes back, anything else is refused.
 */
#include "allocation.h"
#include "aviary/base/crc32c.h"
#include "aviary/base/prng.h"
#include "metadata_fixture.h"

/* Three first voters, broker 20 with its second disk, broker 40, two topics, one deleted before them. */
static struct metadata *make_rich(void) {
    struct metadata *metadata = make_metadata(3);
    register_broker(metadata, 10, 100);
    create_topic(metadata, "gone", 3, (const raft_id[]){1, 2}, 2);
    create_topic(metadata, "zebra", 2, (const raft_id[]){1, 2, 3}, 3);
    delete_topic(metadata, "gone", 0);
    register_broker(metadata, 20, 201);
    register_broker(metadata, 40, 400);
    create_topic(metadata, "ant", 1, (const raft_id[]){5}, 1);
    struct metadata_config configs[] = {config("a", "1"), config("b", "22")};
    configure_topic(metadata, "ant", 0, configs, 2);
    return metadata;
}

static struct buffer snapshot_of(const struct metadata *metadata) {
    struct buffer buffer;
    buffer_init(&buffer, 4 * COMMAND_BYTES_MAX);
    metadata_snapshot(metadata, &buffer);
    assert_int_equal(buffer_status(&buffer), STATUS_OK);
    return buffer;
}

static void seal(struct buffer *snapshot) {
    bytes_put_u32le(snapshot->data, crc32c(slice_make(snapshot->data + 4, snapshot->size - 4)));
}

/* Restores from a heap copy of exactly that size, so that a sanitizer sees a read beyond the end. */
static enum status restore_copy(struct metadata *metadata, const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    enum status status = metadata_restore(metadata, slice_make(copy, size));
    free(copy);
    return status;
}

static void test_the_same_state_comes_back(void **state) {
    (void)state;
    struct metadata *from = make_rich();
    struct metadata *to = make_metadata(5);
    create_topic(to, "other", 9, (const raft_id[]){1, 2}, 2);
    struct buffer snapshot = snapshot_of(from);
    assert_int_equal(metadata_restore(to, buffer_slice(&snapshot)), STATUS_OK);
    struct buffer again = snapshot_of(to);
    assert_true(slice_equal(buffer_slice(&snapshot), buffer_slice(&again)));
    assert_int_equal(metadata_digest(from), metadata_digest(to));
    assert_int_equal(metadata_digest(to), bytes_get_u32le(snapshot.data));
    assert_int_equal(metadata_first_voter_count(to), 3);
    assert_int_equal(metadata_broker_id_of(to, 2), 20);
    assert_null(metadata_broker_by_incarnation(to, 2));
    uint32_t partition;
    assert_ptr_equal(metadata_topic_of_group(to, 5, &partition), find_topic(to, "zebra"));
    assert_int_equal(partition, 1);
    assert_null(metadata_topic_of_group(to, 3, &partition));

    /* What is counted and not written goes on as if nothing had happened. */
    assert_int_equal(create_topic(from, "new", 7, (const raft_id[]){1, 3}, 2).result.status, STATUS_OK);
    assert_int_equal(create_topic(to, "new", 7, (const raft_id[]){1, 3}, 2).result.status, STATUS_OK);
    assert_int_equal(register_broker(from, 30, 301).result.incarnation, 6);
    assert_int_equal(register_broker(to, 30, 301).result.incarnation, 6);
    assert_int_equal(metadata_digest(from), metadata_digest(to));
    struct metadata_assignment a[5];
    struct metadata_assignment b[5];
    static const raft_id brokers[] = {1, 4, 5, 6};
    assert_int_equal(metadata_place(from, brokers, 4, 5, 2, 1, a), STATUS_OK);
    assert_int_equal(metadata_place(to, brokers, 4, 5, 2, 1, b), STATUS_OK);
    assert_memory_equal(a, b, sizeof a);
    buffer_finish(&again);
    buffer_finish(&snapshot);
    metadata_destroy(from);
    metadata_destroy(to);
}

static void test_it_fills_an_empty_place(void **state) {
    (void)state;
    struct metadata *from = make_rich();
    struct uuid cluster = uuid_number(7);
    struct metadata *to = metadata_create(&cluster, NULL, 0);
    assert_non_null(to);
    assert_int_equal(metadata_broker_count(to), 0);
    struct buffer snapshot = snapshot_of(from);
    assert_int_equal(metadata_restore(to, buffer_slice(&snapshot)), STATUS_OK);
    assert_int_equal(metadata_digest(from), metadata_digest(to));
    buffer_finish(&snapshot);
    metadata_destroy(from);
    metadata_destroy(to);
}

static void test_it_is_appended(void **state) {
    (void)state;
    struct metadata *metadata = make_rich();
    struct buffer buffer;
    buffer_init(&buffer, COMMAND_BYTES_MAX);
    buffer_append_string(&buffer, "before");
    metadata_snapshot(metadata, &buffer);
    assert_int_equal(metadata_restore(metadata, slice_after(buffer_slice(&buffer), 6)), STATUS_OK);
    buffer_finish(&buffer);
    metadata_destroy(metadata);
}

static void test_damaged_bytes_are_refused(void **state) {
    (void)state;
    struct metadata *from = make_rich();
    struct metadata *to = make_metadata(1);
    struct buffer snapshot = snapshot_of(from);
    uint32_t before = metadata_digest(to);
    for (size_t size = 0; size < snapshot.size; size++) {
        assert_int_equal(restore_copy(to, snapshot.data, size), STATUS_CORRUPT);
    }
    for (size_t bit = 0; bit < snapshot.size * 8; bit++) {
        snapshot.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(restore_copy(to, snapshot.data, snapshot.size), STATUS_CORRUPT);
        snapshot.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(metadata_digest(to), before);
    buffer_finish(&snapshot);
    metadata_destroy(from);
    metadata_destroy(to);
}

static void test_cut_and_sealed_again(void **state) {
    (void)state;
    struct metadata *from = make_rich();
    struct metadata *to = make_metadata(1);
    struct buffer snapshot = snapshot_of(from);
    size_t whole = snapshot.size;
    for (size_t size = 4; size < whole; size++) {
        snapshot.size = size;
        uint32_t kept = bytes_get_u32le(snapshot.data);
        seal(&snapshot);
        assert_int_equal(restore_copy(to, snapshot.data, size), STATUS_CORRUPT);
        bytes_put_u32le(snapshot.data, kept);
    }
    snapshot.size = whole;
    buffer_append_u8(&snapshot, 0);
    seal(&snapshot);
    assert_int_equal(restore_copy(to, snapshot.data, snapshot.size), STATUS_CORRUPT);
    buffer_finish(&snapshot);
    metadata_destroy(from);
    metadata_destroy(to);
}

/* Where the fields of make_metadata(3) with one topic "t" lie, as docs/storage-format.md says. */
enum {
    AT_FORMAT = 4,
    AT_APPLIED = 5,
    AT_FIRST_VOTERS = 29,
    AT_NEXT_GROUP = 33,
    AT_INCARNATIONS = 41,
    AT_OWNERS = 45,
    AT_BROKERS = 57,
    AT_BROKER = 61,
    BROKER_SIZE = 32, /* without addresses */
    AT_TOPICS = AT_BROKER + 3 * BROKER_SIZE,
    AT_TOPIC = AT_TOPICS + 4,
    AT_VERSION = AT_TOPIC + 3 + 16,
    AT_FIRST_GROUP = AT_VERSION + 8,
    AT_FACTOR = AT_FIRST_GROUP + 8,
    AT_PARTITIONS = AT_FACTOR + 4,
    AT_CONFIGS = AT_PARTITIONS + 4,
    AT_INITIAL = AT_CONFIGS + 4,
    AT_REPLICAS = AT_INITIAL + 1 + 16,
    PLAIN_SIZE = AT_REPLICAS + 1 + 16,
};

struct lie {
    size_t at;
    size_t size;
    uint64_t value;
    enum status expected;
};

static struct buffer plain_snapshot(void) {
    struct metadata *metadata = make_metadata(3);
    assert_int_equal(create_topic(metadata, "t", 1, (const raft_id[]){2, 3}, 2).result.status, STATUS_OK);
    struct buffer snapshot = snapshot_of(metadata);
    assert_int_equal(snapshot.size, PLAIN_SIZE);
    metadata_destroy(metadata);
    return snapshot;
}

/* Takes `snapshot` over. */
static void expect_lie_refused(struct buffer snapshot, const struct lie *lie) {
    struct metadata *to = make_metadata(1);
    uint32_t before = metadata_digest(to);
    uint8_t raw[8];
    bytes_put_u64le(raw, lie->value);
    memcpy(snapshot.data + lie->at, raw, lie->size);
    seal(&snapshot);
    assert_int_equal(restore_copy(to, snapshot.data, snapshot.size), lie->expected);
    assert_int_equal(metadata_digest(to), before);
    metadata_destroy(to);
    buffer_finish(&snapshot);
}

/* With a checksum that holds, but a state that no log leads to. */
static void test_a_state_that_cannot_be_is_refused(void **state) {
    (void)state;
    static const struct lie lies[] = {
        {AT_FORMAT, 1, 2, STATUS_UNSUPPORTED},
        {AT_APPLIED, 8, 0, STATUS_CORRUPT}, /* below the topic's version */
        {AT_FIRST_VOTERS, 4, 0, STATUS_CORRUPT},
        {AT_FIRST_VOTERS, 4, FIRST_VOTERS_MAX + 1, STATUS_CORRUPT},
        {AT_FIRST_VOTERS, 4, 4, STATUS_CORRUPT}, /* more than incarnations */
        {AT_NEXT_GROUP, 8, 0, STATUS_CORRUPT},
        {AT_NEXT_GROUP, 8, 1, STATUS_CORRUPT}, /* the topic's own */
        {AT_INCARNATIONS, 4, 0, STATUS_CORRUPT},
        {AT_INCARNATIONS, 4, 2, STATUS_CORRUPT},
        {AT_INCARNATIONS, 4, UINT32_MAX, STATUS_CORRUPT},
        {AT_OWNERS, 4, 20, STATUS_CORRUPT}, /* broker 10 has none then */
        {AT_OWNERS, 4, 99, STATUS_CORRUPT}, /* no such broker */
        {AT_BROKERS, 4, 0, STATUS_CORRUPT},
        {AT_BROKERS, 4, BROKERS_MAX + 1, STATUS_CORRUPT},
        {AT_BROKER, 4, 20, STATUS_CORRUPT},              /* an id twice */
        {AT_BROKER + 4, 8, 2, STATUS_CORRUPT},           /* another broker's incarnation */
        {AT_BROKER + 4, 8, 9, STATUS_CORRUPT},           /* never given */
        {AT_TOPICS, 4, TOPICS_MAX + 1, STATUS_CORRUPT},  /* too many */
        {AT_TOPIC, 2, 0, STATUS_CORRUPT},                /* no name */
        {AT_TOPIC + 2, 1, '/', STATUS_CORRUPT},          /* a bad one */
        {AT_FIRST_GROUP, 8, 0, STATUS_CORRUPT},          /* group 0 is the metadata's own */
        {AT_FIRST_GROUP, 8, 2, STATUS_CORRUPT},          /* not given yet */
        {AT_FIRST_GROUP, 8, UINT64_MAX, STATUS_CORRUPT}, /* not given yet */
        {AT_FACTOR, 4, 0, STATUS_CORRUPT},               /* none */
        {AT_FACTOR, 4, 8, STATUS_CORRUPT},               /* too many */
        {AT_PARTITIONS, 4, 0, STATUS_CORRUPT},           /* none */
        {AT_PARTITIONS, 4, UINT32_MAX, STATUS_CORRUPT},  /* too many */
        {AT_CONFIGS, 4, TOPIC_CONFIGS_MAX + 1, STATUS_CORRUPT},
        {AT_INITIAL, 1, 8, STATUS_CORRUPT},      /* too many */
        {AT_INITIAL, 1, 0, STATUS_CORRUPT},      /* none */
        {AT_INITIAL + 1, 8, 0, STATUS_CORRUPT},  /* nobody */
        {AT_INITIAL + 1, 8, 3, STATUS_CORRUPT},  /* one twice */
        {AT_REPLICAS + 1, 8, 4, STATUS_CORRUPT}, /* never given */
        {AT_REPLICAS + 1, 8, 3, STATUS_CORRUPT}, /* one twice */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        expect_lie_refused(plain_snapshot(), &lies[i]);
    }
}

/* Brokers 10, 20, 30 with incarnations 1, 4, 3; 2 is superseded. */
static struct buffer superseded_snapshot(void) {
    struct metadata *metadata = make_metadata(3);
    struct metadata_command command = register_command(20, 201, "h");
    assert_int_equal(apply_command(metadata, &command).result.incarnation, 4);
    struct buffer snapshot = snapshot_of(metadata);
    metadata_destroy(metadata);
    return snapshot;
}

static void test_a_history_that_cannot_be_is_refused(void **state) {
    (void)state;
    enum { AT_SECOND_BROKER = AT_BROKER + 4 + BROKER_SIZE };
    static const struct lie lies[] = {
        {AT_SECOND_BROKER + 4, 8, 2, STATUS_CORRUPT}, /* the superseded one as current */
        {AT_OWNERS + 4, 4, 99, STATUS_CORRUPT},       /* its owner is no broker */
        {AT_OWNERS + 4, 4, 0, STATUS_CORRUPT},        /* a first voter who is nobody */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        expect_lie_refused(superseded_snapshot(), &lies[i]);
    }
}

/* Topics "a", group 1, and "b", group 2; one replica each. */
static struct buffer two_topics_snapshot(void) {
    struct metadata *metadata = make_metadata(3);
    create_topic(metadata, "a", 1, (const raft_id[]){1}, 1);
    create_topic(metadata, "b", 1, (const raft_id[]){2}, 1);
    struct buffer snapshot = snapshot_of(metadata);
    metadata_destroy(metadata);
    return snapshot;
}

static void test_topics_in_each_others_way_are_refused(void **state) {
    (void)state;
    enum { TOPIC_SIZE = AT_INITIAL - AT_TOPIC + 18 };
    static const struct lie lies[] = {
        {AT_TOPIC + 2, 1, 'b', STATUS_CORRUPT},              /* a name twice */
        {AT_TOPIC + 2, 1, 'c', STATUS_CORRUPT},              /* out of order */
        {AT_FIRST_GROUP, 8, 2, STATUS_CORRUPT},              /* a group twice */
        {AT_FIRST_GROUP + TOPIC_SIZE, 8, 1, STATUS_CORRUPT}, /* the same from the other side */
        {AT_TOPICS, 4, 1, STATUS_CORRUPT},                   /* one more than counted */
        {AT_TOPICS, 4, 3, STATUS_CORRUPT},                   /* one fewer */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        expect_lie_refused(two_topics_snapshot(), &lies[i]);
    }
}

static void test_noise_does_no_harm(void **state) {
    (void)state;
    struct metadata *from = make_rich();
    struct metadata *to = make_metadata(1);
    struct prng prng;
    prng_init(&prng, 17);
    int restored = 0;
    for (int round = 0; round < 8000; round++) {
        struct buffer snapshot = snapshot_of(from);
        for (uint64_t changes = prng_between(&prng, 1, 3); changes > 0; changes--) {
            snapshot.data[prng_below(&prng, snapshot.size)] = (uint8_t)prng_next(&prng);
        }
        seal(&snapshot);
        if (restore_copy(to, snapshot.data, snapshot.size) == STATUS_OK) {
            assert_int_equal(metadata_digest(to), bytes_get_u32le(snapshot.data));
            register_broker(to, 20, (uint64_t)round + 1000);
            restored++;
        }
        buffer_finish(&snapshot);
    }
    assert_true(restored > 0);
    metadata_destroy(from);
    metadata_destroy(to);
}

static void test_without_memory_nothing_changes(void **state) {
    (void)state;
    struct metadata *from = make_rich();
    struct metadata *to = make_metadata(2);
    struct buffer snapshot = snapshot_of(from);
    uint32_t before = metadata_digest(to);
    uint64_t nth = 1;
    for (;; nth++) {
        allocation_fail_at(nth);
        enum status status = metadata_restore(to, buffer_slice(&snapshot));
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            break;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(metadata_digest(to), before);
    }
    assert_true(nth > 8);
    struct buffer none;
    buffer_init(&none, COMMAND_BYTES_MAX);
    allocation_fail_at(1);
    metadata_snapshot(to, &none);
    assert_true(allocation_failed());
    assert_int_equal(buffer_status(&none), STATUS_NO_MEMORY);
    buffer_finish(&none);
    buffer_finish(&snapshot);
    metadata_destroy(from);
    metadata_destroy(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_state_comes_back),
        cmocka_unit_test(test_it_fills_an_empty_place),
        cmocka_unit_test(test_it_is_appended),
        cmocka_unit_test(test_damaged_bytes_are_refused),
        cmocka_unit_test(test_cut_and_sealed_again),
        cmocka_unit_test(test_a_state_that_cannot_be_is_refused),
        cmocka_unit_test(test_a_history_that_cannot_be_is_refused),
        cmocka_unit_test(test_topics_in_each_others_way_are_refused),
        cmocka_unit_test(test_noise_does_no_harm),
        cmocka_unit_test(test_without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
