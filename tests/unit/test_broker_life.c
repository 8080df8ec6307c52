/* A broker over a real disk: its first start, its use cases alone, what a peer may ask of it, and its end. */
#include "aviary/broker.h"
#include "aviary/coordination/static.h"
#include "broker/cluster_file.h"
#include "record_batches.h"
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WAIT_MS = 20000,
    STOP_MS_MAX = 4000,
    PRODUCERS = 4,
    CALL_BYTES_MAX = 4096,
    MAILBOX_BYTES = 1024 * 1024,
};

/* A broker and all that it needs, of which peers are out of reach unless the test answers for them. */
struct life {
    struct fixture_directory directory;
    struct storage *storage;
    struct coordination *coordination;
    struct transport transport;
    struct broker *broker;
    atomic_uint calls;
    size_t tail_bytes_max;
};

static void send_nothing(struct transport *transport, const struct raft_message *message) {
    (void)transport;
    (void)message;
}

static void flush_nothing(struct transport *transport) {
    (void)transport;
}

static const struct transport_operations silent = {.send = send_nothing, .flush = flush_nothing};

static bool take_peers(struct transport *transport, const struct transport_peer *peers, size_t count) {
    (void)transport;
    (void)peers;
    (void)count;
    return true;
}

static bool take_identity(struct transport *transport, const struct transport_identity *identity) {
    (void)transport;
    return !uuid_is_zero(&identity->cluster_id);
}

static enum status call_nobody(void *context, const char *peer_address, const char *name,
                               struct slice request, uint64_t deadline_ms, struct buffer *answer,
                               struct error *error) {
    struct life *life = context;
    (void)name;
    (void)request;
    (void)deadline_ms;
    (void)answer;
    atomic_fetch_add(&life->calls, 1);
    return error_set(error, STATUS_UNAVAILABLE, "nobody at %s", peer_address);
}

static struct broker_options life_options(struct life *life, uint32_t id, const struct uuid *disk_uuid) {
    return (struct broker_options){
        .id = id,
        .rest_address = "127.0.0.1:8000",
        .peer_address = "127.0.0.1:8100",
        .expect = 1,
        .storage = life->storage,
        .disk_uuid = *disk_uuid,
        .transport = &life->transport,
        .coordination = life->coordination,
        .caller = {.context = life, .call = call_nobody},
        .set_peers = take_peers,
        .set_identity = take_identity,
        .heartbeat_ms = 20,
        .election_min_ms = 100,
        .election_max_ms = 200,
        .tail_bytes_max = life->tail_bytes_max,
        .mailbox_bytes_max = MAILBOX_BYTES,
    };
}

static enum status life_open(struct life *life, uint32_t id, const char *peers, struct error *error) {
    struct storage_rocksdb_info info;
    life->storage = fixture_open(&life->directory, &info);
    life->transport.operations = &silent;
    assert_int_equal(coordination_static_create(peers, id, error, &life->coordination), STATUS_OK);
    struct broker_options options = life_options(life, id, &info.disk_uuid);
    return broker_create(&options, &life->broker, error);
}

/* In the order that the header asks for. */
static void life_close(struct life *life) {
    if (life->broker) {
        broker_stop(life->broker);
    }
    coordination_destroy(life->coordination);
    fixture_close(life->storage);
    broker_destroy(life->broker);
    life->broker = NULL;
}

static struct broker *life_start(struct life *life, const char *peers) {
    struct error error = {.message = ""};
    if (life_open(life, 1, peers, &error) != STATUS_OK || broker_start(life->broker, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    return life->broker;
}

static void life_init(struct life *life) {
    *life = (struct life){.tail_bytes_max = 64 * 1024};
    fixture_directory_init(&life->directory);
}

static void life_finish(struct life *life) {
    fixture_directory_finish(&life->directory);
}

static uint64_t soon(void) {
    return clock_monotonic_ms() + WAIT_MS;
}

/* Waits until it belongs to a cluster and leads it. */
static void await_running(struct broker *broker) {
    struct broker_route route;
    struct error error = {.message = ""};
    enum status status = STATUS_UNAVAILABLE;
    for (uint64_t give_up_ms = soon(); status != STATUS_OK && clock_monotonic_ms() < give_up_ms;) {
        status = broker_find_leader(broker, METADATA_GROUP, soon(), &route, &error);
        usleep(2000);
    }
    if (status != STATUS_OK) {
        fail_msg("%s", error.message);
    }
}

static uint64_t make_topic(struct broker *broker, const char *name) {
    struct broker_topic_request request = {.name = name};
    struct error error = {.message = ""};
    uint64_t group;
    enum status status = broker_create_topic(broker, &request, soon(), &error);
    if (status != STATUS_OK && status != STATUS_EXISTS) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(broker_find_partition(broker, slice_of_string(name), 0, &group, &error), STATUS_OK);
    return group;
}

static struct broker_produce_request batch_for(uint64_t group) {
    struct broker_produce_request request = {
        .group = group,
        .batch = entry_blob_create(slice_make(GOLDEN_BATCH, GOLDEN_SIZE)),
        .count = GOLDEN_RECORDS,
        .expected_offset = -1,
        .acks = NODE_ACKS_ALL,
    };
    ASSERT(request.batch != NULL);
    return request;
}

static struct node_answer produce(struct broker *broker, uint64_t group) {
    struct broker_produce_request request = batch_for(group);
    struct broker_pending *pending;
    struct node_answer answer = {0};
    answer.status = broker_produce_begin(broker, &request, &pending);
    if (answer.status == STATUS_OK) {
        broker_produce_end(broker, pending, soon(), &answer);
    }
    return answer;
}

/* Reads from `offset` on; the number of batches, each of three records. */
static size_t fetch(struct broker *broker, uint64_t group, int64_t offset, size_t bytes_max) {
    struct broker_fetch_request request = {.group = group, .offset = offset, .bytes_max = bytes_max};
    struct broker_fetch_result result;
    assert_int_equal(broker_fetch(broker, &request, &result), STATUS_OK);
    size_t count = result.entries.count;
    for (size_t i = 0; i < count; i++) {
        struct entry_header header;
        struct blob *blob = result.entries.entries[i].blob;
        assert_int_equal(entry_header_decode(blob_slice(blob), &header), STATUS_OK);
        assert_int_equal(header.base_offset, offset / 3 * 3 + (int64_t)i * 3);
    }
    storage_entries_finish(&result.entries);
    return count;
}

/* ---- Alone ---- */

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
    assert_true(clock_monotonic_ms() < begun_ms + WAIT_MS / 2);
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
    assert_int_equal(ask(broker, "leader", slice_make(group, 8), &answer), STATUS_OK);
    assert_int_equal(answer.size, 12);
    assert_int_equal(bytes_get_u32le(answer.data), 1);
    assert_true(bytes_get_u64le(answer.data + 4) > 0);
    group[0] = 77; /* no such group here */
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
        cmocka_unit_test(test_a_broker_alone_serves),
        cmocka_unit_test(test_old_batches_come_from_the_disk),
        cmocka_unit_test(test_everything_is_there_after_a_restart),
        cmocka_unit_test(test_topics_come_and_go),
        cmocka_unit_test(test_a_reader_waits_for_the_first_record),
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
