/* A broker alone: its use cases, from a topic to its last record. */
#include "broker_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void test_a_broker_alone_serves(void **state) {
    (void)state;
    struct life life;
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    struct broker_identity identity;
    broker_identity(broker, &identity);
    assert_int_equal(identity.incarnation, 1);
    assert_false(uuid_is_zero(&identity.cluster_id));
    assert_string_equal(identity.waiting_for, "");
    uint64_t group = make_topic(broker, "t");
    for (int64_t i = 0; i < 10; i++) {
        struct node_answer answer = produce(broker, group);
        assert_int_equal(answer.status, STATUS_OK);
        assert_int_equal(answer.base_offset, 3 * i);
    }
    assert_int_equal(fetch(broker, group, 0, 1024 * 1024), 10);
    assert_int_equal(fetch(broker, group, 28, 1024 * 1024), 1);
    assert_int_equal(fetch(broker, group, 4, 1), 1);
    assert_int_equal(fetch(broker, group, 30, 1), 0);
    assert_int_equal(broker_read_barrier(broker, group, soon()), STATUS_OK);
    struct broker_partition_position position;
    assert_true(broker_partition_position(broker, group, &position));
    assert_int_equal(position.high_watermark, 30);
    assert_true(position.here);
    int64_t offset;
    assert_int_equal(broker_offset_at_time(broker, group, 0, &offset), STATUS_OK);
    assert_int_equal(offset, 0);
    assert_int_equal(broker_offset_at_time(broker, group, INT64_MAX, &offset), STATUS_OK);
    assert_int_equal(offset, 30);
    struct broker_metrics metrics;
    broker_metrics(broker, &metrics);
    assert_int_equal(metrics.produce_records_total, 30);
    assert_int_equal(metrics.commit_count, 10); /* of records, not of metadata */
    struct broker_health health;
    broker_health(broker, soon(), &health);
    assert_true(health.coordination_ok && health.raft_ok && health.storage_ok);
    life_close(&life);
    life_finish(&life);
}

enum { WRITERS = 8, WRITES = 100 };

struct writer {
    struct thread thread;
    struct broker *broker;
    uint64_t group;
    int64_t offsets[WRITES];
};

static void write_many(void *argument) {
    struct writer *writer = argument;
    for (size_t i = 0; i < WRITES; i++) {
        struct node_answer answer = produce(writer->broker, writer->group);
        ASSERT(answer.status == STATUS_OK);
        writer->offsets[i] = answer.base_offset;
    }
}

/* Turns are taken by writers, by the storage's thread and by the shard's, and each write is answered once. */
static void test_many_write_at_once(void **state) {
    (void)state;
    struct life life;
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    uint64_t group = make_topic(broker, "t");
    struct writer writers[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.broker = broker, .group = group};
        assert_int_equal(thread_start(&writers[i].thread, "writer", write_many, &writers[i], NULL),
                         STATUS_OK);
    }
    bool seen[WRITERS * WRITES] = {false};
    for (size_t i = 0; i < WRITERS; i++) {
        thread_join(&writers[i].thread);
        for (size_t w = 0; w < WRITES; w++) {
            int64_t batch = writers[i].offsets[w] / 3;
            assert_in_range(batch, 0, WRITERS * WRITES - 1);
            assert_int_equal(writers[i].offsets[w] % 3, 0);
            assert_true(w == 0 || writers[i].offsets[w] > writers[i].offsets[w - 1]);
            assert_false(seen[batch]);
            seen[batch] = true;
        }
    }
    life_close(&life);
    life_finish(&life);
}

/* Nobody is there to take over: it goes on until it is stopped. */
static void test_a_broker_alone_hands_nothing_over(void **state) {
    (void)state;
    struct life life;
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    broker_hand_over(broker); /* be it before it runs */
    await_running(broker);
    uint64_t group = make_topic(broker, "t");
    uint64_t begun_ms = clock_monotonic_ms();
    broker_hand_over(broker);
    assert_true(clock_monotonic_ms() < begun_ms + 500);
    struct error error;
    assert_int_equal(broker_transfer_leader(broker, group, 0, soon(), &error), STATUS_UNAVAILABLE);
    assert_int_equal(broker_transfer_leader(broker, group, 7, soon(), &error), STATUS_INVALID);
    assert_int_equal(broker_transfer_leader(broker, group + 1, 0, soon(), &error), STATUS_NOT_FOUND);
    assert_int_equal(produce(broker, group).status, STATUS_OK);
    life_close(&life);
    life_finish(&life);
}

static void test_old_batches_come_from_the_disk(void **state) {
    (void)state;
    struct life life;
    life_init(&life);
    life.tail_bytes_max = 1; /* one batch is recent */
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    uint64_t group = make_topic(broker, "t");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(produce(broker, group).status, STATUS_OK);
    }
    assert_int_equal(fetch(broker, group, 0, 1024 * 1024), 50);
    assert_int_equal(fetch(broker, group, 75, 1024 * 1024), 25);
    assert_int_equal(fetch(broker, group, 147, 1), 1);
    struct broker_fetch_request request = {.group = group, .offset = 151, .bytes_max = 1};
    struct broker_fetch_result result;
    assert_int_equal(broker_fetch(broker, &request, &result), STATUS_OUT_OF_RANGE);
    assert_int_equal(result.high_watermark, 150);
    request.group = 12345;
    assert_int_equal(broker_fetch(broker, &request, &result), STATUS_NOT_FOUND);
    life_close(&life);
    life_finish(&life);
}

