/* The sending side of streams: libcurl connects, and what is sent after is ours. */
#include "aviary/http/stream.h"

#include "aviary/base/assert.h"
#include "aviary/base/cleanup.h"
#include "aviary/base/clock.h"
#include "curl_start.h"
#include "field.h"
#include "request_head.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <poll.h>

enum {
    ANSWER_BYTES_MAX = 4096, /* what we read of a refusal */
    ANSWER_QUOTED_MAX = 256, /* what we quote of it */
    ANSWER_WAIT_MS = 100,    /* for the rest of a refusal */
};

struct http_stream {
    CURL *curl;
    curl_socket_t socket;
    uint64_t remaining;
    bool broken;
    struct buffer answer; /* what the far side sent, but for "100 Continue" */
};

static int time_left(uint64_t deadline_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

/* What happens first: the events that happened, 0 at the deadline. */
static short wait_for(const struct http_stream *stream, short events, uint64_t deadline_ms) {
    struct pollfd wait = {.fd = stream->socket, .events = events};
    for (;;) {
        int left_ms = time_left(deadline_ms);
        int ready = poll(&wait, 1, left_ms);
        if (ready > 0) {
            return wait.revents;
        }
        if (left_ms == 0) {
            return 0;
        }
    }
}

/* Takes what has arrived, without waiting. CLOSED at its end; TIMEOUT where nothing is there. */
static enum status take_answer(struct http_stream *stream) {
    char bytes[1024];
    size_t size = 0;
    CURLcode code = curl_easy_recv(stream->curl, bytes, sizeof bytes, &size);
    if (code == CURLE_AGAIN) {
        return STATUS_TIMEOUT;
    }
    if (code != CURLE_OK || size == 0) {
        return STATUS_CLOSED;
    }
    buffer_append(&stream->answer, bytes, size);
    return buffer_status(&stream->answer);
}

/* The size of the head in the answer, with its empty line; 0 while it is not complete. */
static size_t head_size(const struct http_stream *stream) {
    const struct buffer *answer = &stream->answer;
    const uint8_t *end = answer->size > 0 ? memmem(answer->data, answer->size, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - answer->data) + 4 : 0;
}

/* "HTTP/1.1 503 ...": 503; 0 where it reads differently. */
static unsigned answer_status(const struct http_stream *stream) {
    static const char version[] = "HTTP/1.1 ";
    const struct buffer *answer = &stream->answer;
    if (answer->size < sizeof version + 3 || memcmp(answer->data, version, sizeof version - 1) != 0) {
        return 0;
    }
    unsigned status = 0;
    for (size_t i = sizeof version - 1; i < sizeof version + 2; i++) {
        if (answer->data[i] < '0' || answer->data[i] > '9') {
            return 0;
        }
        status = status * 10 + (unsigned)(answer->data[i] - '0');
    }
    return status;
}

/* The whole answer is there or follows at once, or we quote what there is. */
static void take_whole_answer(struct http_stream *stream) {
    uint64_t deadline_ms = clock_monotonic_ms() + ANSWER_WAIT_MS;
    enum status status = STATUS_OK;
    while ((status == STATUS_OK || status == STATUS_TIMEOUT) && wait_for(stream, POLLIN, deadline_ms)) {
        status = take_answer(stream);
    }
}

/* Says why the stream ended: the far side's answer is quoted, if it gave one. */
static enum status explain(struct http_stream *stream, enum status status, struct error *error) {
    stream->broken = true;
    take_whole_answer(stream);
    size_t head = head_size(stream);
    if (head == 0) {
        return error_set(error, status, "the far side closed the stream");
    }
    struct slice body = slice_after(buffer_slice(&stream->answer), head);
    size_t quoted = body.size < ANSWER_QUOTED_MAX ? body.size : ANSWER_QUOTED_MAX;
    return error_set(error, status, "the far side answered %u: %.*s", answer_status(stream), (int)quoted,
                     quoted > 0 ? (const char *)body.data : "");
}

static enum status send_all(struct http_stream *stream, struct slice bytes, uint64_t deadline_ms,
                            struct error *error) {
    while (bytes.size > 0) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(stream->curl, bytes.data, bytes.size, &sent);
        if (code == CURLE_OK) {
            bytes = slice_after(bytes, sent);
            continue;
        }
        if (code != CURLE_AGAIN) {
            return explain(stream, STATUS_CLOSED, error);
        }
        short events = wait_for(stream, POLLOUT | POLLIN, deadline_ms);
        if (events == 0) {
            stream->broken = true;
            return error_set(error, STATUS_TIMEOUT, "the far side does not take what is sent");
        }
        if (events & (POLLIN | POLLHUP | POLLERR)) {
            return explain(stream, STATUS_CLOSED, error);
        }
    }
    return STATUS_OK;
}

