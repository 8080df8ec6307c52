/* Streams, both sides: bytes arrive at once, refusals are told, and either side's end is noticed. */
#include "aviary/base/clock.h"
#include "aviary/base/thread.h"
#include "aviary/http/stream.h"
#include "http_raw.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROUNDS = 2000, ROUND_TRIP_US_MAX = 2000, STOP_MS_MAX = 200, LARGE = 8 * 1024 * 1024 };

/* What the reading side saw. */
static struct {
    atomic_uint readers;
    atomic_uint_fast64_t bytes;
    atomic_uint_fast64_t sum;
    atomic_int ended; /* the status that ended the last reader, -1 before */
    atomic_bool paused;
} seen;

static bool is_stream(void *context, const struct http_request *request) {
    (void)context;
    return request->segment_count > 0 && slice_equal(request->segments[0], slice_of_string("stream"));
}

static void read_stream(struct http_request *request) {
    uint8_t bytes[16 * 1024];
    enum status status;
    atomic_fetch_add(&seen.readers, 1);
    for (;;) {
        size_t size;
        while (atomic_load(&seen.paused) && !http_request_is_stopping(request)) {
            usleep(1000);
        }
        status = http_request_read(request, bytes, sizeof bytes, clock_monotonic_ms() + 60000, &size);
        if (status != STATUS_OK) {
            break;
        }
        uint64_t sum = 0;
        for (size_t i = 0; i < size; i++) {
            sum += bytes[i];
        }
        atomic_fetch_add(&seen.sum, sum);
        atomic_fetch_add(&seen.bytes, size);
    }
    atomic_store(&seen.ended, (int)status);
    atomic_fetch_sub(&seen.readers, 1);
}

static void handle(void *context, struct http_request *request, struct http_response *response) {
    (void)context;
    if (!is_stream(NULL, request)) {
        buffer_append_string(http_response_body(response), "plain");
        return;
    }
    const struct slice *stranger = http_request_header(request, "X-Stranger");
    if (stranger) {
        http_response_error(response, slice_equal(*stranger, slice_of_string("busy")) ? 50301 : 40301,
                            "you are no peer of this cluster");
        return;
    }
    if (http_request_accept_stream(request) == STATUS_OK) {
        read_stream(request);
    }
}

static struct http_server *start(void) {
    struct http_server_options options = {.connections_max = 8, .is_stream = is_stream};
    atomic_store(&seen.bytes, 0);
    atomic_store(&seen.sum, 0);
    atomic_store(&seen.ended, -1);
    atomic_store(&seen.paused, false);
    return raw_server(&options, handle, NULL);
}

static enum status open_stream(uint16_t port, const char *target, const struct http_pair *header,
                               struct http_stream **ret_stream, struct error *error) {
    char authority[32];
    snprintf(authority, sizeof authority, "127.0.0.1:%u", port);
    struct http_stream_options options = {
        .authority = authority,
        .target = target,
        .headers = header,
        .header_count = header ? 1 : 0,
        .deadline_ms = clock_monotonic_ms() + 2000,
    };
    return http_stream_open(&options, ret_stream, error);
}

static struct http_stream *open_or_fail(const struct http_server *server) {
    struct http_stream *stream = NULL;
    struct error error;
    if (open_stream(http_server_port(server), "/stream", NULL, &stream, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    return stream;
}

static void await(const atomic_uint_fast64_t *value, uint64_t wanted) {
    uint64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
    while (atomic_load(value) != wanted && clock_monotonic_ms() < deadline_ms) {
    }
    assert_int_equal(atomic_load(value), wanted);
}

static void await_end(int status) {
    uint64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
    while (atomic_load(&seen.ended) == -1 && clock_monotonic_ms() < deadline_ms) {
        usleep(100);
    }
    assert_int_equal(atomic_load(&seen.ended), status);
}

/* One byte at a time, each seen by the reader before the next is sent: no read waits for a full buffer. */
static void bytes_arrive_at_once(void **state) {
    (void)state;
    struct http_server *server = start();
    struct http_stream *stream = open_or_fail(server);
    uint64_t before_us = clock_monotonic_us();
    for (unsigned i = 1; i <= ROUNDS; i++) {
        assert_int_equal(http_stream_send(stream, slice_make("\1", 1), clock_monotonic_ms() + 1000, NULL),
                         STATUS_OK);
        await(&seen.bytes, i);
    }
    uint64_t each_us = (clock_monotonic_us() - before_us) / ROUNDS;
    print_message("a byte reaches its reader in %lu us\n", each_us);
    assert_true(each_us < ROUND_TRIP_US_MAX);
    assert_int_equal(http_stream_remaining(stream), HTTP_STREAM_BYTES_MAX - ROUNDS);
    assert_false(http_stream_is_broken(stream));
    http_stream_close(stream);
    await_end(STATUS_CLOSED);
    http_server_destroy(server);
}

static void large_sends_arrive_whole(void **state) {
    uint8_t *bytes = malloc(LARGE);
    uint64_t sum = 0;
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < LARGE; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 997);
        sum += bytes[i];
    }
    struct http_server *server = start();
    struct http_stream *stream = open_or_fail(server);
    assert_int_equal(http_stream_send(stream, slice_make(bytes, LARGE), clock_monotonic_ms() + 5000, NULL),
                     STATUS_OK);
    await(&seen.bytes, LARGE);
    await(&seen.sum, sum);
    http_stream_close(stream);
    http_server_destroy(server);
    free(bytes);
}

