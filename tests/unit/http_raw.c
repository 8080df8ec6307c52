#include "http_raw.h"

#include "aviary/base/clock.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* cmocka.h wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct http_server *raw_server(const struct http_server_options *options, http_handler handler,
                               void *context) {
    struct http_server_options ours =
        options ? *options : (struct http_server_options){.connections_max = 16};
    struct http_server *server = NULL;
    struct error error = {0};
    ours.listen = "127.0.0.1:0";
    if (http_server_create(&ours, handler, context, &server, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_not_equal(http_server_port(server), 0);
    return server;
}

void raw_echo(void *context, struct http_request *request, struct http_response *response) {
    struct buffer *body = http_response_body(response);
    if (context) {
        atomic_fetch_add((atomic_uint *)context, 1);
    }
    http_response_content_type(response, "text/plain");
    buffer_append_string(body, http_method_name(request->method));
    buffer_append_string(body, " ");
    for (size_t i = 0; i < request->segment_count; i++) {
        buffer_append_string(body, "[");
        buffer_append_slice(body, request->segments[i]);
        buffer_append_string(body, "]");
    }
    buffer_append_string(body, " ");
    for (size_t i = 0; i < request->parameter_count; i++) {
        buffer_append_string(body, "{");
        buffer_append_slice(body, request->parameters[i].name);
        buffer_append_string(body, "=");
        buffer_append_slice(body, request->parameters[i].value);
        buffer_append_string(body, "}");
    }
    buffer_append_string(body, " ");
    buffer_append_slice(body, request->body);
}

int raw_listen(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return listener;
}

int raw_connect(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    return fd;
}

void raw_send(int fd, const void *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server has closed: what it answered is what the test looks at */
        }
        data = (const char *)data + sent;
        size -= (size_t)sent;
    }
}

void raw_send_text(int fd, const char *text) {
    raw_send(fd, text, strlen(text));
}

/* One read of at most `size` bytes; 0 at the end, an error, or when `deadline_ms` has passed. */
static size_t receive_some(int fd, char *at, size_t size, uint64_t deadline_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (now_ms >= deadline_ms || poll(&wait, 1, (int)(deadline_ms - now_ms)) <= 0) {
        return 0;
    }
    ssize_t got = recv(fd, at, size, 0);
    return got > 0 ? (size_t)got : 0;
}

/* Byte by byte, so that the next response on the connection stays unread. */
bool raw_receive_head(int fd, char answer[RAW_ANSWER_MAX]) {
    uint64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
    size_t size = 0;
    answer[0] = '\0';
    while (!strstr(answer, "\r\n\r\n")) {
        if (size == RAW_ANSWER_MAX - 1 || receive_some(fd, answer + size, 1, deadline_ms) == 0) {
            return false;
        }
        answer[++size] = '\0';
    }
    return true;
}

bool raw_receive(int fd, char answer[RAW_ANSWER_MAX]) {
    if (!raw_receive_head(fd, answer)) {
        return false;
    }
    const char *field = strstr(answer, "Content-Length: ");
    assert_non_null(field);
    size_t size = strlen(answer);
    size_t whole = size + strtoul(field + sizeof "Content-Length:", NULL, 10);
    uint64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
    assert_true(whole < RAW_ANSWER_MAX);
    while (size < whole) {
        size_t got = receive_some(fd, answer + size, whole - size, deadline_ms);
        if (got == 0) {
            return false;
        }
        size += got;
        answer[size] = '\0';
    }
    return true;
}

bool raw_is_closed(int fd) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&wait, 1, RAW_WAIT_MS) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

unsigned raw_status(const char *answer) {
    unsigned status;
    return sscanf(answer, "HTTP/1.1 %3u ", &status) == 1 ? status : 0;
}

const char *raw_body(const char *answer) {
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

void raw_expect(uint16_t port, const char *text, unsigned status, bool closes) {
    char *answer = malloc(RAW_ANSWER_MAX);
    assert_non_null(answer);
    int fd = raw_connect(port);
    raw_send_text(fd, text);
    if (!raw_receive(fd, answer) || raw_status(answer) != status) {
        fail_msg("%.60s...: expected %u, got '%s'", text, status, answer);
    }
    if (status >= 400) {
        char form[64];
        snprintf(form, sizeof form, "{\"error_code\":%u", status);
        assert_memory_equal(raw_body(answer), form, strlen(form));
        assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
    }
    if (closes) {
        assert_non_null(strstr(answer, "Connection: close\r\n"));
        assert_true(raw_is_closed(fd));
    }
    close(fd);
    free(answer);
}
