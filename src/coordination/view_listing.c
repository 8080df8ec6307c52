/* What a new controller deletes: topics and configs that ZooKeeper has and group 0 does not. */
#include "room.h"

/* False where not all of them could be noted; those that were are worked off before the next listing. */
static bool put_unknown_absent(struct room *room, const char *folder, const struct answer *answer) {
    for (size_t i = 0; i < answer->name_count; i++) {
        path_text path;
        if (!room_path(room, path, "%s/%s", folder, answer->names[i])) {
            room_error(room, "a name in %s is too long for a topic; delete it by hand", folder);
        } else if (!desired_find(&room->view.topics, path) && !view_put_absent(room, path)) {
            return false;
        }
    }
    return true;
}

/* True: the answer is a listing, and this broker is still the one to act on it. */
static bool resume(struct room *room, const struct answer *answer) {
    if (answer->outcome == OUTCOME_NO_NODE) {
        layout_renew(room);
    }
    if (answer->outcome == OUTCOME_OK && room->view.is_synced) {
        return true;
    }
    task_fail(&room->view.listing, room->now_ms);
    return false;
}

static void on_configs(void *context, const struct answer *answer) {
    struct room *room = context;
    if (!resume(room, answer)) {
        return;
    }
    if (put_unknown_absent(room, "/config/topics", answer)) {
        task_settle(&room->view.listing);
    } else {
        task_fail(&room->view.listing, room->now_ms);
    }
}

static void on_topics(void *context, const struct answer *answer) {
    struct room *room = context;
    path_text path;
    if (!resume(room, answer)) {
        return;
    }
    if (!put_unknown_absent(room, "/brokers/topics", answer) || !room_path(room, path, "/config/topics") ||
        client_children(room->client, path, WATCH_NONE, on_configs, room)) {
        task_fail(&room->view.listing, room->now_ms);
    }
}

void view_listing_step(struct room *room) {
    struct task *listing = &room->view.listing;
    path_text path;
    if (!room->view.is_synced || !task_is_due(listing, room->now_ms)) {
        return;
    }
    task_begin(listing);
    if (!room_path(room, path, "/brokers/topics") ||
        client_children(room->client, path, WATCH_NONE, on_topics, room)) {
        task_fail(listing, room->now_ms);
    }
}
