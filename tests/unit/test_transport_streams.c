/* Streams between real transports over real servers: what arrives, who is refused, and what ends them. */
#include "aviary/raft/entry.h"
#include "http_raw.h"
#include "transport/frame.h"
#include "transport/parcel.h"
#include "transport_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SETTLE_US = 300 * 1000 /* for what must not happen */, LARGE = 4 * 1024 * 1024 };

/* ---- Delivery ---- */

static void test_messages_arrive_in_order(void **state) {
    (void)state;
    struct pair pair = pair_create();
    for (uint64_t i = 0; i < 5000; i++) {
        struct raft_message message = end_heartbeat(pair.a, pair.b, i);
        transport_send(pair.a->transport, &message);
        if (i % 7 == 0) {
            transport_flush(pair.a->transport);
        }
    }
    transport_flush(pair.a->transport);
    end_await(pair.b, &pair.b->count, 5000);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(pair.b->messages[i].context, i);
        assert_int_equal(pair.b->messages[i].from, 10);
    }
    assert_int_equal(end_number(pair.a, &pair.a->count), 0);
    assert_int_equal(end_status(pair.a).dropped_total, 0);
    assert_true(end_status(pair.b).last_heard_ms > 0);
    assert_true(end_status(pair.b).connected_from);
    pair_destroy(&pair);
}

/* Message `index` has one entry, of `size` bytes that each are the index. */
static void expect_entry(const struct raft_message *message, uint64_t index, size_t size) {
    assert_int_equal(message->entry_count, 1);
    const struct raft_entry *entry = &message->entries[0];
    assert_int_equal(entry->index, index);
    assert_int_equal(entry->blob->size, ENTRY_HEADER_SIZE + size);
    assert_int_equal(entry->blob->data[ENTRY_HEADER_SIZE], index);
    assert_int_equal(entry->blob->data[entry->blob->size - 1], index);
}

static void test_entries_arrive_whole(void **state) {
    (void)state;
    struct pair pair = pair_create();
    for (uint64_t index = 1; index <= 20; index++) {
        end_send_entry(pair.b, pair.a, index, index == 5 ? LARGE : (size_t)index * 100);
    }
    end_await(pair.a, &pair.a->count, 20);
    for (uint64_t index = 1; index <= 20; index++) {
        expect_entry(&pair.a->messages[index - 1], index, index == 5 ? LARGE : (size_t)index * 100);
    }
    pair_destroy(&pair);
}

/* What a stream takes is sent at once, the rest by the thread; nobody may notice where one ended. */
static void test_a_peer_that_lags_gets_everything_in_order(void **state) {
    (void)state;
    enum { COUNT = 30 };
    struct pair pair = pair_create();
    mutex_lock(&pair.a->mutex); /* its reader stops at the first message */
    for (uint64_t index = 1; index <= COUNT; index++) {
        end_send_entry(pair.b, pair.a, index, index % 3 == 0 ? LARGE / 4 : (size_t)index * 1000);
    }
    assert_true(end_status(pair.b).queued_bytes > 0);
    mutex_unlock(&pair.a->mutex);
    end_await(pair.a, &pair.a->count, COUNT);
    for (uint64_t index = 1; index <= COUNT; index++) {
        expect_entry(&pair.a->messages[index - 1], index, index % 3 == 0 ? LARGE / 4 : (size_t)index * 1000);
    }
    assert_int_equal(end_status(pair.b).dropped_total, 0);
    pair_destroy(&pair);
}

/* Small ones are sent at once; what the stream does not take of them then must follow. */
static void test_a_burst_that_the_stream_does_not_take_at_once(void **state) {
    (void)state;
    enum { COUNT = 200, SIZE = PARCEL_LARGE_BYTES - 1024 };
    struct pair pair = pair_create();
    for (uint64_t index = 1; index <= COUNT; index++) {
        end_add_entry(pair.b, pair.a, index, SIZE);
    }
    transport_flush(pair.b->transport);
    end_await(pair.a, &pair.a->count, COUNT);
    for (uint64_t index = 1; index <= COUNT; index++) {
        expect_entry(&pair.a->messages[index - 1], index, SIZE);
    }
    pair_destroy(&pair);
}

