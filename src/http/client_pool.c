#include "client_pool.h"

#include <stdio.h>
#include <string.h>

bool client_link_open(struct client_link *ret_link) {
    struct client_link link = {.easy = curl_easy_init(), .multi = curl_multi_init()};
    if (!link.easy || !link.multi || curl_multi_setopt(link.multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK) {
        client_link_close(&link);
        return false;
    }
    *ret_link = link;
    return true;
}

void client_link_close(struct client_link *link) {
    curl_easy_cleanup(link->easy);
    curl_multi_cleanup(link->multi);
}

void client_pool_init(struct client_pool *pool) {
    *pool = (struct client_pool){0};
    mutex_init(&pool->mutex);
}

void client_pool_finish(struct client_pool *pool) {
    for (size_t i = 0; i < pool->count; i++) {
        client_link_close(&pool->idle[i].link);
    }
    mutex_finish(&pool->mutex);
}

/* With the lock held. */
static struct client_link remove_at(struct client_pool *pool, size_t index) {
    struct client_link link = pool->idle[index].link;
    pool->count--;
    memmove(&pool->idle[index], &pool->idle[index + 1], (pool->count - index) * sizeof pool->idle[0]);
    return link;
}

bool client_pool_take(struct client_pool *pool, const char *authority, struct client_link *ret_link) {
    struct client_link link = {0};
    mutex_lock(&pool->mutex);
    for (size_t i = pool->count; i-- > 0 && !link.easy;) {
        if (strcmp(pool->idle[i].authority, authority) == 0) {
            link = remove_at(pool, i);
        }
    }
    mutex_unlock(&pool->mutex);
    if (!link.easy) {
        return client_link_open(ret_link);
    }
    *ret_link = link;
    return true;
}

void client_pool_give(struct client_pool *pool, const struct client_link *link, const char *authority) {
    struct client_link oldest = {0};
    mutex_lock(&pool->mutex);
    if (pool->count == HTTP_CLIENT_IDLE_MAX) {
        oldest = remove_at(pool, 0);
    }
    struct pooled_link *kept = &pool->idle[pool->count++];
    kept->link = *link;
    snprintf(kept->authority, sizeof kept->authority, "%s", authority);
    mutex_unlock(&pool->mutex);
    client_link_close(&oldest); /* outside of the lock: closing a connection takes system calls */
}
