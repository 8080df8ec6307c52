/* The handle, its session's state, and the waiting; requests are in client_request.c. */
#include "aviary/base/assert.h"
#include "aviary/base/clock.h"
#include "aviary/base/log.h"
#include "client_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIBRARY_LOG_INTERVAL_MS = 1000,
    DRAIN_MS = 200, /* to wait for answers before an orderly close */
};

/* The library's callback has no context, so its rate limit is the process's. */
static atomic_uint_fast64_t library_log_next_ms;
static atomic_uint_fast64_t library_log_suppressed;

/* Any thread of the library. A client that cannot connect says so some 30 times a second. */
static void on_library_log(const char *message) {
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t next_ms = atomic_load(&library_log_next_ms);
    if (now_ms < next_ms ||
        !atomic_compare_exchange_strong(&library_log_next_ms, &next_ms, now_ms + LIBRARY_LOG_INTERVAL_MS)) {
        atomic_fetch_add(&library_log_suppressed, 1);
        return;
    }
    uint64_t suppressed = atomic_exchange(&library_log_suppressed, 0);
    int size = (int)strcspn(message, "\n");
    log_warn("coordination", "zookeeper client", "%.*s (%llu more not shown)", size, message,
             (unsigned long long)suppressed);
}

/* Never DEBUG: this version uses memory after it was freed when it logs there. */
static void set_library_log_level(void) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
}

struct client *client_create(void) {
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        return NULL;
    }
    list_init(&client->requests);
    mutex_init(&client->lock);
    condition_init(&client->arrived);
    for (int watch = 0; watch < WATCH_COUNT; watch++) {
        client->watches[watch] = (struct watch_context){.client = client, .watch = (enum watch)watch};
    }
    return client;
}

void client_destroy(struct client *client) {
    if (!client) {
        return;
    }
    ASSERT(!client->handle);
    ASSERT(list_empty(&client->requests));
    condition_finish(&client->arrived);
    mutex_finish(&client->lock);
    free(client);
}

void client_wake_locked(struct client *client) {
    client->woken = true;
    condition_signal(&client->arrived);
}

void client_wake(struct client *client) {
    mutex_lock(&client->lock);
    client_wake_locked(client);
    mutex_unlock(&client->lock);
}

/* The library's completion thread. */
static void on_session(zhandle_t *handle, int type, int state, const char *path, void *context) {
    struct client *client = context;
    (void)path;
    if (type != ZOO_SESSION_EVENT) {
        return;
    }
    mutex_lock(&client->lock);
    if (state == ZOO_CONNECTED_STATE) {
        client->news.state = CLIENT_CONNECTED;
        client->news.connects++;
        client->news.session_id = zoo_client_id(handle)->client_id;
        client->news.timeout_ms = (uint32_t)zoo_recv_timeout(handle);
    } else if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE) {
        client->news.state = CLIENT_EXPIRED;
    } else {
        client->news.state = CLIENT_CONNECTING;
    }
    client_wake_locked(client);
    mutex_unlock(&client->lock);
}

void client_on_watch(zhandle_t *handle, int type, int state, const char *path, void *context) {
    const struct watch_context *watch = context;
    (void)handle;
    (void)state;
    (void)path;
    if (type == ZOO_SESSION_EVENT) {
        return;
    }
    mutex_lock(&watch->client->lock);
    watch->client->news.fired |= 1u << watch->watch;
    client_wake_locked(watch->client);
    mutex_unlock(&watch->client->lock);
}

enum status client_open(struct client *client, const char *hosts, uint32_t timeout_ms, struct error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ASSERT(!client->handle);
    pthread_once(&once, set_library_log_level);

    mutex_lock(&client->lock);
    client->news.state = CLIENT_CONNECTING;
    client->news.fired = 0;
    mutex_unlock(&client->lock);
    client->handle = zookeeper_init2(hosts, on_session, (int)timeout_ms, NULL, client, 0, on_library_log);
    if (!client->handle) {
        int cause = errno;
        mutex_lock(&client->lock);
        client->news.state = CLIENT_CLOSED;
        mutex_unlock(&client->lock);
        return error_set(error, STATUS_UNAVAILABLE, "no ZooKeeper client for %s: %s", hosts,
                         cause == ENOENT || cause == EINVAL ? "no host name resolves" : strerror(cause));
    }
    return STATUS_OK;
}

/* What is under way when the library closes it neither answers nor frees; so let a living server answer
 * first. */
static void drain(struct client *client) {
    uint64_t deadline_ms = clock_monotonic_ms() + DRAIN_MS;
    mutex_lock(&client->lock);
    while (client->news.state == CLIENT_CONNECTED && client->unanswered > 0 &&
           condition_wait_until(&client->arrived, &client->lock, deadline_ms)) {
    }
    mutex_unlock(&client->lock);
}

void client_close(struct client *client) {
    if (!client->handle) {
        return;
    }
    drain(client);
    /* Joins the library's threads, so nothing is posted afterwards. */
    zookeeper_close(client->handle);
    client->handle = NULL;
    for (struct list *node = client->requests.next; node != &client->requests; node = node->next) {
        struct request *request = LIST_ENTRY(node, struct request, link);
        if (!request->posted) {
            request->answer.outcome = OUTCOME_LOST;
            client_post_answer(request);
        }
    }
    mutex_lock(&client->lock);
    client->news.state = CLIENT_CLOSED;
    client->news.fired = 0;
    mutex_unlock(&client->lock);
}

void client_wait(struct client *client, uint64_t deadline_ms) {
    mutex_lock(&client->lock);
    while (!client->woken && condition_wait_until(&client->arrived, &client->lock, deadline_ms)) {
    }
    client->woken = false;
    mutex_unlock(&client->lock);
}

void client_look(struct client *client, struct client_news *ret_news) {
    mutex_lock(&client->lock);
    *ret_news = client->news;
    client->news.fired = 0;
    mutex_unlock(&client->lock);
}