/* Large messages go by the thread, small ones before and behind them in the same burst keep their places. */
static void test_bursts_of_large_and_small_keep_their_order(void **state) {
    (void)state;
    enum { COUNT = 60, BURST = 7 };
    struct pair pair = pair_create();
    for (uint64_t index = 1; index <= COUNT; index++) {
        end_add_entry(pair.b, pair.a, index, index % 5 == 0 ? 2 * PARCEL_LARGE_BYTES : 100);
        if (index % BURST == 0) {
            transport_flush(pair.b->transport);
        }
    }
    transport_flush(pair.b->transport);
    end_await(pair.a, &pair.a->count, COUNT);
    for (uint64_t index = 1; index <= COUNT; index++) {
        expect_entry(&pair.a->messages[index - 1], index, index % 5 == 0 ? 2 * PARCEL_LARGE_BYTES : 100);
    }
    assert_int_equal(end_status(pair.b).dropped_total, 0);
    assert_int_equal(end_status(pair.b).queued_bytes, 0);
    pair_destroy(&pair);
}

/* An append without entries asks whether those before it have arrived: it must not arrive before them. */
static void test_messages_keep_their_lanes(void **state) {
    (void)state;
    struct pair pair = pair_create();
    end_send_entry(pair.b, pair.a, 1, LARGE);
    struct raft_message ping = {.type = RAFT_MESSAGE_APPEND, .group = 1, .from = 20, .to = 10, .index = 1};
    end_send(pair.b, &ping);
    end_await(pair.a, &pair.a->count, 2);
    expect_entry(&pair.a->messages[0], 1, LARGE);
    assert_int_equal(pair.a->messages[1].entry_count, 0);
    assert_int_equal(pair.a->messages[1].index, 1);
    pair_destroy(&pair);
}

static void test_a_peer_says_where_it_is(void **state) {
    (void)state;
    struct pair pair = pair_create();
    mutex_lock(&pair.b->mutex);
    struct transport_identity hello = pair.b->hello;
    mutex_unlock(&pair.b->mutex);
    struct uuid disk = end_disk(1);
    assert_int_equal(hello.broker_id, 1);
    assert_true(uuid_equal(&hello.disk_uuid, &disk));
    assert_string_equal(hello.rest_address, "rest-1:1");
    assert_string_equal(hello.peer_address, "peer-1:2");
    pair_destroy(&pair);
}

static void test_what_cannot_be_delivered_is_dropped(void **state) {
    (void)state;
    struct end *a = end_create(1, END_CLUSTER);
    struct end *b = end_create(2, END_CLUSTER);
    struct raft_message message = end_heartbeat(a, b, 1);
    end_send(a, &message); /* nobody knows incarnation 20 */
    end_know_unreachable(a, b);
    end_await_error(a, "127.0.0.1:1");
    for (int i = 0; i < 100; i++) {
        end_send(a, &message);
    }
    struct transport_peer_status status = end_status(a);
    assert_false(status.connected);
    assert_int_equal(status.dropped_total, 100);
    assert_int_equal(status.queued_bytes, 0);
    end_destroy(a);
    end_destroy(b);
}

static void test_a_full_mailbox_drops_messages_only(void **state) {
    (void)state;
    struct pair pair = pair_create();
    mutex_lock(&pair.b->mutex);
    pair.b->full = true;
    mutex_unlock(&pair.b->mutex);
    for (uint64_t index = 1; index <= 10; index++) {
        end_send_entry(pair.a, pair.b, index, 1000);
    }
    end_await(pair.b, &pair.b->count, 10);
    assert_true(end_status(pair.a).connected);
    pair_destroy(&pair);
}

/* ---- Streams that break ---- */

static void test_streams_come_back_after_a_restart(void **state) {
    (void)state;
    struct pair pair = pair_create();
    uint16_t port = pair.b->port;
    http_server_destroy(pair.b->server);
    pair.b->server = NULL;
    end_await_connected(pair.a, false);
    end_serve(pair.b, port);
    end_await_connected(pair.a, true);
    struct raft_message message = end_heartbeat(pair.a, pair.b, 7);
    end_send(pair.a, &message);
    end_await(pair.b, &pair.b->count, 1);
    assert_int_equal(pair.b->messages[0].context, 7);
    pair_destroy(&pair);
}