static void a_stalled_reader_meets_the_deadline(void **state) {
    uint8_t *bytes = calloc(4, LARGE);
    struct error error;
    (void)state;
    assert_non_null(bytes);
    struct http_server *server = start();
    atomic_store(&seen.paused, true);
    struct http_stream *stream = open_or_fail(server);
    uint64_t before_ms = clock_monotonic_ms();
    struct slice large = slice_make(bytes, (size_t)4 * LARGE);
    assert_int_equal(http_stream_send(stream, large, before_ms + 300, &error), STATUS_TIMEOUT);
    assert_in_range(clock_monotonic_ms() - before_ms, 290, 1000);
    assert_true(http_stream_is_broken(stream));
    assert_int_equal(http_stream_send(stream, large, before_ms + 300, &error), STATUS_CLOSED);
    http_stream_close(stream);
    http_server_destroy(server);
    free(bytes);
}

static void refusals_are_quoted(void **state) {
    static const struct http_pair stranger = {{(const uint8_t *)"X-Stranger", 10},
                                              {(const uint8_t *)"yes", 3}};
    static const struct http_pair busy = {{(const uint8_t *)"X-Stranger", 10}, {(const uint8_t *)"busy", 4}};
    struct http_stream *stream = NULL;
    struct error error;
    (void)state;
    struct http_server *server = start();
    uint16_t port = http_server_port(server);
    assert_int_equal(open_stream(port, "/stream", &stranger, &stream, &error), STATUS_CONFLICT);
    assert_non_null(strstr(error.message, "403"));
    assert_non_null(strstr(error.message, "you are no peer of this cluster"));
    assert_int_equal(open_stream(port, "/stream", &busy, &stream, &error), STATUS_UNAVAILABLE);
    assert_non_null(strstr(error.message, "503"));
    /* A body of that length anywhere else is too large. */
    assert_int_equal(open_stream(port, "/elsewhere", NULL, &stream, &error), STATUS_CONFLICT);
    assert_non_null(strstr(error.message, "413"));
    assert_null(stream);
    /* And a stream without the expectation is none. */
    raw_expect(port, "POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 417, true);
    raw_expect(port, "POST /stream HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", 417, true);
    http_server_destroy(server);
    assert_int_equal(open_stream(port, "/stream", NULL, &stream, &error), STATUS_UNAVAILABLE);
    assert_int_equal(open_stream(port, "no path", NULL, &stream, &error), STATUS_INVALID);
    assert_int_equal(open_stream(port, "/a\r\nb", NULL, &stream, &error), STATUS_INVALID);
}

static void a_mute_peer_meets_the_deadline(void **state) {
    struct http_stream *stream = NULL;
    struct error error;
    uint16_t port;
    (void)state;
    int listener = raw_listen(&port);
    uint64_t before_ms = clock_monotonic_ms();
    assert_int_equal(open_stream(port, "/stream", NULL, &stream, &error), STATUS_TIMEOUT);
    assert_in_range(clock_monotonic_ms() - before_ms, 1900, 4000);
    close(listener);
}

static void stopping_wakes_readers(void **state) {
    (void)state;
    struct http_server *server = start();
    struct http_stream *streams[4];
    for (int i = 0; i < 4; i++) {
        streams[i] = open_or_fail(server);
    }
    while (atomic_load(&seen.readers) < 4) {
        usleep(100);
    }
    uint64_t before_ms = clock_monotonic_ms();
    http_server_stop_accepting(server);
    while (atomic_load(&seen.readers) > 0) {
        usleep(100);
    }
    assert_true(clock_monotonic_ms() - before_ms < STOP_MS_MAX);
    assert_int_equal(atomic_load(&seen.ended), STATUS_CLOSED);
    http_server_destroy(server);
    for (int i = 0; i < 4; i++) {
        assert_true(http_stream_is_broken(streams[i]));
        assert_int_equal(http_stream_send(streams[i], slice_make("a", 1), clock_monotonic_ms() + 1000, NULL),
                         STATUS_CLOSED);
        http_stream_close(streams[i]);
    }
}

static void destroying_wakes_readers(void **state) {
    (void)state;
    struct http_server *server = start();
    struct http_stream *stream = open_or_fail(server);
    while (atomic_load(&seen.readers) == 0) {
        usleep(100);
    }
    uint64_t before_ms = clock_monotonic_ms();
    http_server_destroy(server);
    assert_true(clock_monotonic_ms() - before_ms < 1000);
    http_stream_close(stream);
    http_stream_close(NULL);
}

static void the_announced_length_ends_it(void **state) {
    char answer[64] = "";
    (void)state;
    struct http_server *server = start();
    int fd = raw_connect(http_server_port(server));
    raw_send_text(fd,
                  "POST /stream HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(recv(fd, answer, sizeof "HTTP/1.1 100 Continue\r\n\r\n" - 1, MSG_WAITALL), 25);
    raw_send_text(fd, "hello, and more");
    await_end(STATUS_CLOSED);
    assert_int_equal(atomic_load(&seen.bytes), 5);
    assert_true(raw_is_closed(fd));
    close(fd);
    http_server_destroy(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_at_once),
        cmocka_unit_test(large_sends_arrive_whole),
        cmocka_unit_test(a_stalled_reader_meets_the_deadline),
        cmocka_unit_test(refusals_are_quoted),
        cmocka_unit_test(a_mute_peer_meets_the_deadline),
        cmocka_unit_test(stopping_wakes_readers),
        cmocka_unit_test(destroying_wakes_readers),
        cmocka_unit_test(the_announced_length_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
