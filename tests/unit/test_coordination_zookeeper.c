/* Sessions, registrations, the controller's node and the cluster's, against a real ZooKeeper. */
#include "../support/coordination_member.h"
#include "../support/zookeeper_server.h"
#include "../support/zookeeper_witness.h"

#include "aviary/base/clock.h"
#include "aviary/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

static struct zookeeper_server server;
static struct zookeeper_witness *witness;

static int start_server(void **state) {
    (void)state;
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 0);
    return zookeeper_server_init(&server) ? 0 : -1;
}

static int stop_server(void **state) {
    (void)state;
    zookeeper_server_finish(&server);
    return 0;
}

static int setup(void **state) {
    (void)state;
    witness = zookeeper_witness_create(server.port);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    zookeeper_witness_destroy(witness);
    witness = NULL;
    return 0;
}

static void sleep_ms(long ms) {
    struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&duration, NULL);
}

static bool registered(struct member *member, const char *path) {
    struct coordination_status status;
    coordination_status(member->coordination, &status);
    return status.connected && zookeeper_witness_owner(witness, path) == status.session_id;
}

static int64_t session_of(struct member *member) {
    struct coordination_status status;
    coordination_status(member->coordination, &status);
    return status.session_id;
}

static void test_brokers_see_each_other(void **state) {
    (void)state;
    struct member one;
    struct member two;
    struct coordination_cluster cluster = member_cluster(9);
    member_init(&one, 1, 1);
    member_init(&two, 2, 2);
    two.session_timeout_ms = 4000;
    member_start(&one, server.port, "/see", NULL);
    member_start(&two, server.port, "/see", NULL);

    MEMBER_AWAIT(&one, one.broker_count == 2);
    MEMBER_AWAIT(&two, two.broker_count == 2);
    assert_int_equal(one.brokers[0].id, 1);
    assert_int_equal(one.brokers[1].id, 2);
    assert_int_equal(one.brokers[1].peer_port, 8102);
    assert_true(uuid_is_zero(&one.brokers[1].cluster_id));
    assert_true(
        zookeeper_witness_sees(witness, "/see/brokers/ids/2",
                               "{\"version\":1,\"host\":\"127.0.0.1\",\"port\":8002,\"peer_port\":8102"));

    /* Its cluster gets known: announced, and the id written. */
    coordination_set_cluster(two.coordination, &cluster);
    MEMBER_AWAIT(&one, uuid_equal(&one.brokers[1].cluster_id, &cluster.id));
    MEMBER_AWAIT(&one, one.cluster_events > 0 && uuid_equal(&one.cluster.id, &cluster.id));

    /* An orderly end is seen at once, not after the session's timeout. */
    uint64_t before_ms = clock_monotonic_ms();
    member_stop(&two);
    MEMBER_AWAIT(&one, one.broker_count == 1);
    assert_true(clock_monotonic_ms() - before_ms < two.session_timeout_ms / 2);
    member_stop(&one);
}

