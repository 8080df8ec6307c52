#include "broker_fixture.h"

#include "aviary/coordination/static.h"
#include "record_batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAILBOX_BYTES = 1024 * 1024 };

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
        .distrust = storage_rocksdb_distrust,
        .scrub_bytes_per_second = life->scrub_bytes_per_second,
        .scrub_interval_ms = life->scrub_interval_ms,
        .heartbeat_ms = 20,
        .election_min_ms = 100,
        .election_max_ms = 200,
        .tail_bytes_max = life->tail_bytes_max,
        .mailbox_bytes_max = MAILBOX_BYTES,
    };
}

enum status life_open(struct life *life, uint32_t id, const char *peers, struct error *error) {
    struct storage_rocksdb_info info;
    life->storage = fixture_open(&life->directory, &info);
    life->transport.operations = &silent;
    assert_int_equal(coordination_static_create(peers, id, error, &life->coordination), STATUS_OK);
    struct broker_options options = life_options(life, id, &info.disk_uuid);
    return broker_create(&options, &life->broker, error);
}

void life_close(struct life *life) {
    if (life->broker) {
        broker_stop(life->broker);
    }
    coordination_destroy(life->coordination);
    fixture_close(life->storage);
    broker_destroy(life->broker);
    life->broker = NULL;
}

struct broker *life_start(struct life *life, const char *peers) {
    struct error error = {.message = ""};
    if (life_open(life, 1, peers, &error) != STATUS_OK || broker_start(life->broker, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    return life->broker;
}

void life_init(struct life *life) {
    *life = (struct life){.tail_bytes_max = 64 * 1024};
    fixture_directory_init(&life->directory);
}

void life_finish(struct life *life) {
    fixture_directory_finish(&life->directory);
}

uint64_t soon(void) {
    return clock_monotonic_ms() + LIFE_WAIT_MS;
}

void await_running(struct broker *broker) {
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

uint64_t make_topic(struct broker *broker, const char *name) {
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

struct node_answer produce(struct broker *broker, uint64_t group) {
    struct broker_produce_request request = batch_for(group);
    struct broker_pending *pending;
    struct node_answer answer = {0};
    answer.status = broker_produce_begin(broker, &request, &pending);
    if (answer.status == STATUS_OK) {
        broker_produce_end(broker, pending, soon(), &answer);
    }
    return answer;
}

size_t fetch(struct broker *broker, uint64_t group, int64_t offset, size_t bytes_max) {
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