static void test_a_new_address_is_followed(void **state) {
    (void)state;
    struct pair pair = pair_create();
    http_server_destroy(pair.b->server);
    end_serve(pair.b, 0);
    end_know(pair.a, pair.b);
    end_await_connected(pair.a, true);
    assert_true(end_status(pair.a).connected_from); /* the way from it stands as it did */
    struct raft_message message = end_heartbeat(pair.a, pair.b, 8);
    end_send(pair.a, &message);
    end_await(pair.b, &pair.b->count, 1);
    pair_destroy(&pair);
}

static void test_a_closed_peer_is_told_once(void **state) {
    (void)state;
    struct pair pair = pair_create();
    /* All its streams end, as those of a process that ends. */
    assert_true(transport_http_set_peers(pair.a->transport, NULL, 0));
    end_await(pair.b, &pair.b->closed, 1);
    usleep(SETTLE_US);
    assert_int_equal(end_number(pair.b, &pair.b->closed), 1);
    assert_int_equal(pair.b->closed_last, 10);
    assert_false(end_status(pair.b).connected_from);
    pair_destroy(&pair);
}

static void test_streams_of_a_removed_peer_end(void **state) {
    (void)state;
    struct pair pair = pair_create();
    assert_true(transport_http_set_peers(pair.b->transport, NULL, 0));
    end_await_connected(pair.a, false);
    end_await_error(pair.a, "must register first");
    assert_int_equal(end_number(pair.b, &pair.b->closed), 0);
    pair_destroy(&pair);
}

static void test_a_peer_that_takes_nothing_is_cut_off(void **state) {
    (void)state;
    struct end *a = end_create(1, END_CLUSTER);
    struct end silent = {.id = 2};
    int streams[2];
    int listener = raw_listen(&silent.port);
    end_know(a, &silent);
    for (int i = 0; i < 2; i++) { /* lets both lanes in, and reads nothing more */
        char head[4096];
        streams[i] = accept(listener, NULL, NULL);
        assert_true(streams[i] >= 0);
        assert_true(recv(streams[i], head, sizeof head, 0) > 0);
        raw_send_text(streams[i], "HTTP/1.1 100 Continue\r\n\r\n");
    }
    end_await_connected(a, true);
    end_await_bulk(a);
    /* Always the same one: the queue shall be full before the stream's time is over. */
    struct raft_entry entry = {.index = 1, .type = RAFT_ENTRY_RECORDS, .blob = blob_create(LARGE)};
    assert_non_null(entry.blob);
    struct raft_message message = {
        .type = RAFT_MESSAGE_APPEND, .from = 10, .to = 20, .entries = &entry, .entry_count = 1};
    for (int count = 1; end_status(a).dropped_total == 0; count++) {
        end_send(a, &message);
        assert_true(end_status(a).queued_bytes <= PEER_QUEUE_BYTES_MAX);
        assert_true(count < 100);
    }
    blob_release(entry.blob);
    end_await_error(a, "does not take");
    close(streams[0]);
    close(streams[1]);
    close(listener);
    end_destroy(a);
}

/* ---- Who is refused ---- */

static void expect_refused(struct uuid own, struct uuid theirs, const char *message) {
    struct end *a = end_create(1, own);
    struct end *b = end_create(2, theirs);
    end_know_unreachable(b, a);
    end_know(a, b);
    end_await_error(a, message);
    assert_false(end_status(a).connected);
    assert_int_equal(end_number(b, &b->hellos), 0);
    end_destroy(a);
    end_destroy(b);
}

static void test_other_clusters_are_refused(void **state) {
    (void)state;
    static const struct uuid other = {{0xc2}};
    static const struct uuid none = {{0}};
    expect_refused(END_CLUSTER, other, "belongs to another cluster");
    expect_refused(none, END_CLUSTER, "belongs to another cluster");
    expect_refused(END_CLUSTER, none, "does not belong to a cluster yet");
}

