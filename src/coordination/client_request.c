/* Requests: sent from the room's thread, answered on the library's, handed back to the room's. */
#include "aviary/base/assert.h"
#include "aviary/base/clock.h"
#include "client_state.h"

#include <stdlib.h>
#include <string.h>

/* Beyond these a listing is cut: what is left shows up in the next one. */
enum { LISTED_NAMES_MAX = 65536 };

static enum outcome outcome_of(int code) {
    switch (code) {
    case ZOK:
        return OUTCOME_OK;
    case ZNONODE:
        return OUTCOME_NO_NODE;
    case ZNODEEXISTS:
        return OUTCOME_EXISTS;
    case ZBADVERSION:
        return OUTCOME_BAD_VERSION;
    case ZNOTEMPTY:
        return OUTCOME_NOT_EMPTY;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZSESSIONEXPIRED:
    case ZSESSIONMOVED:
    case ZCLOSING:
    case ZINVALIDSTATE:
    case ZMARSHALLINGERROR:
        return OUTCOME_LOST;
    default:
        return OUTCOME_REFUSED;
    }
}

void client_post_answer(struct request *request) {
    struct client *client = request->client;
    mutex_lock(&client->lock);
    ASSERT(!request->posted);
    request->posted = true;
    client->unanswered--;
    request->next_answered = NULL;
    if (client->answered_last) {
        client->answered_last->next_answered = request;
    } else {
        client->answered_first = request;
    }
    client->answered_last = request;
    client_wake_locked(client);
    mutex_unlock(&client->lock);
}

void request_destroy(struct request *request) {
    struct client *client = request->client;
    list_remove(&request->link);
    client->request_count--;
    if (!request->posted) {
        mutex_lock(&client->lock);
        client->unanswered--;
        mutex_unlock(&client->lock);
    }
    free(request->answer_memory);
    free(request);
}

static enum status request_create(struct client *client, answer_fn *answered, void *context,
                                  struct request **ret_request) {
    if (!client->handle) {
        return STATUS_UNAVAILABLE;
    }
    if (client->request_count >= CLIENT_REQUESTS_MAX) {
        return STATUS_FULL;
    }
    struct request *request = calloc(1, sizeof *request);
    if (!request) {
        return STATUS_NO_MEMORY;
    }
    request->client = client;
    request->answered = answered;
    request->context = context;
    request->sent_ms = clock_monotonic_ms();
    list_append(&client->requests, &request->link);
    client->request_count++;
    mutex_lock(&client->lock);
    client->unanswered++;
    mutex_unlock(&client->lock);
    *ret_request = request;
    return STATUS_OK;
}

/* What became of handing the request to the library. */
static enum status request_sent(struct request *request, int code) {
    if (code == ZOK) {
        return STATUS_OK;
    }
    if (code == ZMARSHALLINGERROR) {
        /* The library may have noted it before it failed: its answer, or client_close, gives it back. */
        return STATUS_OK;
    }
    request_destroy(request);
    return STATUS_UNAVAILABLE;
}

static void on_data(int code, const char *value, int value_size, const struct Stat *stat, const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;
    request->answer.outcome = outcome_of(code);
    if (code == ZOK) {
        size_t size = value_size > 0 ? (size_t)value_size : 0;
        request->answer.version = stat->version;
        request->answer.owner_session = stat->ephemeralOwner;
        request->answer_memory = malloc(size + 1);
        if (!request->answer_memory) {
            request->answer.outcome = OUTCOME_REFUSED;
        } else if (size > 0) {
            memcpy(request->answer_memory, value, size);
            request->answer.data = slice_make(request->answer_memory, size);
        }
    }
    client_post_answer(request);
}

/* Pointers first, then the names they point to, in one piece. */
static bool copy_names(struct request *request, const struct String_vector *strings) {
    size_t count = strings->count > 0 ? (size_t)strings->count : 0;
    count = count > LISTED_NAMES_MAX ? LISTED_NAMES_MAX : count;
    size_t size = count * sizeof(char *);
    for (size_t i = 0; i < count; i++) {
        size += strlen(strings->data[i]) + 1;
    }
    request->answer_memory = malloc(size + 1);
    if (!request->answer_memory) {
        return false;
    }
    char **names = request->answer_memory;
    char *at = (char *)(names + count);
    for (size_t i = 0; i < count; i++) {
        size_t name_size = strlen(strings->data[i]) + 1;
        memcpy(at, strings->data[i], name_size);
        names[i] = at;
        at += name_size;
    }
    request->answer.names = (const char *const *)names;
    request->answer.name_count = count;
    return true;
}

