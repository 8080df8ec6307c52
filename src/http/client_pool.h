/*
 * Kept connections: links, each with one connection, idle between two requests. A link goes back under the
 * authority ("host:port") it is connected to and is found under it again, the latest first.
 *
 * Threads: any; each function takes the lock for a moment and never blocks beyond that.
 */
#ifndef AVIARY_HTTP_CLIENT_POOL_H
#define AVIARY_HTTP_CLIENT_POOL_H

#include "aviary/base/limits.h"
#include "aviary/base/thread.h"

#include <curl/curl.h>

/* libcurl's two handles: `multi` keeps the connection and is waited on, `easy` is the request. */
struct client_link {
    CURL *easy;
    CURLM *multi;
};

/* False where memory is short. */
bool client_link_open(struct client_link *ret_link) AVIARY_MUST_USE;
/* Takes a zeroed one. */
void client_link_close(struct client_link *link);

struct pooled_link {
    struct client_link link;
    char authority[HOST_SIZE_MAX + sizeof ":65535"];
};

struct client_pool {
    struct mutex mutex;
    struct pooled_link idle[HTTP_CLIENT_IDLE_MAX]; /* under mutex; the latest last */
    size_t count;                                  /* under mutex */
};

void client_pool_init(struct client_pool *pool);
void client_pool_finish(struct client_pool *pool);
/* A link of that authority, else a new one; the caller's. False where memory is short. */
bool client_pool_take(struct client_pool *pool, const char *authority,
                      struct client_link *ret_link) AVIARY_MUST_USE;
/* Keeps the link for the next request; where the pool is full, the one idle longest goes. */
void client_pool_give(struct client_pool *pool, const struct client_link *link, const char *authority);

#endif