static void test_controller_goes_to_one_candidate_and_then_to_leaders(void **state) {
    (void)state;
    struct member one;
    struct member two;
    member_init(&one, 1, 1);
    member_init(&two, 2, 2);
    member_start(&one, server.port, "/race", NULL);
    member_start(&two, server.port, "/race", NULL);
    MEMBER_AWAIT(&one, one.controller_id != 0);
    MEMBER_AWAIT(&two, two.controller_id == one.controller_id && two.controller_epoch == 0);

    /* Elected in term 5, the second takes it, and the first does not take it back. */
    coordination_publish_controller(two.coordination, 5);
    coordination_observed_leader(one.coordination, 2, 5);
    MEMBER_AWAIT(&one, one.controller_id == 2 && one.controller_term == 5 && one.controller_epoch == 5);
    assert_int_equal(zookeeper_witness_owner(witness, "/race/controller"), session_of(&two));

    /* A higher term replaces a leader that does not know of it yet; a lower one changes nothing. */
    coordination_publish_controller(one.coordination, 7);
    MEMBER_AWAIT(&two, two.controller_id == 1 && two.controller_term == 7 && two.controller_epoch == 7);
    coordination_publish_controller(two.coordination, 6);
    sleep_ms(300);
    assert_true(zookeeper_witness_sees(witness, "/race/controller", "\"brokerid\":1,\"term\":7"));
    assert_true(zookeeper_witness_sees(witness, "/race/controller_epoch", "7"));

    /* A holder that learns of a higher term gives it up, and no one takes it while that leader is known. */
    coordination_observed_leader(two.coordination, 3, 8);
    coordination_observed_leader(one.coordination, 3, 8);
    AWAIT(!zookeeper_witness_exists(witness, "/race/controller"));
    sleep_ms(300);
    assert_false(zookeeper_witness_exists(witness, "/race/controller"));

    /* That leader lost: a candidate takes it. */
    coordination_observed_leader(two.coordination, 0, 8);
    AWAIT(zookeeper_witness_sees(witness, "/race/controller", "\"brokerid\":2,\"term\":8"));

    /* In its own term a leader takes it from a candidate. */
    coordination_publish_controller(one.coordination, 8);
    AWAIT(zookeeper_witness_sees(witness, "/race/controller", "\"brokerid\":1,\"term\":8"));
    member_stop(&one);
    member_stop(&two);
}

static const char own_disk_node[] = "{\"version\":1,\"host\":\"old\",\"port\":1,\"peer_port\":2,"
                                    "\"disk_uuid\":\"01010101-0101-0101-0101-010101010101\"}";
static const char other_disk_node[] = "{\"version\":1,\"host\":\"other\",\"port\":1,\"peer_port\":2,"
                                      "\"disk_uuid\":\"0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f\"}";

static void test_dead_session_of_the_same_disk_is_replaced_at_once(void **state) {
    (void)state;
    struct member one;
    zookeeper_witness_create_ephemeral(witness, "/same/brokers/ids/1", own_disk_node);
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/same", NULL);
    AWAIT(registered(&one, "/same/brokers/ids/1"));
    assert_int_equal(one.id_taken_events, 0);
    member_stop(&one);
}

static void test_dead_session_of_another_disk_is_waited_for(void **state) {
    (void)state;
    struct member one;
    struct zookeeper_witness *dying = zookeeper_witness_create(server.port);
    zookeeper_witness_create_ephemeral(dying, "/wait/brokers/ids/1", other_disk_node);
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/wait", NULL);
    sleep_ms(MEMBER_SESSION_TIMEOUT_MS / 2);
    assert_false(registered(&one, "/wait/brokers/ids/1"));
    zookeeper_witness_destroy(dying);
    AWAIT(registered(&one, "/wait/brokers/ids/1"));
    assert_int_equal(one.id_taken_events, 0);
    member_stop(&one);
}

static void test_living_session_of_another_disk_takes_the_id(void **state) {
    (void)state;
    struct member one;
    struct coordination_status status;
    zookeeper_witness_create_ephemeral(witness, "/taken/brokers/ids/1", other_disk_node);
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/taken", NULL);
    MEMBER_AWAIT(&one, one.id_taken_events == 1);
    assert_string_equal(one.id_taken_by.host, "other");
    coordination_status(one.coordination, &status);
    assert_true(status.closed);
    assert_non_null(strstr(status.last_error, "is taken"));
    AWAIT((coordination_status(one.coordination, &status), !status.connected));
    assert_true(zookeeper_witness_sees(witness, "/taken/brokers/ids/1", "other"));
    member_stop(&one);
}

