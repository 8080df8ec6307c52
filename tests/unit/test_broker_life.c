/* A broker's life over a real disk: its first start, what peers may ask of it, and its end. */
#include "broker/cluster_file.h"
#include "broker_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { STOP_MS_MAX = 4000, PRODUCERS = 4, CALL_BYTES_MAX = 4096 };

/* ---- Without a cluster ---- */

static void test_who_waits_for_peers_says_so(void **state) {
    (void)state;
    struct life life;
    struct error error = {.message = ""};
    struct broker_route route;
    const struct metadata *metadata;
    life_init(&life);
    struct broker *broker = life_start(&life, "1=127.0.0.1:8100,2=127.0.0.1:1,3=127.0.0.1:2");
    for (uint64_t give_up_ms = soon(); strstr(error.message, "waiting for 2 of 3 brokers") == NULL;) {
        assert_int_equal(broker_find_leader(broker, METADATA_GROUP, 0, &route, &error), STATUS_UNAVAILABLE);
        assert_true(clock_monotonic_ms() < give_up_ms);
    }
    assert_true(atomic_load(&life.calls) >= 2);
    assert_int_equal(broker_lock_metadata(broker, &metadata, &error), STATUS_UNAVAILABLE);
    assert_int_equal(produce(broker, 1).status, STATUS_UNAVAILABLE);
    assert_int_equal(broker_read_barrier(broker, 1, soon()), STATUS_UNAVAILABLE);
    struct broker_partition_position position;
    assert_false(broker_partition_position(broker, METADATA_GROUP, &position));
    struct broker_identity identity;
    broker_identity(broker, &identity);
    assert_string_equal(identity.waiting_for, "waiting for 2 of 3 brokers");
    assert_int_equal(identity.incarnation, 0);
    life_close(&life);
    life_finish(&life);
}

/* ---- What peers ask ---- */

static enum status ask(struct broker *broker, const char *name, struct slice request, struct buffer *answer) {
    struct error error = {.message = ""};
    buffer_clear(answer);
    enum status status = broker_answer_call(broker, name, request, answer, &error);
    assert_true(status == STATUS_OK || error.message[0] != '\0');
    return status;
}

static void make_proposal(uint8_t cluster, struct buffer *out) {
    struct cluster_file proposal = {
        .phase = CLUSTER_ACCEPTED,
        .cluster_id = {{cluster}},
        .voter_count = 3,
        .voters = {{1, {{1}}}, {2, {{2}}}, {3, {{3}}}},
    };
    buffer_clear(out);
    cluster_file_encode(&proposal, out);
}

/* What `hello` says of the cluster. */
static struct cluster_file hello_of(struct broker *broker, struct buffer *answer) {
    struct cluster_file file;
    assert_int_equal(ask(broker, "hello", (struct slice){0}, answer), STATUS_OK);
    assert_int_equal(bytes_get_u32le(answer->data), 1);
    assert_int_equal(cluster_file_decode(slice_after(buffer_slice(answer), 20), &file), STATUS_OK);
    return file;
}

static void test_first_voters_are_accepted_until_it_is_a_member(void **state) {
    (void)state;
    struct life life;
    struct buffer request;
    struct buffer answer;
    buffer_init(&request, CALL_BYTES_MAX);
    buffer_init(&answer, CALL_BYTES_MAX);
    life_init(&life);
    struct broker *broker = life_start(&life, "1=127.0.0.1:8100,2=127.0.0.1:1,3=127.0.0.1:2");
    assert_int_equal(hello_of(broker, &answer).phase, CLUSTER_NONE);
    for (uint8_t cluster = 1; cluster <= 2; cluster++) { /* a later list replaces the earlier */
        make_proposal(cluster, &request);
        assert_int_equal(ask(broker, "accept", buffer_slice(&request), &answer), STATUS_OK);
        assert_int_equal(hello_of(broker, &answer).phase, CLUSTER_ACCEPTED);
        assert_int_equal(hello_of(broker, &answer).cluster_id.bytes[0], cluster);
    }
    request.data[10] ^= 1;
    assert_int_equal(ask(broker, "accept", buffer_slice(&request), &answer), STATUS_INVALID);
    life_close(&life);
    broker = life_start(&life, "1=127.0.0.1:8100,2=127.0.0.1:1,3=127.0.0.1:2");
    assert_int_equal(hello_of(broker, &answer).cluster_id.bytes[0], 2); /* it was on the disk */
    life_close(&life);
    broker = life_start(&life, NULL); /* alone it becomes a member */
    await_running(broker);
    struct cluster_file member = hello_of(broker, &answer);
    assert_int_equal(member.phase, CLUSTER_MEMBER);
    make_proposal(3, &request);
    assert_int_equal(ask(broker, "accept", buffer_slice(&request), &answer), STATUS_CONFLICT);
    struct cluster_file still = hello_of(broker, &answer);
    assert_true(uuid_equal(&still.cluster_id, &member.cluster_id));
    life_close(&life);
    life_finish(&life);
    buffer_finish(&request);
    buffer_finish(&answer);
}