static void on_names(int code, const struct String_vector *strings, const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;
    request->answer.outcome = outcome_of(code);
    if (code == ZOK && strings && !copy_names(request, strings)) {
        request->answer.outcome = OUTCOME_REFUSED;
    }
    client_post_answer(request);
}

static void on_written(int code, const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;
    request->answer.outcome = outcome_of(code);
    for (size_t i = 0; i < request->operation_count && code != ZOK; i++) {
        int result = request->results[i].err;
        if (result != ZOK && result != ZRUNTIMEINCONSISTENCY) {
            request->answer.failed_operation = i;
            break;
        }
    }
    client_post_answer(request);
}

/* Only there because a watch on a node that may be missing is an exists call; what counts is the get behind
 * it. */
static void on_exists(int code, const struct Stat *stat, const void *data) {
    (void)code;
    (void)stat;
    (void)data;
}

enum status client_get(struct client *client, const char *path, enum watch watch, answer_fn *answered,
                       void *context) {
    struct request *request;
    enum status status = request_create(client, answered, context, &request);
    if (status) {
        return status;
    }
    if (watch != WATCH_NONE) {
        /* A get sets no watch where there is no node. Requests of a session keep their order. */
        int code =
            zoo_awexists(client->handle, path, client_on_watch, &client->watches[watch], on_exists, NULL);
        if (code != ZOK) {
            request_destroy(request);
            return STATUS_UNAVAILABLE;
        }
    }
    return request_sent(request, zoo_aget(client->handle, path, 0, on_data, request));
}

enum status client_children(struct client *client, const char *path, enum watch watch, answer_fn *answered,
                            void *context) {
    struct request *request;
    enum status status = request_create(client, answered, context, &request);
    if (status) {
        return status;
    }
    watcher_fn watcher = watch == WATCH_NONE ? NULL : client_on_watch;
    return request_sent(request, zoo_awget_children(client->handle, path, watcher, &client->watches[watch],
                                                    on_names, request));
}

static void operation_init(zoo_op_t *to, const struct operation *from) {
    const char *data = (const char *)from->data.data;
    int size = (int)from->data.size;
    switch (from->type) {
    case OPERATION_CHECK:
        zoo_check_op_init(to, from->path, from->version);
        break;
    case OPERATION_CREATE:
        zoo_create_op_init(to, from->path, data, size, &ZOO_OPEN_ACL_UNSAFE,
                           from->ephemeral ? ZOO_EPHEMERAL : 0, NULL, 0);
        break;
    case OPERATION_SET:
        zoo_set_op_init(to, from->path, data, size, from->version, NULL);
        break;
    case OPERATION_DELETE:
        zoo_delete_op_init(to, from->path, from->version);
        break;
    }
}

enum status client_write(struct client *client, const struct operation *operations, size_t count,
                         answer_fn *answered, void *context) {
    struct request *request;
    ASSERT(count >= 1 && count <= OPERATIONS_MAX);
    enum status status = request_create(client, answered, context, &request);
    if (status) {
        return status;
    }
    zoo_op_t calls[OPERATIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        operation_init(&calls[i], &operations[i]);
    }
    request->operation_count = count;
    return request_sent(request,
                        zoo_amulti(client->handle, (int)count, calls, request->results, on_written, request));
}

void client_answer(struct client *client) {
    mutex_lock(&client->lock);
    struct request *request = client->answered_first;
    client->answered_first = NULL;
    client->answered_last = NULL;
    mutex_unlock(&client->lock);
    while (request) {
        struct request *next = request->next_answered;
        request->answered(request->context, &request->answer);
        request_destroy(request);
        request = next;
    }
}

uint64_t client_oldest_request_ms(const struct client *client) {
    if (list_empty(&client->requests)) {
        return UINT64_MAX;
    }
    return LIST_ENTRY(client->requests.next, struct request, link)->sent_ms;
}