static void test_second_broker_on_a_copied_disk_ends_the_first(void **state) {
    (void)state;
    struct member first;
    struct member second;
    member_init(&first, 1, 1);
    member_init(&second, 1, 1);
    member_start(&first, server.port, "/copy", NULL);
    AWAIT(registered(&first, "/copy/brokers/ids/1"));
    /* Once registered, and only then, another session with the same disk is a living one. */
    MEMBER_AWAIT(&first, first.broker_count == 1 && first.controller_id == 1);
    member_start(&second, server.port, "/copy", NULL);
    MEMBER_AWAIT(&first, first.id_taken_events == 1);
    AWAIT(registered(&second, "/copy/brokers/ids/1"));
    assert_int_equal(second.id_taken_events, 0);
    member_stop(&first);
    member_stop(&second);
}

static void test_expired_session_is_reopened(void **state) {
    (void)state;
    struct member one;
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/expire", NULL);
    AWAIT(registered(&one, "/expire/brokers/ids/1"));
    MEMBER_AWAIT(&one, one.controller_id == 1);
    coordination_publish_controller(one.coordination, 3);
    AWAIT(zookeeper_witness_sees(witness, "/expire/controller", "\"term\":3"));

    int64_t old_session = session_of(&one);
    zookeeper_end_session(server.port, old_session);
    uint64_t before_ms = clock_monotonic_ms();
    MEMBER_AWAIT(&one, one.session_events[COORDINATION_SESSION_REOPENED] == 1);
    /* At once: an expired handle is not waited for like a lost connection. */
    assert_true(clock_monotonic_ms() - before_ms < 2 * MEMBER_SESSION_TIMEOUT_MS);
    AWAIT(registered(&one, "/expire/brokers/ids/1"));
    AWAIT(zookeeper_witness_owner(witness, "/expire/controller") == session_of(&one));
    assert_true(zookeeper_witness_sees(witness, "/expire/controller", "\"term\":3"));
    assert_int_not_equal(session_of(&one), old_session);
    assert_true(one.session_events[COORDINATION_SESSION_DISCONNECTED] >= 1);
    member_stop(&one);
}

static void test_first_start_makes_one_cluster(void **state) {
    (void)state;
    struct member one;
    struct member two;
    struct coordination_cluster ours = member_cluster(1);
    struct coordination_cluster theirs = member_cluster(2);
    member_init(&one, 1, 1);
    member_init(&two, 2, 2);
    member_start(&one, server.port, "/first", NULL);
    member_start(&two, server.port, "/first", NULL);
    assert_int_equal(coordination_create_cluster(one.coordination, &ours), STATUS_OK);
    assert_int_equal(coordination_create_cluster(two.coordination, &theirs), STATUS_OK);
    MEMBER_AWAIT(&one, one.cluster_events > 0);
    MEMBER_AWAIT(&two, two.cluster_events > 0);
    assert_true(uuid_equal(&one.cluster.id, &two.cluster.id));
    assert_int_equal(one.cluster.first_voter_count, 3);
    assert_int_equal(one.cluster.first_voters[2].broker_id, 3);
    assert_true(uuid_equal(&one.cluster.first_voters[2].disk_uuid, &ours.first_voters[2].disk_uuid));
    member_stop(&one);
    member_stop(&two);
}

static void test_foreign_cluster_is_left_alone(void **state) {
    (void)state;
    struct member one;
    struct member stranger;
    struct coordination_cluster ours = member_cluster(1);
    struct coordination_cluster theirs = member_cluster(2);
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/foreign", &ours);
    AWAIT(registered(&one, "/foreign/brokers/ids/1"));

    member_init(&stranger, 2, 2);
    member_start(&stranger, server.port, "/foreign", &theirs);
    MEMBER_AWAIT(&stranger, stranger.foreign_events == 1);
    assert_true(uuid_equal(&stranger.cluster.id, &ours.id));
    coordination_publish_controller(stranger.coordination, 9);
    sleep_ms(300);
    assert_false(zookeeper_witness_exists(witness, "/foreign/brokers/ids/2"));
    assert_false(zookeeper_witness_exists(witness, "/foreign/controller_epoch"));

    /* Where the id is missing, a broker of the cluster writes it again. */
    zookeeper_witness_delete_tree(witness, "/foreign/cluster/id");
    AWAIT(zookeeper_witness_sees(witness, "/foreign/cluster/id", "01010101-0101"));
    member_stop(&one);
    member_stop(&stranger);
}