static void test_everything_is_there_after_a_restart(void **state) {
    (void)state;
    struct life life;
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    struct broker_identity before;
    struct broker_identity after;
    broker_identity(broker, &before);
    uint64_t group = make_topic(broker, "t");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(produce(broker, group).status, STATUS_OK);
    }
    life_close(&life);
    broker = life_start(&life, NULL);
    await_running(broker);
    broker_identity(broker, &after);
    assert_true(uuid_equal(&before.cluster_id, &after.cluster_id));
    assert_int_equal(make_topic(broker, "t"), group); /* there already, just so */
    assert_int_equal(fetch(broker, group, 0, 1024 * 1024), 5);
    assert_int_equal(produce(broker, group).base_offset, 15);
    life_close(&life);
    life_finish(&life);
}

static void test_topics_come_and_go(void **state) {
    (void)state;
    struct life life;
    struct error error;
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    uint64_t group = make_topic(broker, "t");
    struct broker_topic_request other = {.name = "t", .partition_count = 2};
    assert_int_equal(broker_create_topic(broker, &other, soon(), &error), STATUS_CONFLICT);
    struct broker_topic_request same = {.name = "t"};
    assert_int_equal(broker_create_topic(broker, &same, soon(), &error), STATUS_EXISTS);
    struct broker_topic_request many = {.name = "u", .replication_factor = 2};
    assert_int_equal(broker_create_topic(broker, &many, soon(), &error), STATUS_UNAVAILABLE);
    assert_non_null(strstr(error.message, "start more"));
    struct broker_topic_request wrong = {.name = "a/b"};
    assert_int_equal(broker_create_topic(broker, &wrong, soon(), &error), STATUS_INVALID);
    char name[NAME_SIZE_MAX + 2];
    memset(name, 't', sizeof name);
    name[NAME_SIZE_MAX] = '\0';
    (void)make_topic(broker, name);
    name[NAME_SIZE_MAX] = 't'; /* longer by one: must not be taken for the other */
    name[NAME_SIZE_MAX + 1] = '\0';
    assert_int_equal(broker_delete_topic(broker, name, 0, soon(), &error), STATUS_INVALID);
    assert_int_equal(broker_configure_topic(broker, name, 0, NULL, 0, soon(), &error), STATUS_INVALID);
    assert_int_equal(broker_delete_topic(broker, "t", 1, soon(), &error), STATUS_CONFLICT);
    assert_int_equal(broker_delete_topic(broker, "t", 0, soon(), &error), STATUS_OK);
    assert_int_equal(broker_delete_topic(broker, "t", 0, soon(), &error), STATUS_NOT_FOUND);
    assert_int_equal(produce(broker, group).status, STATUS_NOT_FOUND);
    life_close(&life);
    life_finish(&life);
}

struct reader_thread {
    struct broker *broker;
    uint64_t group;
    enum status status;
    size_t count;
};

static void read_first(void *argument) {
    struct reader_thread *reader = argument;
    struct broker_fetch_request request = {.group = reader->group, .bytes_max = 1, .deadline_ms = soon()};
    struct broker_fetch_result result;
    reader->status = broker_fetch(reader->broker, &request, &result);
    if (reader->status == STATUS_OK) {
        reader->count = result.entries.count;
        storage_entries_finish(&result.entries);
    }
}

static void test_a_reader_waits_for_the_first_record(void **state) {
    (void)state;
    struct life life;
    struct thread thread;
    life_init(&life);
    struct broker *broker = life_start(&life, NULL);
    await_running(broker);
    struct reader_thread reader = {.broker = broker, .group = make_topic(broker, "t")};
    uint64_t begun_ms = clock_monotonic_ms();
    assert_int_equal(thread_start(&thread, "reader", read_first, &reader, NULL), STATUS_OK);
    usleep(20000);
    assert_int_equal(produce(broker, reader.group).status, STATUS_OK);
    thread_join(&thread);
    assert_int_equal(reader.status, STATUS_OK);
    assert_int_equal(reader.count, 1);
    assert_true(clock_monotonic_ms() < begun_ms + LIFE_WAIT_MS / 2);
    /* One whose topic goes does not wait for its deadline. */
    struct error error;
    reader.group = make_topic(broker, "u");
    assert_int_equal(thread_start(&thread, "reader", read_first, &reader, NULL), STATUS_OK);
    usleep(20000);
    assert_int_equal(broker_delete_topic(broker, "u", 0, soon(), &error), STATUS_OK);
    thread_join(&thread);
    assert_int_equal(reader.status, STATUS_NOT_FOUND);
    life_close(&life);
    life_finish(&life);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_broker_alone_serves),
        cmocka_unit_test(test_many_write_at_once),
        cmocka_unit_test(test_a_broker_alone_hands_nothing_over),
        cmocka_unit_test(test_old_batches_come_from_the_disk),
        cmocka_unit_test(test_everything_is_there_after_a_restart),
        cmocka_unit_test(test_topics_come_and_go),
        cmocka_unit_test(test_a_reader_waits_for_the_first_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