static void test_strangers_are_refused(void **state) {
    (void)state;
    struct end *a = end_create(1, END_CLUSTER);
    struct end *b = end_create(2, END_CLUSTER);
    end_know(a, b);
    end_await_error(a, "must register first");
    end_know_unreachable(b, a);
    end_await_connected(a, true);
    end_destroy(a);
    end_destroy(b);
}

static void test_an_address_of_somebody_else_is_noticed(void **state) {
    (void)state;
    struct end *a = end_create(1, END_CLUSTER);
    struct end *b = end_create(2, END_CLUSTER);
    struct transport_peer wrong = end_peer(b);
    wrong.broker_id = 3;
    end_know_unreachable(b, a);
    assert_true(transport_http_set_peers(a->transport, &wrong, 1));
    end_await_error(a, "this is broker 2, not 3");
    end_destroy(a);
    end_destroy(b);
}

static void test_a_new_identity_opens_anew(void **state) {
    (void)state;
    static const struct uuid none = {{0}};
    struct end *a = end_create(1, none);
    struct end *b = end_create(2, END_CLUSTER);
    end_know_unreachable(b, a);
    end_know(a, b);
    end_await_error(a, "another cluster");
    struct transport_identity identity = end_identity(a, END_CLUSTER);
    assert_true(transport_http_set_identity(a->transport, &identity));
    end_await_connected(a, true);
    assert_int_equal(end_status(a).incarnation, 20);
    end_destroy(a);
    end_destroy(b);
}

/* ---- Streams by hand ---- */