static void test_paused_server_is_left_and_found_again(void **state) {
    (void)state;
    struct member one;
    struct member two;
    struct coordination_status status;
    member_init(&one, 1, 1);
    member_init(&two, 2, 2);
    member_start(&one, server.port, "/pause", NULL);
    member_start(&two, server.port, "/pause", NULL);
    AWAIT(registered(&one, "/pause/brokers/ids/1"));
    AWAIT(registered(&two, "/pause/brokers/ids/2"));
    zookeeper_server_pause(&server);

    /* Destroying does not wait for a server that hangs. */
    uint64_t before_ms = clock_monotonic_ms();
    member_stop(&two);
    assert_true(clock_monotonic_ms() - before_ms < COORDINATION_CLOSE_MS + 300);

    MEMBER_AWAIT(&one, one.session_events[COORDINATION_SESSION_DISCONNECTED] >= 1);
    AWAIT((coordination_status(one.coordination, &status), status.last_error[0] != '\0'));
    assert_false(status.connected);
    zookeeper_server_resume(&server);
    AWAIT((coordination_status(one.coordination, &status), status.connected));
    /* The witness was paused too, and may have lost its session. */
    zookeeper_witness_destroy(witness);
    witness = zookeeper_witness_create(server.port);
    AWAIT(registered(&one, "/pause/brokers/ids/1"));
    member_stop(&one);
}

static void test_same_session_goes_on_after_a_restart(void **state) {
    (void)state;
    struct member one;
    member_init(&one, 1, 1);
    one.session_timeout_ms = 4000;
    member_start(&one, server.port, "/again", NULL);
    AWAIT(registered(&one, "/again/brokers/ids/1"));
    MEMBER_AWAIT(&one, one.broker_count == 1 && one.controller_id == 1);
    int64_t session = session_of(&one);
    int broker_events = one.broker_events;
    int controller_events = one.controller_events;

    zookeeper_witness_destroy(witness);
    witness = NULL;
    zookeeper_server_kill(&server);
    MEMBER_AWAIT(&one, one.session_events[COORDINATION_SESSION_DISCONNECTED] == 1);
    assert_true(zookeeper_server_restart(&server));
    witness = zookeeper_witness_create(server.port);
    MEMBER_AWAIT(&one, one.session_events[COORDINATION_SESSION_CONNECTED] == 2);
    assert_int_equal(session_of(&one), session);
    /* Whoever forgot them when the connection was lost is told again. */
    MEMBER_AWAIT(&one, one.broker_events > broker_events && one.broker_count == 1);
    MEMBER_AWAIT(&one, one.controller_events > controller_events && one.controller_id == 1);
    member_stop(&one);
}

static void test_absent_server_is_waited_for(void **state) {
    (void)state;
    struct member one;
    zookeeper_witness_destroy(witness);
    witness = NULL;
    zookeeper_server_kill(&server);
    member_init(&one, 1, 1);
    member_start(&one, server.port, "/absent", NULL);
    sleep_ms(200);
    assert_true(zookeeper_server_restart(&server));
    witness = zookeeper_witness_create(server.port);
    AWAIT(registered(&one, "/absent/brokers/ids/1"));
    assert_int_equal(one.session_events[COORDINATION_SESSION_REOPENED], 0);
    member_stop(&one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_brokers_see_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_controller_goes_to_one_candidate_and_then_to_leaders, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_dead_session_of_the_same_disk_is_replaced_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_dead_session_of_another_disk_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_living_session_of_another_disk_takes_the_id, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_broker_on_a_copied_disk_ends_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expired_session_is_reopened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_start_makes_one_cluster, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_cluster_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paused_server_is_left_and_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_session_goes_on_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absent_server_is_waited_for, setup, teardown),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
