/* How a stream opens: a head says who one is, and a head that does not is refused with a reason. */
#include "transport/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct transport_identity IDENTITY = {
    .cluster_id = {{1, 2, 3}},
    .broker_id = 17,
    .disk_uuid = {{9, 8, 7}},
    .rest_address = "broker-17.example:8000",
    .peer_address = "broker-17.example:8100",
};

/* A request with the headers of a head. */
static struct http_request request_of(const struct protocol_head *head) {
    struct http_request request = {.method = HTTP_METHOD_POST, .header_count = PROTOCOL_HEAD_PAIRS};
    memcpy(request.headers, head->pairs, sizeof head->pairs);
    return request;
}

static enum status read_head(const struct http_request *request, struct error *error) {
    struct transport_identity identity;
    uint32_t to_broker;
    return protocol_head_read(request, &identity, &to_broker, error);
}

static void test_a_head_comes_back(void **state) {
    (void)state;
    struct protocol_head head;
    protocol_head_fill(&IDENTITY, 4000000, &head);
    struct http_request request = request_of(&head);
    struct transport_identity read;
    uint32_t to_broker;
    struct error error;
    assert_int_equal(protocol_head_read(&request, &read, &to_broker, &error), STATUS_OK);
    assert_int_equal(to_broker, 4000000);
    assert_int_equal(read.broker_id, 17);
    assert_true(uuid_equal(&read.cluster_id, &IDENTITY.cluster_id));
    assert_true(uuid_equal(&read.disk_uuid, &IDENTITY.disk_uuid));
    assert_string_equal(read.rest_address, IDENTITY.rest_address);
    assert_string_equal(read.peer_address, IDENTITY.peer_address);
}

static void test_every_header_is_wanted(void **state) {
    (void)state;
    for (size_t missing = 0; missing < PROTOCOL_HEAD_PAIRS; missing++) {
        struct protocol_head head;
        struct error error = {.message = ""};
        protocol_head_fill(&IDENTITY, 2, &head);
        struct http_request request = request_of(&head);
        request.header_count--;
        request.headers[missing] = request.headers[request.header_count];
        assert_int_equal(read_head(&request, &error), STATUS_INVALID);
        assert_non_null(strstr(error.message, "X-Aviary-"));
    }
}

static void expect_header(const char *name, const char *value, enum status expected) {
    struct protocol_head head;
    struct error error = {.message = ""};
    protocol_head_fill(&IDENTITY, 2, &head);
    struct http_request request = request_of(&head);
    bool found = false;
    for (size_t i = 0; i < request.header_count; i++) {
        if (slice_equal(request.headers[i].name, slice_of_string(name))) {
            request.headers[i].value = slice_of_string(value);
            found = true;
        }
    }
    assert_true(found);
    assert_int_equal(read_head(&request, &error), expected);
    assert_true(expected == STATUS_OK || error.message[0] != '\0');
}

static void test_values_are_checked(void **state) {
    (void)state;
    char address[HOST_SIZE_MAX + 16];
    memset(address, 'a', sizeof address);
    address[HOST_SIZE_MAX + 8] = '\0';
    expect_header("X-Aviary-Peer-Address", address, STATUS_INVALID);
    expect_header("X-Aviary-Rest-Address", address, STATUS_INVALID);
    address[HOST_SIZE_MAX + 7] = '\0';
    expect_header("X-Aviary-Peer-Address", address, STATUS_OK);
    expect_header("X-Aviary-Peer-Address", "", STATUS_INVALID);
    expect_header("X-Aviary-Broker", "-1", STATUS_INVALID);
    expect_header("X-Aviary-Broker", "", STATUS_INVALID);
    expect_header("X-Aviary-Broker", "1x", STATUS_INVALID);
    expect_header("X-Aviary-Broker", "4294967297", STATUS_INVALID);
    expect_header("X-Aviary-Broker", "999999999", STATUS_OK);
    expect_header("X-Aviary-To-Broker", " 1", STATUS_INVALID);
    expect_header("X-Aviary-Cluster", "none", STATUS_INVALID);
    expect_header("X-Aviary-Disk", "", STATUS_INVALID);
    expect_header("X-Aviary-Protocol", "1.1", STATUS_INVALID);
}

static void test_another_version_is_named(void **state) {
    (void)state;
    struct protocol_head head;
    struct error error;
    protocol_head_fill(&IDENTITY, 2, &head);
    snprintf(head.version, sizeof head.version, "2");
    head.pairs[0].value = slice_of_string(head.version);
    struct http_request request = request_of(&head);
    assert_int_equal(read_head(&request, &error), STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, "protocol 1, not 2"));
}

static void test_lanes_have_names(void **state) {
    (void)state;
    assert_string_equal(protocol_lane_name(SENDER_CONTROL), "control");
    assert_string_equal(protocol_lane_name(SENDER_BULK), "bulk");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_comes_back),  cmocka_unit_test(test_every_header_is_wanted),
        cmocka_unit_test(test_values_are_checked), cmocka_unit_test(test_another_version_is_named),
        cmocka_unit_test(test_lanes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
