/*
 * Deleting a node and all below it, children first: try to delete where the cursor stands; not empty, go down
 * to a child; gone, go up. Partition leaders may still be writing below, so it may take another turn.
 */
#include "room.h"

#include "view_fence.h"

#include <stdio.h>
#include <stdlib.h>

static void delete_at_cursor(struct room *room, struct desired *entry);

static void on_children(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    if (answer->name_count > 0) {
        path_text path;
        int size = snprintf(path, sizeof path, "%s/%s", entry->cursor, answer->names[0]);
        if (size < 0 || (size_t)size >= sizeof path) {
            room_error(room, "a node below %s is too deep to be deleted; delete it by hand", entry->path);
            view_retry(room, entry);
            return;
        }
        char *cursor = strdup(path);
        if (!cursor) {
            view_retry(room, entry);
            return;
        }
        free(entry->cursor);
        entry->cursor = cursor;
    }
    delete_at_cursor(room, entry);
}

/* The cursor's node is gone. */
static void go_up(struct room *room, struct desired *entry) {
    if (strcmp(entry->cursor, entry->path) == 0) {
        view_drop(room, entry);
        return;
    }
    *strrchr(entry->cursor, '/') = '\0';
    delete_at_cursor(room, entry);
}

static void on_deleted(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    if (answer->outcome == OUTCOME_OK) {
        go_up(room, entry);
    } else if (answer->failed_operation == 0) {
        view_lost_fence(room);
        view_retry(room, entry);
    } else if (answer->outcome == OUTCOME_NOT_EMPTY) {
        view_sent(room, entry, client_children(room->client, entry->cursor, WATCH_NONE, on_children, entry));
    } else {
        go_up(room, entry);
    }
}

static void delete_at_cursor(struct room *room, struct desired *entry) {
    path_text fence_path;
    struct operation operations[2];
    if (!view_fence(room, fence_path, &operations[0])) {
        view_retry(room, entry);
        return;
    }
    operations[1] =
        (struct operation){.type = OPERATION_DELETE, .path = entry->cursor, .version = OPERATION_ANY_VERSION};
    view_sent(room, entry, client_write(room->client, operations, 2, on_deleted, entry));
}

void view_removal_begin(struct room *room, struct desired *entry) {
    free(entry->cursor);
    entry->cursor = strdup(entry->path);
    if (!entry->cursor) {
        view_retry(room, entry);
        return;
    }
    delete_at_cursor(room, entry);
}

bool view_put_absent(struct room *room, const char *path) {
    struct desired *entry = desired_create(path, DESIRED_ABSENT, NULL, room);
    if (!entry || desired_put(&room->view.topics, entry)) {
        desired_destroy(entry);
        room_error(room, "no room to note that %s is to be deleted", path);
        return false;
    }
    return true;
}
