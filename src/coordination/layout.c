/* The persistent nodes that everything else stands below: the prefix and the folders of Kafka's layout. */
#include "room.h"

static const char *const folders[] = {
    "/brokers", "/brokers/ids", "/brokers/topics", "/config", "/config/topics", "/cluster",
};

void layout_renew(struct room *room) {
    room->layout.ready = false;
    task_wake(&room->layout.task);
}

static void finish(struct room *room) {
    struct layout *layout = &room->layout;
    if (layout->worst == OUTCOME_OK) {
        task_settle(&layout->task);
        layout->ready = !layout->task.wanted;
        return;
    }
    if (layout->worst == OUTCOME_REFUSED) {
        room_error(room, "ZooKeeper refuses to create the nodes below \"%s/\"", room->connect.prefix);
    }
    task_fail(&layout->task, room->now_ms);
}

static void note(struct room *room, enum outcome outcome) {
    if (outcome != OUTCOME_OK && outcome != OUTCOME_EXISTS) {
        room->layout.worst = outcome;
    }
    room->layout.unanswered--;
    if (room->layout.unanswered == 0) {
        finish(room);
    }
}

static void on_made(void *context, const struct answer *answer) {
    note(context, answer->outcome);
}

static void make(struct room *room, const char *path) {
    struct operation create = {.type = OPERATION_CREATE, .path = path};
    room->layout.unanswered++;
    if (client_write(room->client, &create, 1, on_made, room)) {
        note(room, OUTCOME_LOST);
    }
}

/* Each "/a", "/a/b" of the prefix. */
static void make_prefix(struct room *room) {
    const char *prefix = room->connect.prefix;
    char path[CONNECT_PREFIX_MAX + 1];
    for (size_t size = 1; size <= strlen(prefix); size++) {
        if (prefix[size] == '/' || prefix[size] == '\0') {
            memcpy(path, prefix, size);
            path[size] = '\0';
            make(room, path);
        }
    }
}

void layout_step(struct room *room) {
    struct layout *layout = &room->layout;
    if (!task_is_due(&layout->task, room->now_ms)) {
        return;
    }
    task_begin(&layout->task);
    layout->worst = OUTCOME_OK;
    layout->unanswered = 1; /* ours, until all are sent */
    make_prefix(room);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        path_text path;
        if (room_path(room, path, "%s", folders[i])) {
            make(room, path);
        }
    }
    note(room, OUTCOME_OK);
}
