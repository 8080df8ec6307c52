/* Registrations and their answers as bytes: back as they were, and refused where they do not hold. */
#include "broker/broker_private.h"
#include "broker/calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BYTES_MAX = 64 * 1024 };

static const struct registration REGISTRATION = {
    .cluster_id = {{0xc1}},
    .broker = {.id = 7, .disk_uuid = {{0xd1}}, .rest_address = "h:8000", .peer_address = "h:8100"},
};

static struct call_registered *make_registered(size_t brokers) {
    struct call_registered *registered = calloc(1, sizeof *registered);
    assert_non_null(registered);
    registered->incarnation = 9;
    registered->voter_count = 2;
    registered->voters[0] = (struct metadata_first_voter){1, {{0xd1}}};
    registered->voters[1] = (struct metadata_first_voter){2, {{0xd2}}};
    registered->broker_count = brokers;
    for (size_t i = 0; i < brokers; i++) {
        struct metadata_broker *broker = &registered->brokers[i];
        broker->id = (uint32_t)i + 1;
        broker->incarnation = i + 100;
        broker->disk_uuid = (struct uuid){{0xd0, (uint8_t)i}};
        snprintf(broker->rest_address, sizeof broker->rest_address, "rest-%zu:1", i);
        snprintf(broker->peer_address, sizeof broker->peer_address, "peer-%zu:1", i);
    }
    return registered;
}

/* Every shorter piece is refused, and so is one byte more. */
static void expect_only_whole(const struct buffer *bytes, enum status (*decode)(struct slice bytes)) {
    assert_int_equal(decode(buffer_slice(bytes)), STATUS_OK);
    for (size_t size = 0; size < bytes->size; size++) {
        assert_int_equal(decode(slice_make(bytes->data, size)), STATUS_CORRUPT);
    }
    struct buffer longer;
    buffer_init(&longer, BYTES_MAX);
    buffer_append_slice(&longer, buffer_slice(bytes));
    buffer_append_u8(&longer, 0);
    assert_int_equal(decode(buffer_slice(&longer)), STATUS_CORRUPT);
    buffer_finish(&longer);
}

static enum status decode_registration(struct slice bytes) {
    struct registration registration;
    return call_decode_registration(bytes, &registration);
}

static enum status decode_registered(struct slice bytes) {
    struct call_registered *registered = malloc(sizeof *registered);
    assert_non_null(registered);
    enum status status = call_decode_registered(bytes, registered);
    free(registered);
    return status;
}

static void test_a_registration(void **state) {
    (void)state;
    static const uint8_t addresses[] = {6, 0, 'h', ':', '8', '0', '0', '0',
                                        6, 0, 'h', ':', '8', '1', '0', '0'};
    struct buffer bytes;
    struct registration read;
    buffer_init(&bytes, BYTES_MAX);
    call_encode_registration(&REGISTRATION, &bytes);
    assert_int_equal(bytes.size, 16 + 4 + 16 + sizeof addresses);
    assert_int_equal(bytes.data[0], 0xc1);
    assert_int_equal(bytes_get_u32le(bytes.data + 16), 7);
    assert_int_equal(bytes.data[20], 0xd1);
    assert_memory_equal(bytes.data + 36, addresses, sizeof addresses);
    assert_int_equal(call_decode_registration(buffer_slice(&bytes), &read), STATUS_OK);
    assert_memory_equal(&read.cluster_id, &REGISTRATION.cluster_id, UUID_SIZE);
    assert_memory_equal(&read.broker.disk_uuid, &REGISTRATION.broker.disk_uuid, UUID_SIZE);
    assert_int_equal(read.broker.id, 7);
    assert_string_equal(read.broker.rest_address, "h:8000");
    assert_string_equal(read.broker.peer_address, "h:8100");
    expect_only_whole(&bytes, decode_registration);
    bytes.data[38] = 0; /* an address with a NUL within */
    assert_int_equal(decode_registration(buffer_slice(&bytes)), STATUS_CORRUPT);
    bytes.data[38] = 'h';
    bytes_put_u32le(bytes.data + 16, 0); /* no broker's id */
    assert_int_equal(decode_registration(buffer_slice(&bytes)), STATUS_CORRUPT);
    buffer_finish(&bytes);
}

