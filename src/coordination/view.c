/* The published view: takes desired nodes from their maps, a bounded number at once, and gives them back. */
#include "room.h"

enum {
    VIEW_PROMOTE_INTERVAL_MS = 20,
    VIEW_REVIEW_INTERVAL_MS = 1000,
    VIEW_REVIEWS_MAX = 50, /* of each map, an interval: what was written is looked at again, in turn */
};

enum status view_init(struct view *view) {
    /* Topics and configs: as they are, those that a full list brings anew, and those to be deleted. */
    enum status status = desired_map_init(&view->topics, 6 * (size_t)TOPICS_MAX);
    if (!status) {
        status = desired_map_init(&view->partitions, COORDINATION_PARTITIONS_MAX);
    }
    return status;
}

void view_finish(struct view *view) {
    desired_map_finish(&view->topics);
    desired_map_finish(&view->partitions);
}

void view_review_all(struct room *room) {
    desired_review_all(&room->view.topics);
    desired_review_all(&room->view.partitions);
    room->view.is_fenced = false;
    task_wake(&room->controller.task);
    task_wake(&room->view.listing);
}

void view_forget_topics(struct room *room) {
    desired_clear(&room->view.topics);
    room->view.is_fenced = false;
    room->view.is_synced = false;
}

void view_lost_fence(struct room *room) {
    room->view.is_fenced = false;
    task_wake(&room->controller.task);
}

static struct desired_map *map_of(struct room *room, const struct desired *entry) {
    return entry->kind == DESIRED_PARTITION ? &room->view.partitions : &room->view.topics;
}

void view_settle(struct room *room, struct desired *entry) {
    room->view.under_way--;
    desired_settle(map_of(room, entry), entry);
}

void view_again(struct room *room, struct desired *entry) {
    room->view.under_way--;
    desired_again(map_of(room, entry), entry);
}

void view_retry(struct room *room, struct desired *entry) {
    room->view.under_way--;
    desired_retry(map_of(room, entry), entry, room->now_ms);
}

void view_drop(struct room *room, struct desired *entry) {
    desired_erase(map_of(room, entry), entry);
    view_settle(room, entry);
}

void view_sent(struct room *room, struct desired *entry, enum status status) {
    if (status) {
        view_retry(room, entry);
    }
}

bool view_resume(struct room *room, struct desired *entry, const struct answer *answer) {
    if (entry->erased || entry->changed) {
        view_again(room, entry);
        return false;
    }
    if (answer->outcome == OUTCOME_REFUSED) {
        room_error(room, "ZooKeeper refuses an access to %s", entry->path);
    }
    if (answer->outcome == OUTCOME_LOST || answer->outcome == OUTCOME_REFUSED) {
        view_retry(room, entry);
        return false;
    }
    return true;
}

static void begin(struct room *room, struct desired *entry) {
    room->view.under_way++;
    switch (entry->kind) {
    case DESIRED_TOPIC:
    case DESIRED_CONFIG:
        view_topic_begin(room, entry);
        break;
    case DESIRED_PARTITION:
        view_partition_begin(room, entry);
        break;
    case DESIRED_ABSENT:
        view_removal_begin(room, entry);
        break;
    }
}

static void take_from(struct room *room, struct desired_map *map) {
    while (room->view.under_way < COORDINATION_REQUESTS_MAX) {
        struct desired *entry = desired_take(map);
        if (!entry) {
            return;
        }
        begin(room, entry);
    }
}

/* What waits becomes ready in time. A step runs for every answer, so the walk over the delayed has its own
 * pace. */
static void tend(struct room *room) {
    struct view *view = &room->view;
    if (room->now_ms >= view->promote_ms) {
        view->promote_ms = room->now_ms + VIEW_PROMOTE_INTERVAL_MS;
        desired_promote(&view->topics, room->now_ms);
        desired_promote(&view->partitions, room->now_ms);
    }
    if (room->now_ms >= view->review_ms) {
        view->review_ms = room->now_ms + VIEW_REVIEW_INTERVAL_MS;
        desired_review(&view->topics, VIEW_REVIEWS_MAX);
        desired_review(&view->partitions, VIEW_REVIEWS_MAX);
    }
}

void view_step(struct room *room) {
    struct view *view = &room->view;
    if (!room->cluster.is_known) {
        return;
    }
    tend(room);
    if (view->is_fenced) {
        view_listing_step(room);
        take_from(room, &view->topics);
    }
    take_from(room, &view->partitions);
}