static void test_calls_are_checked(void **state) {
    (void)state;
    struct life life;
    struct buffer answer;
    uint8_t group[8] = {0};
    buffer_init(&answer, CALL_BYTES_MAX);
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    assert_int_equal(ask(broker, "whole", (struct slice){0}, &answer), STATUS_OK);
    assert_int_equal(answer.size, 9);
    assert_int_equal(bytes_get_u64le(answer.data), 1);
    assert_int_equal(answer.data[8], 1);
    assert_int_equal(ask(broker, "leader", slice_make(group, 8), &answer), STATUS_OK);
    assert_int_equal(answer.size, 13);
    assert_int_equal(bytes_get_u32le(answer.data), 1);
    assert_true(bytes_get_u64le(answer.data + 4) > 0);
    assert_int_equal(answer.data[12], 0); /* its majority is not lost */
    group[0] = 77;                        /* no such group here */
    assert_int_equal(ask(broker, "leader", slice_make(group, 8), &answer), STATUS_OK);
    assert_int_equal(bytes_get_u32le(answer.data), 0);
    assert_int_equal(ask(broker, "leader", slice_make(group, 7), &answer), STATUS_INVALID);
    assert_int_equal(ask(broker, "register", slice_make(group, 8), &answer), STATUS_INVALID);
    assert_int_equal(ask(broker, "accept", (struct slice){0}, &answer), STATUS_INVALID);
    assert_int_equal(ask(broker, "goodbye", (struct slice){0}, &answer), STATUS_UNSUPPORTED);
    life_close(&life);
    life_finish(&life);
    buffer_finish(&answer);
}

/* ---- Its end ---- */

struct producer {
    struct broker *broker;
    uint64_t group;
    enum status last;
    size_t produced;
};

/* Until it is refused: everybody gets an answer, and soon. */
static void produce_on(void *argument) {
    struct producer *producer = argument;
    do {
        uint64_t begun_ms = clock_monotonic_ms();
        producer->last = produce(producer->broker, producer->group).status;
        producer->produced += producer->last == STATUS_OK;
        ASSERT(clock_monotonic_ms() < begun_ms + STOP_MS_MAX);
        if (producer->last == STATUS_OK) {
            ASSERT(broker_read_barrier(producer->broker, producer->group, soon()) != STATUS_TIMEOUT);
        }
    } while (producer->last == STATUS_OK);
}

static void test_everybody_is_answered_at_a_stop(void **state) {
    (void)state;
    struct life life;
    struct producer producers[PRODUCERS];
    struct thread threads[PRODUCERS];
    size_t produced = 0;
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    uint64_t group = make_topic(broker, "t");
    for (size_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.broker = broker, .group = group};
        assert_int_equal(thread_start(&threads[i], "producer", produce_on, &producers[i], NULL), STATUS_OK);
    }
    usleep(50000);
    uint64_t begun_ms = clock_monotonic_ms();
    broker_stop(broker);
    assert_true(clock_monotonic_ms() < begun_ms + STOP_MS_MAX);
    for (size_t i = 0; i < PRODUCERS; i++) {
        thread_join(&threads[i]);
        assert_true(producers[i].last == STATUS_UNAVAILABLE || producers[i].last == STATUS_UNKNOWN);
        produced += producers[i].produced;
    }
    assert_int_equal(produce(broker, group).status, STATUS_UNAVAILABLE);
    assert_int_equal(broker_read_barrier(broker, group, soon()), STATUS_UNAVAILABLE);
    broker_stop(broker); /* again: nothing */
    life_close(&life);
    broker = life_start(&life, NULL);
    await_running(broker);
    assert_true(fetch(broker, make_topic(broker, "t"), 0, 64 * 1024 * 1024) >= produced);
    life_close(&life);
    life_finish(&life);
}

