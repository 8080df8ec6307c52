/*
 * Commands as bytes: there and back, and whatever else may come.
 */
#include "allocation.h"
#include "aviary/base/prng.h"
#include "metadata_fixture.h"

static const raft_id REPLICAS[] = {3, 1, 2};

static struct create *new_create(void) {
    struct create *create = calloc(1, sizeof *create);
    assert_non_null(create);
    fill_create(create, "birds", 4, REPLICAS, 3);
    create->command.config_count = 2;
    create->configs[0] = config("retention.ms", "1000");
    create->configs[1] = config("a", "");
    return create;
}

static struct buffer encode(const struct metadata_command *command) {
    struct buffer buffer;
    buffer_init(&buffer, COMMAND_BYTES_MAX);
    metadata_command_encode(command, &buffer);
    assert_int_equal(buffer_status(&buffer), STATUS_OK);
    return buffer;
}

static void assert_same_configs(const struct metadata_command *a, const struct metadata_command *b) {
    assert_int_equal(a->config_count, b->config_count);
    for (uint32_t i = 0; i < a->config_count; i++) {
        assert_string_equal(a->configs[i].name, b->configs[i].name);
        assert_string_equal(a->configs[i].value, b->configs[i].value);
    }
}

static void assert_same_assignments(const struct metadata_command *a, const struct metadata_command *b) {
    assert_int_equal(a->partition_count, b->partition_count);
    for (uint32_t p = 0; p < a->partition_count; p++) {
        assert_int_equal(a->assignments[p].count, b->assignments[p].count);
        assert_memory_equal(a->assignments[p].replicas, b->assignments[p].replicas,
                            a->assignments[p].count * sizeof(raft_id));
    }
}

static void expect_round_trip(const struct metadata_command *command) {
    struct buffer bytes = encode(command);
    struct metadata_command decoded;
    assert_int_equal(metadata_command_decode(buffer_slice(&bytes), &decoded), STATUS_OK);
    assert_int_equal(decoded.type, command->type);
    assert_string_equal(decoded.topic, command->topic);
    assert_true(uuid_equal(&decoded.topic_id, &command->topic_id));
    assert_int_equal(decoded.expected_version, command->expected_version);
    assert_int_equal(decoded.replication_factor, command->replication_factor);
    assert_int_equal(decoded.broker.id, command->broker.id);
    assert_true(uuid_equal(&decoded.broker.disk_uuid, &command->broker.disk_uuid));
    assert_string_equal(decoded.broker.rest_address, command->broker.rest_address);
    assert_string_equal(decoded.broker.peer_address, command->broker.peer_address);
    assert_same_configs(&decoded, command);
    assert_same_assignments(&decoded, command);
    struct buffer again = encode(&decoded);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    metadata_command_finish(&decoded);
    metadata_command_finish(&decoded);
    buffer_finish(&again);
    buffer_finish(&bytes);
}

static void test_every_command_comes_back(void **state) {
    (void)state;
    struct metadata_command command = register_command(7, 8, "somewhere.example");
    expect_round_trip(&command);
    struct create *create = new_create();
    expect_round_trip(&create->command);
    command = (struct metadata_command){.type = METADATA_DELETE_TOPIC, .topic = "x", .expected_version = 9};
    expect_round_trip(&command);
    command = (struct metadata_command){.type = METADATA_CONFIGURE_TOPIC,
                                        .topic = "y",
                                        .expected_version = UINT64_MAX,
                                        .config_count = 2,
                                        .configs = create->configs};
    expect_round_trip(&command);
    free(create);
}

