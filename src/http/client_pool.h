/*
 * Kept connections: libcurl's handles, each with one connection, idle between two requests. A handle goes
 * back under the authority ("host:port") it is connected to and is found under it again, the latest first.
 *
 * Threads: any; each function takes the lock for a moment and never blocks beyond that.
 */
#ifndef AVIARY_HTTP_CLIENT_POOL_H
#define AVIARY_HTTP_CLIENT_POOL_H

#include "aviary/base/limits.h"
#include "aviary/base/thread.h"

#include <curl/curl.h>

struct pooled_handle {
    CURL *curl;
    char authority[HOST_SIZE_MAX + sizeof ":65535"];
};

struct client_pool {
    struct mutex mutex;
    struct pooled_handle idle[HTTP_CLIENT_IDLE_MAX]; /* under mutex; the latest last */
    size_t count;                                    /* under mutex */
};

void client_pool_init(struct client_pool *pool);
void client_pool_finish(struct client_pool *pool);
/* A handle of that authority, else a new one; the caller's. NULL where memory is short. */
CURL *client_pool_take(struct client_pool *pool, const char *authority);
/* Keeps the handle for the next request; where the pool is full, the one idle longest goes. */
void client_pool_give(struct client_pool *pool, CURL *curl, const char *authority);

#endif