/* Opens a stream to `end` as broker 1 would. */
static int open_by_hand(const struct end *end, const char *lane) {
    char head[1024];
    char cluster[UUID_TEXT_SIZE];
    char disk[UUID_TEXT_SIZE];
    struct uuid disk_uuid = end_disk(1);
    uuid_format(&END_CLUSTER, cluster);
    uuid_format(&disk_uuid, disk);
    int size = snprintf(head, sizeof head,
                        "POST /raft/v1/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n"
                        "Expect: 100-continue\r\nX-Aviary-Protocol: 1\r\nX-Aviary-Cluster: %s\r\n"
                        "X-Aviary-Broker: 1\r\nX-Aviary-Disk: %s\r\nX-Aviary-Rest-Address: h:1\r\n"
                        "X-Aviary-Peer-Address: h:2\r\nX-Aviary-To-Broker: %u\r\n\r\n",
                        lane, cluster, disk, end->id);
    int fd = raw_connect(end->port);
    raw_send(fd, head, (size_t)size);
    static const char expected[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char answer[sizeof expected] = "";
    assert_int_equal(recv(fd, answer, sizeof expected - 1, MSG_WAITALL), sizeof expected - 1);
    assert_string_equal(answer, expected);
    return fd;
}

/* Broker 2, and broker 1, which is nobody but the test. */
struct hand {
    struct end *end;
    struct end ghost;
    struct frame_writer frame; /* a heartbeat from the one to the other */
};

static void hand_init(struct hand *hand, raft_id from) {
    *hand = (struct hand){.end = end_create(2, END_CLUSTER), .ghost = {.id = 1}};
    end_know_unreachable(hand->end, &hand->ghost);
    struct raft_message message = end_heartbeat(&hand->ghost, hand->end, 3);
    message.from = from;
    frame_writer_init(&hand->frame, PEER_BULK_FRAME_BYTES_MAX, PEER_QUEUE_BYTES_MAX);
    assert_true(frame_writer_add(&hand->frame, &message));
    frame_writer_close(&hand->frame);
}

static void hand_finish(struct hand *hand) {
    frame_writer_finish(&hand->frame);
    end_destroy(hand->end);
}

static void send_frame(const struct hand *hand, int fd) {
    raw_send(fd, hand->frame.bytes.data, hand->frame.bytes.size);
}

static void test_a_damaged_frame_ends_its_stream(void **state) {
    (void)state;
    struct hand hand;
    hand_init(&hand, 10);
    int fd = open_by_hand(hand.end, "control");
    send_frame(&hand, fd);
    end_await(hand.end, &hand.end->count, 1);
    hand.frame.bytes.data[FRAME_HEADER_SIZE + 20] ^= 1;
    send_frame(&hand, fd);
    assert_true(raw_is_closed(fd));
    end_await(hand.end, &hand.end->closed, 1);
    assert_int_equal(end_number(hand.end, &hand.end->count), 1);
    close(fd);
    hand_finish(&hand);
}

static void test_a_frame_over_its_lane_s_size_ends_its_stream(void **state) {
    (void)state;
    struct hand hand;
    uint8_t header[FRAME_HEADER_SIZE] = {0};
    hand_init(&hand, 10);
    bytes_put_u32le(header, PEER_CONTROL_FRAME_BYTES_MAX + 1);
    int fd = open_by_hand(hand.end, "control");
    raw_send(fd, header, sizeof header);
    assert_true(raw_is_closed(fd));
    close(fd);
    hand_finish(&hand);
}

static void test_nobody_speaks_for_another(void **state) {
    (void)state;
    struct hand hand;
    hand_init(&hand, 30);
    int fd = open_by_hand(hand.end, "bulk");
    send_frame(&hand, fd);
    assert_true(raw_is_closed(fd));
    assert_int_equal(end_number(hand.end, &hand.end->count), 0);
    close(fd);
    hand_finish(&hand);
}

/* A peer whose power failed leaves a stream that no packet will ever end. */
static void test_a_newer_stream_replaces_the_older(void **state) {
    (void)state;
    struct hand hand;
    hand_init(&hand, 10);
    int bulk = open_by_hand(hand.end, "bulk");
    int older = open_by_hand(hand.end, "control");
    int newer = open_by_hand(hand.end, "control");
    assert_true(raw_is_closed(older));
    assert_int_equal(end_number(hand.end, &hand.end->closed), 0);
    send_frame(&hand, newer);
    send_frame(&hand, bulk);
    end_await(hand.end, &hand.end->count, 2);
    close(newer);
    end_await(hand.end, &hand.end->closed, 1);
    close(bulk);
    usleep(SETTLE_US);
    assert_int_equal(end_number(hand.end, &hand.end->closed), 1);
    close(older);
    hand_finish(&hand);
}

static void test_only_posts_to_the_lanes_are_streams(void **state) {
    (void)state;
    struct end *end = end_create(2, END_CLUSTER);
    raw_expect(end->port, "POST /raft/v1/control HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 417,
               true);
    raw_expect(end->port,
               "POST /raft/v1/bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
               400, true);
    raw_expect(end->port, "GET /raft/v1/control HTTP/1.1\r\nHost: x\r\n\r\n", 200, false);
    raw_expect(end->port, "POST /raft/v1/other HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200, false);
    end_destroy(end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_arrive_in_order),
        cmocka_unit_test(test_entries_arrive_whole),
        cmocka_unit_test(test_a_peer_that_lags_gets_everything_in_order),
        cmocka_unit_test(test_a_burst_that_the_stream_does_not_take_at_once),
        cmocka_unit_test(test_bursts_of_large_and_small_keep_their_order),
        cmocka_unit_test(test_messages_keep_their_lanes),
        cmocka_unit_test(test_a_peer_says_where_it_is),
        cmocka_unit_test(test_what_cannot_be_delivered_is_dropped),
        cmocka_unit_test(test_a_full_mailbox_drops_messages_only),
        cmocka_unit_test(test_streams_come_back_after_a_restart),
        cmocka_unit_test(test_a_new_address_is_followed),
        cmocka_unit_test(test_a_closed_peer_is_told_once),
        cmocka_unit_test(test_streams_of_a_removed_peer_end),
        cmocka_unit_test(test_a_peer_that_takes_nothing_is_cut_off),
        cmocka_unit_test(test_other_clusters_are_refused),
        cmocka_unit_test(test_strangers_are_refused),
        cmocka_unit_test(test_an_address_of_somebody_else_is_noticed),
        cmocka_unit_test(test_a_new_identity_opens_anew),
        cmocka_unit_test(test_a_damaged_frame_ends_its_stream),
        cmocka_unit_test(test_a_frame_over_its_lane_s_size_ends_its_stream),
        cmocka_unit_test(test_nobody_speaks_for_another),
        cmocka_unit_test(test_a_newer_stream_replaces_the_older),
        cmocka_unit_test(test_only_posts_to_the_lanes_are_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
