/*
 * /brokers/topics/T/partitions/P/state: written by the partition's leader, by version compare and only
 * upwards in (group, leader epoch). The topic's node above is the controller's; until that stands, it is
 * tried again.
 */
#include "room.h"

#include "aviary/base/assert.h"
#include "aviary/base/log.h"

#include <inttypes.h>

static void on_created(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    if (answer->outcome == OUTCOME_OK) {
        view_settle(room, entry);
    } else if (answer->outcome == OUTCOME_EXISTS) {
        view_again(room, entry);
    } else {
        view_retry(room, entry);
    }
}

/* Whether it was there or is made, or its parent is missing: the state's own answer tells. */
static void on_folder(void *context, const struct answer *answer) {
    (void)context;
    (void)answer;
}

static enum status create_folder(struct room *room, const char *state_path, size_t size) {
    path_text path;
    memcpy(path, state_path, size);
    path[size] = '\0';
    struct operation create = {.type = OPERATION_CREATE, .path = path};
    return client_write(room->client, &create, 1, on_folder, NULL);
}

/* ".../partitions", ".../partitions/P", ".../partitions/P/state": requests of a session keep their order. */
static void create(struct room *room, struct desired *entry) {
    const char *state = strrchr(entry->path, '/');
    ASSERT(state != NULL);
    size_t partition_size = (size_t)(state - entry->path);
    const char *partition = memrchr(entry->path, '/', partition_size);
    ASSERT(partition != NULL);
    enum status status = create_folder(room, entry->path, (size_t)(partition - entry->path));
    if (!status) {
        status = create_folder(room, entry->path, partition_size);
    }
    if (!status) {
        struct operation operation = {
            .type = OPERATION_CREATE, .path = entry->path, .data = blob_slice(entry->data)};
        status = client_write(room->client, &operation, 1, on_created, entry);
    }
    view_sent(room, entry, status);
}

static void on_set(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    if (answer->outcome == OUTCOME_OK) {
        view_settle(room, entry);
    } else {
        view_again(room, entry);
    }
}

static void on_found(struct room *room, struct desired *entry, const struct answer *answer) {
    struct partition_rank there;
    struct error error = {0};
    if (slice_equal(answer->data, blob_slice(entry->data))) {
        view_settle(room, entry);
        return;
    }
    if (partition_node_decode(answer->data, &there, &error)) {
        room_error(room, "writing over %s, which cannot be read: %s", entry->path, error.message);
    } else if (partition_rank_supersedes(&there, &entry->rank)) {
        log_info("coordination", "partition state is superseded",
                 "path=%s leader=%" PRIu32 " epoch=%" PRIu64 " own_epoch=%" PRIu64, entry->path, there.leader,
                 there.leader_epoch, entry->rank.leader_epoch);
        view_drop(room, entry);
        return;
    }
    struct operation set = {.type = OPERATION_SET,
                            .path = entry->path,
                            .data = blob_slice(entry->data),
                            .version = answer->version};
    view_sent(room, entry, client_write(room->client, &set, 1, on_set, entry));
}

static void on_read(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    if (answer->outcome == OUTCOME_NO_NODE) {
        create(room, entry);
    } else {
        on_found(room, entry, answer);
    }
}

void view_partition_begin(struct room *room, struct desired *entry) {
    view_sent(room, entry, client_get(room->client, entry->path, WATCH_NONE, on_read, entry));
}