static void test_a_stop_before_a_start(void **state) {
    (void)state;
    struct life life;
    struct error error;
    life_init(&life);
    assert_int_equal(life_open(&life, 1, NULL, &error), STATUS_OK);
    life_close(&life);
    (void)life_start(&life, NULL);
    life_close(&life); /* in the middle of its first start */
    life_finish(&life);
}

static void test_a_directory_that_is_not_its_own(void **state) {
    (void)state;
    struct life life;
    struct error error = {.message = ""};
    life_init(&life);
    await_running(life_start(&life, NULL));
    life_close(&life);
    assert_int_equal(life_open(&life, 2, NULL, &error), STATUS_INVALID);
    assert_non_null(strstr(error.message, "belongs to broker 1"));
    life_close(&life);
    life_finish(&life);
}

static void put_meta(struct life *life, struct slice bytes) {
    struct storage_rocksdb_info info;
    struct fixture_completions *completions = fixture_completions_create();
    struct storage *storage = fixture_open(&life->directory, &info);
    struct storage_batch *batch = fixture_batch(completions);
    storage_batch_put_state(batch, STORAGE_GROUP_BROKER, STORAGE_STATE_META, bytes);
    assert_int_equal(fixture_commit(storage, completions, batch), STATUS_OK);
    fixture_close(storage);
    fixture_completions_destroy(completions);
}

static void test_a_cluster_file_that_does_not_hold(void **state) {
    (void)state;
    struct life life;
    struct error error = {.message = ""};
    life_init(&life);
    put_meta(&life, slice_of_string("damaged"));
    assert_int_equal(life_open(&life, 1, NULL, &error), STATUS_CORRUPT);
    assert_non_null(strstr(error.message, "move the data directory away"));
    life_close(&life);
    life_finish(&life);
}

/* A member whose log is gone cannot go on, and says so instead of serving an empty one. */
static void test_replicas_that_cannot_be_opened(void **state) {
    (void)state;
    struct life life;
    struct error error;
    life_init(&life);
    await_running(life_start(&life, NULL));
    life_close(&life);
    struct storage_rocksdb_info info;
    struct fixture_completions *completions = fixture_completions_create();
    struct storage *storage = fixture_open(&life.directory, &info);
    struct storage_batch *batch = fixture_batch(completions);
    storage_batch_put_state(batch, METADATA_GROUP, STORAGE_STATE_HARD, slice_of_string("damaged"));
    assert_int_equal(fixture_commit(storage, completions, batch), STATUS_OK);
    fixture_close(storage);
    fixture_completions_destroy(completions);
    struct broker *broker = life_start(&life, NULL);
    assert_true(broker_wait_failure(broker, soon()));
    assert_non_null(strstr(broker_failure(broker), "group 0 cannot be read"));
    usleep(300000); /* the housekeeper does not go on with what is not there */
    struct broker_route route;
    assert_int_equal(broker_find_leader(broker, METADATA_GROUP, 0, &route, &error), STATUS_UNAVAILABLE);
    life_close(&life);
    life_finish(&life);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_waits_for_peers_says_so),
        cmocka_unit_test(test_first_voters_are_accepted_until_it_is_a_member),
        cmocka_unit_test(test_calls_are_checked),
        cmocka_unit_test(test_everybody_is_answered_at_a_stop),
        cmocka_unit_test(test_a_stop_before_a_start),
        cmocka_unit_test(test_a_directory_that_is_not_its_own),
        cmocka_unit_test(test_a_cluster_file_that_does_not_hold),
        cmocka_unit_test(test_replicas_that_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