static enum status connect_stream(struct http_stream *stream, const struct http_stream_options *options,
                                  struct error *error) {
    char url[REQUEST_AUTHORITY_SIZE_MAX + sizeof "http://"];
    char message[CURL_ERROR_SIZE] = "";
    CURL *curl = stream->curl;
    int left_ms = time_left(options->deadline_ms);
    snprintf(url, sizeof url, "http://%s", options->authority);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, left_ms > 0 ? (long)left_ms : 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK && curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &stream->socket) == CURLE_OK &&
        stream->socket != CURL_SOCKET_BAD) {
        return STATUS_OK;
    }
    enum status status = code == CURLE_OPERATION_TIMEDOUT ? STATUS_TIMEOUT : STATUS_UNAVAILABLE;
    return error_set(error, status, "%s: %s", options->authority,
                     message[0] != '\0' ? message : curl_easy_strerror(code));
}

static enum status send_head(struct http_stream *stream, const struct http_stream_options *options,
                             struct error *error) {
    _cleanup_buffer_ struct buffer head;
    buffer_init(&head, HTTP_HEAD_BYTES_MAX);
    buffer_append_format(
        &head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %" PRIu64 "\r\nExpect: 100-continue\r\n",
        options->target, options->authority, HTTP_STREAM_BYTES_MAX);
    for (size_t i = 0; i < options->header_count; i++) {
        buffer_append_slice(&head, options->headers[i].name);
        buffer_append(&head, ": ", 2);
        buffer_append_slice(&head, options->headers[i].value);
        buffer_append(&head, "\r\n", 2);
    }
    buffer_append(&head, "\r\n", 2);
    if (buffer_status(&head) != STATUS_OK) {
        return error_set(error, buffer_status(&head), "the head of a stream is too large");
    }
    return send_all(stream, buffer_slice(&head), options->deadline_ms, error);
}

/* What follows "100 Continue" is the final answer already. */
static void forget_head(struct http_stream *stream) {
    struct buffer *answer = &stream->answer;
    size_t head = head_size(stream);
    answer->size -= head;
    memmove(answer->data, answer->data + head, answer->size);
    stream->broken = answer->size > 0;
}

static enum status await_continue(struct http_stream *stream, uint64_t deadline_ms, struct error *error) {
    while (head_size(stream) == 0) {
        if (!wait_for(stream, POLLIN, deadline_ms)) {
            return error_set(error, STATUS_TIMEOUT, "the far side does not answer");
        }
        enum status status = take_answer(stream);
        if (status != STATUS_OK && status != STATUS_TIMEOUT) {
            return error_set(error, status, "the far side closed without a whole answer");
        }
    }
    unsigned answered = answer_status(stream);
    if (answered == 100) {
        forget_head(stream);
        return STATUS_OK;
    }
    if (answered < 300) {
        return error_set(error, STATUS_CORRUPT, "the far side does not speak this protocol");
    }
    return explain(stream, answered >= 500 ? STATUS_UNAVAILABLE : STATUS_CONFLICT, error);
}

enum status http_stream_open(const struct http_stream_options *options, struct http_stream **ret_stream,
                             struct error *error) {
    enum status status = request_head_check(options->authority, options->target, options->headers,
                                            options->header_count, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (!stream || curl_start() != STATUS_OK || !(stream->curl = curl_easy_init())) {
        free(stream);
        return error_set(error, STATUS_NO_MEMORY, "no memory for a stream");
    }
    buffer_init(&stream->answer, ANSWER_BYTES_MAX);
    stream->remaining = HTTP_STREAM_BYTES_MAX;
    status = connect_stream(stream, options, error);
    if (status == STATUS_OK) {
        status = send_head(stream, options, error);
    }
    if (status == STATUS_OK) {
        status = await_continue(stream, options->deadline_ms, error);
    }
    if (status != STATUS_OK) {
        http_stream_close(stream);
        return status;
    }
    *ret_stream = stream;
    return STATUS_OK;
}

enum status http_stream_send(struct http_stream *stream, struct slice bytes, uint64_t deadline_ms,
                             struct error *error) {
    if (stream->broken) {
        return explain(stream, STATUS_CLOSED, error);
    }
    if (bytes.size > stream->remaining) {
        return error_set(error, STATUS_CLOSED, "the stream has ended, open another");
    }
    enum status status = send_all(stream, bytes, deadline_ms, error);
    if (status == STATUS_OK) {
        stream->remaining -= bytes.size;
    }
    return status;
}

size_t http_stream_try_send(struct http_stream *stream, struct slice bytes) {
    size_t total = 0;
    if (stream->broken || bytes.size > stream->remaining) {
        return 0;
    }
    while (total < bytes.size) {
        size_t sent = 0;
        if (curl_easy_send(stream->curl, bytes.data + total, bytes.size - total, &sent) != CURLE_OK) {
            break;
        }
        total += sent;
    }
    stream->remaining -= total;
    return total;
}

bool http_stream_is_broken(struct http_stream *stream) {
    if (!stream->broken && wait_for(stream, POLLIN, 0) != 0) {
        stream->broken = true; /* the far side says nothing until it ends the stream */
    }
    return stream->broken;
}

uint64_t http_stream_remaining(const struct http_stream *stream) {
    return stream->remaining;
}

void http_stream_close(struct http_stream *stream) {
    if (stream) {
        curl_easy_cleanup(stream->curl);
        buffer_finish(&stream->answer);
        free(stream);
    }
}