static void test_an_address_has_a_maximum(void **state) {
    (void)state;
    struct registration registration = REGISTRATION;
    struct registration read;
    struct buffer bytes;
    memset(registration.broker.peer_address, 'p', ADDRESS_SIZE_MAX - 1);
    buffer_init(&bytes, BYTES_MAX);
    call_encode_registration(&registration, &bytes);
    assert_int_equal(call_decode_registration(buffer_slice(&bytes), &read), STATUS_OK);
    assert_string_equal(read.broker.peer_address, registration.broker.peer_address);
    bytes_put_u16le(bytes.data + 36 + 8, ADDRESS_SIZE_MAX);
    buffer_append_u8(&bytes, 'p');
    assert_int_equal(decode_registration(buffer_slice(&bytes)), STATUS_CORRUPT);
    buffer_finish(&bytes);
}

static void test_an_answer(void **state) {
    (void)state;
    struct call_registered *registered = make_registered(3);
    struct call_registered *read = malloc(sizeof *read);
    assert_non_null(read);
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    call_encode_registered(registered, &bytes);
    assert_int_equal(call_decode_registered(buffer_slice(&bytes), read), STATUS_OK);
    assert_string_equal(read->ask, "");
    assert_int_equal(read->incarnation, 9);
    assert_int_equal(read->voter_count, 2);
    assert_int_equal(read->voters[1].broker_id, 2);
    assert_int_equal(read->broker_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read->brokers[i].id, i + 1);
        assert_int_equal(read->brokers[i].incarnation, i + 100);
        assert_true(uuid_equal(&read->brokers[i].disk_uuid, &registered->brokers[i].disk_uuid));
        assert_string_equal(read->brokers[i].rest_address, registered->brokers[i].rest_address);
        assert_string_equal(read->brokers[i].peer_address, registered->brokers[i].peer_address);
    }
    expect_only_whole(&bytes, decode_registered);
    bytes_put_u64le(bytes.data + 2, 0); /* incarnation 0 is nobody */
    assert_int_equal(decode_registered(buffer_slice(&bytes)), STATUS_CORRUPT);
    bytes_put_u64le(bytes.data + 2, 9);
    bytes.data[10] = FIRST_VOTERS_MAX + 1;
    assert_int_equal(decode_registered(buffer_slice(&bytes)), STATUS_CORRUPT);
    bytes.data[10] = 2;
    bytes_put_u16le(bytes.data + 11 + 2 * 20, BROKERS_MAX + 1);
    assert_int_equal(decode_registered(buffer_slice(&bytes)), STATUS_CORRUPT);
    buffer_finish(&bytes);
    free(registered);
    free(read);
}

static void test_an_answer_that_names_another(void **state) {
    (void)state;
    struct call_registered *registered = make_registered(3);
    struct buffer bytes;
    snprintf(registered->ask, sizeof registered->ask, "controller:8100");
    buffer_init(&bytes, BYTES_MAX);
    call_encode_registered(registered, &bytes);
    assert_int_equal(bytes.size, 2 + 15);
    assert_int_equal(call_decode_registered(buffer_slice(&bytes), registered), STATUS_OK);
    assert_string_equal(registered->ask, "controller:8100");
    assert_int_equal(registered->broker_count, 0);
    expect_only_whole(&bytes, decode_registered);
    buffer_finish(&bytes);
    free(registered);
}

static void test_the_largest_answer_fits_a_call(void **state) {
    (void)state;
    struct call_registered *registered = make_registered(BROKERS_MAX);
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        memset(registered->brokers[i].rest_address, 'r', ADDRESS_SIZE_MAX - 1);
        memset(registered->brokers[i].peer_address, 'p', ADDRESS_SIZE_MAX - 1);
    }
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    call_encode_registered(registered, &bytes);
    assert_int_equal(buffer_status(&bytes), STATUS_OK);
    assert_int_equal(decode_registered(buffer_slice(&bytes)), STATUS_OK);
    buffer_finish(&bytes);
    free(registered);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_registration),
        cmocka_unit_test(test_an_address_has_a_maximum),
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_an_answer_that_names_another),
        cmocka_unit_test(test_the_largest_answer_fits_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