/* The bytes are part of the format: docs/storage-format.md. */
static void test_the_layout_is_as_written(void **state) {
    (void)state;
    struct metadata_config change = config("ab", "c");
    struct metadata_command command = {.type = METADATA_CONFIGURE_TOPIC,
                                       .topic = "top",
                                       .expected_version = 0x0102,
                                       .config_count = 1,
                                       .configs = &change};
    static const uint8_t configure[] = {1, 4, 3, 0, 't', 'o', 'p', 2, 1,   0,   0, 0, 0,
                                        0, 0, 1, 0, 0,   0,   2,   0, 'a', 'b', 1, 0, 'c'};
    struct buffer bytes = encode(&command);
    assert_int_equal(bytes.size, sizeof configure);
    assert_memory_equal(bytes.data, configure, sizeof configure);
    buffer_finish(&bytes);

    struct metadata_assignment assignment = {.count = 2, .replicas = {5, 6}};
    command = (struct metadata_command){.type = METADATA_CREATE_TOPIC,
                                        .topic = "t",
                                        .topic_id = uuid_number(9),
                                        .partition_count = 1,
                                        .replication_factor = 2,
                                        .assignments = &assignment};
    static const uint8_t create[] = {1, 2, 1, 0, 't', 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0,
                                     0, 0, 0, 0, 1,   0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2,
                                     5, 0, 0, 0, 0,   0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
    bytes = encode(&command);
    assert_int_equal(bytes.size, sizeof create);
    assert_memory_equal(bytes.data, create, sizeof create);
    buffer_finish(&bytes);
}

/* Decodes from a heap copy of exactly that size, so that a sanitizer sees a read beyond the end. */
static enum status decode_copy(const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    struct metadata_command command;
    enum status status = metadata_command_decode(slice_make(copy, size), &command);
    if (status == STATUS_OK) {
        metadata_command_finish(&command);
    }
    free(copy);
    return status;
}

static void test_cut_and_longer_commands_are_corrupt(void **state) {
    (void)state;
    struct create *create = new_create();
    struct metadata_command join = register_command(7, 8, "h");
    const struct metadata_command *commands[] = {&create->command, &join};
    for (size_t i = 0; i < 2; i++) {
        struct buffer bytes = encode(commands[i]);
        for (size_t size = 0; size < bytes.size; size++) {
            assert_int_equal(decode_copy(bytes.data, size), STATUS_CORRUPT);
        }
        buffer_append_u8(&bytes, 0);
        assert_int_equal(decode_copy(bytes.data, bytes.size), STATUS_CORRUPT);
        buffer_finish(&bytes);
    }
    free(create);
}

static void test_unknown_formats_and_types(void **state) {
    (void)state;
    struct metadata_command command = register_command(7, 8, "h");
    struct buffer bytes = encode(&command);
    bytes.data[0] = 2;
    assert_int_equal(decode_copy(bytes.data, bytes.size), STATUS_UNSUPPORTED);
    bytes.data[0] = 1;
    static const uint8_t unknown[] = {0, 6, 255};
    for (size_t i = 0; i < sizeof unknown; i++) {
        bytes.data[1] = unknown[i];
        assert_int_equal(decode_copy(bytes.data, bytes.size), STATUS_UNSUPPORTED);
    }
    buffer_finish(&bytes);
}

static void test_counts_over_their_limits(void **state) {
    (void)state;
    struct metadata_command command = {.type = METADATA_CONFIGURE_TOPIC, .topic = "t"};
    struct buffer bytes = encode(&command);
    bytes_put_u32le(bytes.data + bytes.size - 4, TOPIC_CONFIGS_MAX + 1);
    assert_int_equal(decode_copy(bytes.data, bytes.size), STATUS_TOO_LARGE);
    struct metadata *metadata = make_metadata(1);
    struct outcome outcome = apply_bytes(metadata, RAFT_ENTRY_COMMAND, buffer_slice(&bytes));
    assert_int_equal(outcome.status, STATUS_OK);
    assert_int_equal(outcome.result.status, STATUS_TOO_LARGE);
    assert_int_equal(metadata_applied_index(metadata), 1);
    metadata_destroy(metadata);
    buffer_finish(&bytes);
}

static void test_strings_that_do_not_fit(void **state) {
    (void)state;
    struct metadata_command command = {.type = METADATA_DELETE_TOPIC, .topic = "topic"};
    struct buffer bytes = encode(&command);
    bytes.data[6] = 0; /* a NUL within */
    assert_int_equal(decode_copy(bytes.data, bytes.size), STATUS_CORRUPT);
    buffer_clear(&bytes);
    buffer_append_u8(&bytes, 1);
    buffer_append_u8(&bytes, METADATA_DELETE_TOPIC);
    buffer_append_u16(&bytes, NAME_SIZE_MAX + 1);
    for (int i = 0; i <= NAME_SIZE_MAX; i++) {
        buffer_append_u8(&bytes, 'a');
    }
    buffer_append_u64(&bytes, 0);
    assert_int_equal(decode_copy(bytes.data, bytes.size), STATUS_CORRUPT);
    buffer_finish(&bytes);
}

/* Commands with random bytes changed: decoded or refused, applied or refused, and the state stays one that
 * can be written and read back. */
static void test_noise_does_no_harm(void **state) {
    (void)state;
    struct create *create = new_create();
    struct metadata_command join = register_command(20, 8, "h");
    struct metadata_command configure = {
        .type = METADATA_CONFIGURE_TOPIC, .topic = "birds", .config_count = 2, .configs = create->configs};
    const struct metadata_command *commands[] = {&create->command, &join, &configure};
    struct metadata *metadata = make_metadata(3);
    struct metadata *copy = make_metadata(1);
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 6000; round++) {
        struct buffer bytes = encode(commands[round % 3]);
        for (uint64_t changes = prng_below(&prng, 4); changes > 0; changes--) {
            bytes.data[prng_below(&prng, bytes.size)] = (uint8_t)prng_next(&prng);
        }
        apply_bytes(metadata, RAFT_ENTRY_COMMAND, buffer_slice(&bytes));
        if (round % 50 == 0) {
            struct buffer snapshot;
            buffer_init(&snapshot, COMMAND_BYTES_MAX);
            metadata_snapshot(metadata, &snapshot);
            assert_int_equal(metadata_restore(copy, buffer_slice(&snapshot)), STATUS_OK);
            assert_int_equal(metadata_digest(copy), metadata_digest(metadata));
            buffer_finish(&snapshot);
        }
        buffer_finish(&bytes);
    }
    free(create);
    metadata_destroy(copy);
    metadata_destroy(metadata);
}

static void test_decode_without_memory(void **state) {
    (void)state;
    struct create *create = new_create();
    struct buffer bytes = encode(&create->command);
    uint64_t nth = 1;
    for (;; nth++) {
        struct metadata_command command;
        allocation_fail_at(nth);
        enum status status = metadata_command_decode(buffer_slice(&bytes), &command);
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            metadata_command_finish(&command);
            break;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
    }
    assert_int_equal(nth, 3);
    buffer_finish(&bytes);
    free(create);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_comes_back),
        cmocka_unit_test(test_the_layout_is_as_written),
        cmocka_unit_test(test_cut_and_longer_commands_are_corrupt),
        cmocka_unit_test(test_unknown_formats_and_types),
        cmocka_unit_test(test_counts_over_their_limits),
        cmocka_unit_test(test_strings_that_do_not_fit),
        cmocka_unit_test(test_noise_does_no_harm),
        cmocka_unit_test(test_decode_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
