#include "client_pool.h"

#include <stdio.h>
#include <string.h>

void client_pool_init(struct client_pool *pool) {
    *pool = (struct client_pool){0};
    mutex_init(&pool->mutex);
}

void client_pool_finish(struct client_pool *pool) {
    for (size_t i = 0; i < pool->count; i++) {
        curl_easy_cleanup(pool->idle[i].curl);
    }
    mutex_finish(&pool->mutex);
}

/* With the lock held. */
static CURL *remove_at(struct client_pool *pool, size_t index) {
    CURL *curl = pool->idle[index].curl;
    pool->count--;
    memmove(&pool->idle[index], &pool->idle[index + 1], (pool->count - index) * sizeof pool->idle[0]);
    return curl;
}

CURL *client_pool_take(struct client_pool *pool, const char *authority) {
    CURL *curl = NULL;
    mutex_lock(&pool->mutex);
    for (size_t i = pool->count; i-- > 0 && !curl;) {
        if (strcmp(pool->idle[i].authority, authority) == 0) {
            curl = remove_at(pool, i);
        }
    }
    mutex_unlock(&pool->mutex);
    return curl ? curl : curl_easy_init();
}

void client_pool_give(struct client_pool *pool, CURL *curl, const char *authority) {
    mutex_lock(&pool->mutex);
    CURL *oldest = pool->count == HTTP_CLIENT_IDLE_MAX ? remove_at(pool, 0) : NULL;
    struct pooled_handle *handle = &pool->idle[pool->count++];
    handle->curl = curl;
    snprintf(handle->authority, sizeof handle->authority, "%s", authority);
    mutex_unlock(&pool->mutex);
    if (oldest) { /* outside of the lock: closing a connection takes system calls */
        curl_easy_cleanup(oldest);
    }
}
