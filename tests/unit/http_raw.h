/*
 * A server to test against, and clients that send whatever bytes a test wants. Loopback, ports from the
 * kernel.
 */
#ifndef AVIARY_TESTS_UNIT_HTTP_RAW_H
#define AVIARY_TESTS_UNIT_HTTP_RAW_H

#include "aviary/http/server.h"

enum { RAW_ANSWER_MAX = 64 * 1024, RAW_WAIT_MS = 10000 };

/* Starts a server or fails the test; `options` may be NULL, and its `listen` is ours. */
struct http_server *raw_server(const struct http_server_options *options, http_handler handler,
                               void *context);

/*
 * Answers 200 with what it was asked, as "POST [v1][a/b] {key=a b}{raw=} hello": method, segments,
 * parameters, body. Counts its calls in `context`, an atomic_uint, where that is not NULL.
 */
void raw_echo(void *context, struct http_request *request, struct http_response *response);

/* A socket that listens and on which nobody accepts, but the test. */
int raw_listen(uint16_t *ret_port);
/* Connects or fails the test. */
int raw_connect(uint16_t port);
void raw_send(int fd, const void *data, size_t size);
void raw_send_text(int fd, const char *text);
/*
 * Reads one response, its head and Content-Length bytes, into `answer` and ends it with NUL. False where the
 * connection ended, or RAW_WAIT_MS passed, before it was whole.
 */
bool raw_receive(int fd, char answer[RAW_ANSWER_MAX]);
/* As above for a response to HEAD or 204, without a body. */
bool raw_receive_head(int fd, char answer[RAW_ANSWER_MAX]);
/* True where the peer closes within RAW_WAIT_MS and sends nothing more. */
bool raw_is_closed(int fd);
/* The status of a response; 0 where it is none. */
unsigned raw_status(const char *answer);
/* What follows the head. */
const char *raw_body(const char *answer);
/* A new connection: sends `text`, expects a whole response with that status, and the close after if `closes`.
 */
void raw_expect(uint16_t port, const char *text, unsigned status, bool closes);

#endif
