/* The room's thread: looks at what was reported, does what is due, delivers, sleeps. */
#include "room.h"

#include "aviary/base/clock.h"
#include "aviary/base/log.h"

#include <stdio.h>
#include <stdlib.h>

void room_error(struct room *room, const char *format, ...) {
    char text[COORDINATION_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (strcmp(text, room->last_error) != 0) {
        memcpy(room->last_error, text, sizeof text);
        log_warn("coordination", "trouble with zookeeper", "%s", text);
    }
}

bool room_path(const struct room *room, path_text ret_path, const char *format, ...) {
    size_t prefix_size = strlen(room->connect.prefix);
    size_t left = COORDINATION_PATH_MAX - prefix_size;
    memcpy(ret_path, room->connect.prefix, prefix_size);
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(ret_path + prefix_size, left, format, arguments);
    va_end(arguments);
    return size >= 0 && (size_t)size < left;
}

void room_close(struct room *room, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(room->last_error, sizeof room->last_error, format, arguments);
    va_end(arguments);
    log_error("coordination", "ignoring zookeeper from now on", "%s", room->last_error);
    room->is_closed = true;
    desired_clear(&room->view.partitions);
    view_forget_topics(room);
}

static void wake_fired(struct room *room, uint32_t fired) {
    if (fired & (1u << WATCH_CLUSTER)) {
        task_wake(&room->cluster.task);
    }
    if (fired & (1u << WATCH_REGISTRATION)) {
        task_wake(&room->registration.task);
    }
    if (fired & (1u << WATCH_BROKERS)) {
        task_wake(&room->brokers.task);
    }
    if (fired & (1u << WATCH_CONTROLLER)) {
        task_wake(&room->controller.task);
    }
}

static void step(struct room *room) {
    room->now_ms = clock_monotonic_ms();
    client_answer(room->client);
    wake_fired(room, session_look(room));
    session_keep(room);
    if (room->session.connected && !room->is_closed) {
        layout_step(room);
        if (room->layout.ready) {
            cluster_step(room);
            registration_step(room);
            brokers_step(room);
            controller_step(room);
            view_step(room);
        }
    }
    outbox_deliver(room);
}

void room_run(void *argument) {
    struct room *room = argument;
    mutex_lock(&room->lock);
    while (!room->is_stopping) {
        step(room);
        uint64_t until_ms = room->now_ms + ROOM_TICK_MS;
        mutex_unlock(&room->lock);
        client_wait(room->client, until_ms);
        mutex_lock(&room->lock);
    }
    mutex_unlock(&room->lock);
    client_close(room->client);
    mutex_lock(&room->lock);
    client_answer(room->client);
    room->has_ended = true;
    condition_broadcast(&room->ended_or_delivered);
    bool is_abandoned = room->is_abandoned;
    mutex_unlock(&room->lock);
    if (is_abandoned) {
        room_destroy(room);
    }
}

void room_destroy(struct room *room) {
    client_destroy(room->client);
    view_finish(&room->view);
    condition_finish(&room->ended_or_delivered);
    mutex_finish(&room->lock);
    free(room);
}
