/* /brokers/ids/N: this broker's own announcement, which lives as long as its session. */
#include "room.h"

#include "aviary/base/log.h"

#include <inttypes.h>

/*
 * An ensemble ends a dead session within its timeout and a tick, and a tick is at most half a timeout; a
 * registration that stands longer than two timeouts has somebody alive behind it.
 */
enum { TAKEN_TIMEOUTS = 2 };

static bool own_path(const struct room *room, path_text ret_path) {
    return room_path(room, ret_path, "/brokers/ids/%" PRIu32, room->self.id);
}

static void on_written(void *context, const struct answer *answer) {
    struct room *room = context;
    if (answer->outcome == OUTCOME_NO_NODE && answer->failed_operation == 0) {
        /* The folder to create in, or the node to replace: either way the next look tells. */
        layout_renew(room);
    }
    if (answer->outcome == OUTCOME_REFUSED) {
        room_error(room, "ZooKeeper refuses this broker's registration");
        task_fail(&room->registration.task, room->now_ms);
        return;
    }
    task_again(&room->registration.task);
}

static void send_write(struct room *room, const struct operation *operations, size_t count) {
    if (client_write(room->client, operations, count, on_written, room)) {
        task_fail(&room->registration.task, room->now_ms);
    }
}

static void register_anew(struct room *room, const char *path, struct slice data) {
    struct operation create = {.type = OPERATION_CREATE, .ephemeral = true, .path = path, .data = data};
    send_write(room, &create, 1);
}

static void replace_dead(struct room *room, const char *path, struct slice data, int32_t version) {
    struct operation operations[] = {
        {.type = OPERATION_DELETE, .path = path, .version = version},
        {.type = OPERATION_CREATE, .ephemeral = true, .path = path, .data = data},
    };
    log_info("coordination", "replacing registration of a dead session", "broker=%" PRIu32, room->self.id);
    send_write(room, operations, 2);
}

static void refuse(struct room *room, const struct coordination_broker *other) {
    char disk[UUID_TEXT_SIZE];
    uuid_format(&other->disk_uuid, disk);
    room->outbox.id_taken = true;
    room->outbox.id_taken_by = *other;
    room_close(room,
               "broker id %" PRIu32
               " is taken in ZooKeeper by %s:%u with disk %s; give this broker another --id, or "
               "stop that one",
               room->self.id, other->host, other->peer_port, disk);
    task_settle(&room->registration.task);
}

/* Another session holds our node. */
static void on_other_session(struct room *room, const char *path, struct slice data,
                             const struct answer *answer) {
    struct registration *registration = &room->registration;
    struct coordination_broker other = {.id = room->self.id};
    bool is_read = broker_node_decode(answer->data, room->self.id, &other, NULL) == STATUS_OK;
    bool same_disk = is_read && uuid_equal(&other.disk_uuid, &room->self.disk_uuid);
    bool was_ours = registration->session_id == room->session.id;

    if (same_disk && was_ours) {
        /* It took the node from our living session: a second broker runs on a copy of this disk. */
        refuse(room, &other);
        return;
    }
    if (same_disk) {
        replace_dead(room, path, data, answer->version);
        return;
    }
    if (registration->taken_since_ms == 0) {
        registration->taken_since_ms = room->now_ms;
        room_error(room,
                   "broker id %" PRIu32 " is registered with another disk; waiting for that session to end",
                   room->self.id);
    }
    if (room->now_ms - registration->taken_since_ms >= (uint64_t)TAKEN_TIMEOUTS * room->session.timeout_ms) {
        refuse(room, &other);
        return;
    }
    task_fail(&registration->task, room->now_ms);
}

static void on_own_session(struct room *room, const char *path, struct slice data,
                           const struct answer *answer) {
    struct registration *registration = &room->registration;
    registration->taken_since_ms = 0;
    if (!slice_equal(answer->data, data)) {
        struct operation set = {
            .type = OPERATION_SET, .path = path, .data = data, .version = answer->version};
        send_write(room, &set, 1);
        return;
    }
    if (registration->session_id != room->session.id) {
        registration->session_id = room->session.id;
        task_wake(&room->controller.task);
        log_info("coordination", "registered", "broker=%" PRIu32, room->self.id);
    }
    task_settle(&registration->task);
}

static void on_read(void *context, const struct answer *answer) {
    struct room *room = context;
    path_text path;
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, COORDINATION_NODE_BYTES_MAX);
    broker_node_encode(&room->self, &data);
    if (buffer_status(&data) || !own_path(room, path) || room->is_closed) {
        task_fail(&room->registration.task, room->now_ms);
    } else if (answer->outcome == OUTCOME_NO_NODE) {
        room->registration.taken_since_ms = 0;
        register_anew(room, path, buffer_slice(&data));
    } else if (answer->outcome != OUTCOME_OK) {
        task_fail(&room->registration.task, room->now_ms);
    } else if (answer->owner_session == room->session.id) {
        on_own_session(room, path, buffer_slice(&data), answer);
    } else {
        on_other_session(room, path, buffer_slice(&data), answer);
    }
}

void registration_step(struct room *room) {
    path_text path;
    /* Whose ensemble it is must be known first: a broker does not announce itself to strangers. */
    if (!room->cluster.is_known || !task_is_due(&room->registration.task, room->now_ms)) {
        return;
    }
    task_begin(&room->registration.task);
    if (!own_path(room, path) || client_get(room->client, path, WATCH_REGISTRATION, on_read, room)) {
        task_fail(&room->registration.task, room->now_ms);
    }
}
