/* Who is registered: the children of /brokers/ids, each read and watched. */
#include "room.h"

#include <inttypes.h>
#include <stdlib.h>

static int compare_ids(const void *left, const void *right) {
    const struct coordination_broker *a = left;
    const struct coordination_broker *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool broker_equal(const struct coordination_broker *a, const struct coordination_broker *b) {
    return a->id == b->id && strcmp(a->host, b->host) == 0 && a->rest_port == b->rest_port &&
           a->peer_port == b->peer_port && uuid_equal(&a->disk_uuid, &b->disk_uuid) &&
           uuid_equal(&a->cluster_id, &b->cluster_id) && a->expect == b->expect &&
           a->timestamp_ms == b->timestamp_ms;
}

static bool has_changed(const struct brokers *brokers) {
    if (!brokers->is_delivered || brokers->found_count != brokers->count) {
        return true;
    }
    for (size_t i = 0; i < brokers->count; i++) {
        if (!broker_equal(&brokers->found[i], &brokers->list[i])) {
            return true;
        }
    }
    return false;
}

static void finish(struct room *room) {
    struct brokers *brokers = &room->brokers;
    if (brokers->has_failed) {
        task_fail(&brokers->task, room->now_ms);
        return;
    }
    qsort(brokers->found, brokers->found_count, sizeof brokers->found[0], compare_ids);
    if (has_changed(brokers)) {
        memcpy(brokers->list, brokers->found, brokers->found_count * sizeof brokers->found[0]);
        brokers->count = brokers->found_count;
        brokers->is_delivered = true;
        room->outbox.brokers = true;
    }
    task_settle(&brokers->task);
}

static void answered(struct room *room) {
    room->brokers.unanswered--;
    if (room->brokers.unanswered == 0) {
        finish(room);
    }
}

static void on_broker(void *context, const struct answer *answer) {
    const struct brokers_slot *slot = context;
    struct room *room = slot->room;
    struct brokers *brokers = &room->brokers;
    struct error error = {0};
    if (answer->outcome == OUTCOME_OK) {
        if (broker_node_decode(answer->data, slot->id, &brokers->found[brokers->found_count], &error)) {
            room_error(room, "/brokers/ids/%" PRIu32 " cannot be read: %s", slot->id, error.message);
        } else {
            brokers->found_count++;
        }
    } else if (answer->outcome != OUTCOME_NO_NODE) {
        brokers->has_failed = true;
    }
    answered(room);
}

static void read_broker(struct room *room, struct brokers_slot *slot) {
    path_text path;
    room->brokers.unanswered++;
    if (!room_path(room, path, "/brokers/ids/%" PRIu32, slot->id) ||
        client_get(room->client, path, WATCH_BROKERS, on_broker, slot)) {
        room->brokers.has_failed = true;
        room->brokers.unanswered--;
    }
}

static void on_ids(void *context, const struct answer *answer) {
    struct room *room = context;
    struct brokers *brokers = &room->brokers;
    size_t count = 0;
    if (answer->outcome == OUTCOME_NO_NODE) {
        layout_renew(room);
    }
    brokers->has_failed = answer->outcome != OUTCOME_OK;
    for (size_t i = 0; i < answer->name_count; i++) {
        struct brokers_slot *slot = &brokers->slots[count];
        if (count == BROKERS_MAX) {
            room_error(room, "more than %d brokers are registered; the others are not seen", BROKERS_MAX);
            break;
        }
        if (!broker_id_parse(answer->names[i], &slot->id)) {
            slot->room = room;
            read_broker(room, slot);
            count++;
        }
    }
    answered(room);
}

void brokers_step(struct room *room) {
    struct brokers *brokers = &room->brokers;
    path_text path;
    if (!task_is_due(&brokers->task, room->now_ms)) {
        return;
    }
    task_begin(&brokers->task);
    brokers->found_count = 0;
    brokers->unanswered = 1; /* the listing's, until all reads are sent */
    if (!room_path(room, path, "/brokers/ids") ||
        client_children(room->client, path, WATCH_BROKERS, on_ids, room)) {
        task_fail(&brokers->task, room->now_ms);
    }
}
