/*
 * /controller orders candidates for group 0, and /controller_epoch fences the view: its version is checked
 * with every write of a topic, so that a controller that was replaced unnoticed writes nothing more.
 */
#include "room.h"

#include "aviary/base/clock.h"
#include "aviary/base/log.h"

#include <inttypes.h>

static void on_written(void *context, const struct answer *answer) {
    struct room *room = context;
    if (answer->outcome == OUTCOME_REFUSED) {
        room_error(room, "ZooKeeper refuses to write /controller or /controller_epoch");
        task_fail(&room->controller.task, room->now_ms);
        return;
    }
    if (answer->outcome == OUTCOME_NO_NODE) {
        layout_renew(room);
    }
    task_again(&room->controller.task);
}

static void send_write(struct room *room, const struct operation *operations, size_t count) {
    if (client_write(room->client, operations, count, on_written, room)) {
        task_fail(&room->controller.task, room->now_ms);
    }
}

/* The leader's: /controller_epoch becomes its term. */
static void raise_epoch(struct room *room) {
    const struct controller_duty *controller = &room->controller;
    path_text path;
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, COORDINATION_NODE_BYTES_MAX);
    epoch_node_encode(controller->term, &data);
    if (buffer_status(&data) || !room_path(room, path, "/controller_epoch")) {
        task_fail(&room->controller.task, room->now_ms);
        return;
    }
    struct operation operation = {
        .type = controller->epoch_is_there ? OPERATION_SET : OPERATION_CREATE,
        .path = path,
        .data = buffer_slice(&data),
        .version = controller->epoch_version,
    };
    send_write(room, &operation, 1);
}

/* Creates /controller as ours, in the place of the one that is there if any. */
static void take(struct room *room) {
    const struct controller_duty *controller = &room->controller;
    struct controller_node node = {.broker_id = room->self.id, .term = controller->term};
    path_text path;
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, COORDINATION_NODE_BYTES_MAX);
    controller_node_encode(&node, clock_wall_ms(), &data);
    if (buffer_status(&data) || !room_path(room, path, "/controller")) {
        task_fail(&room->controller.task, room->now_ms);
        return;
    }
    struct operation operations[] = {
        {.type = OPERATION_DELETE, .path = path, .version = controller->version},
        {.type = OPERATION_CREATE, .ephemeral = true, .path = path, .data = buffer_slice(&data)},
    };
    if (controller->is_there) {
        send_write(room, operations, 2);
    } else {
        send_write(room, &operations[1], 1);
    }
}

static void give_up(struct room *room) {
    path_text path;
    if (!room_path(room, path, "/controller")) {
        task_fail(&room->controller.task, room->now_ms);
        return;
    }
    struct operation operation = {
        .type = OPERATION_DELETE, .path = path, .version = room->controller.version};
    send_write(room, &operation, 1);
}

static void act_as_leader(struct room *room) {
    const struct controller_duty *controller = &room->controller;
    bool is_ours = controller->is_there && controller->owner_session == room->session.id;
    bool is_current = is_ours && controller->node.term == controller->term;
    /* A node of our own term that another holds is a candidate's: a term has one leader. */
    bool is_newer = controller->is_there && !is_ours && controller->node.term > controller->term;
    if (is_current || is_newer) {
        task_settle(&room->controller.task);
        return;
    }
    take(room);
}

static void act_as_candidate(struct room *room) {
    const struct controller_duty *controller = &room->controller;
    bool is_registered = room->registration.session_id == room->session.id;
    bool is_ours = controller->is_there && controller->owner_session == room->session.id;
    /* Left by a session of this broker that is dead: who is registered under the id says whose it is. */
    bool is_remnant =
        controller->is_there && !is_ours && is_registered && controller->node.broker_id == room->self.id;
    if (is_remnant || (is_ours && controller->leader_is_known)) {
        give_up(room);
    } else if (!controller->is_there && !controller->leader_is_known && is_registered) {
        take(room);
    } else {
        task_settle(&room->controller.task);
    }
}

static void tell(struct room *room) {
    struct controller_duty *controller = &room->controller;
    bool is_same = controller->is_delivered &&
                   controller->delivered.broker_id == controller->node.broker_id &&
                   controller->delivered.term == controller->node.term &&
                   controller->delivered_epoch == controller->epoch;
    if (!is_same) {
        controller->is_delivered = true;
        controller->delivered = controller->node;
        controller->delivered_epoch = controller->epoch;
        room->outbox.controller = true;
    }
}

static void act(struct room *room) {
    const struct controller_duty *controller = &room->controller;
    bool is_superseded = controller->epoch > controller->term;
    tell(room);
    room->view.is_fenced = false;
    if (!controller->is_leader) {
        act_as_candidate(room);
        return;
    }
    if (is_superseded) {
        room_error(room,
                   "/controller_epoch is %" PRIu64 ", beyond this controller's term %" PRIu64
                   ": publishing no topics",
                   controller->epoch, controller->term);
        task_settle(&room->controller.task);
        return;
    }
    if (!controller->epoch_is_there || controller->epoch < controller->term) {
        raise_epoch(room);
        return;
    }
    room->view.is_fenced = true;
    room->view.fence_version = controller->epoch_version;
    act_as_leader(room);
}

static void on_epoch(void *context, const struct answer *answer) {
    struct room *room = context;
    struct controller_duty *controller = &room->controller;
    if (answer->outcome != OUTCOME_OK && answer->outcome != OUTCOME_NO_NODE) {
        task_fail(&controller->task, room->now_ms);
        return;
    }
    controller->epoch = 0;
    controller->epoch_is_there = answer->outcome == OUTCOME_OK;
    controller->epoch_version = answer->version;
    if (controller->epoch_is_there && epoch_node_decode(answer->data, &controller->epoch)) {
        room_error(room, "/controller_epoch holds no decimal number");
    }
    act(room);
}

static void on_controller(void *context, const struct answer *answer) {
    struct room *room = context;
    struct controller_duty *controller = &room->controller;
    struct error error = {0};
    path_text path;
    bool is_read = answer->outcome == OUTCOME_OK || answer->outcome == OUTCOME_NO_NODE;
    if (!is_read || !room_path(room, path, "/controller_epoch") ||
        client_get(room->client, path, WATCH_CONTROLLER, on_epoch, room)) {
        task_fail(&controller->task, room->now_ms);
        return;
    }
    controller->is_there = answer->outcome == OUTCOME_OK;
    controller->owner_session = answer->owner_session;
    controller->version = answer->version;
    controller->node = (struct controller_node){0};
    if (controller->is_there && controller_node_decode(answer->data, &controller->node, &error)) {
        room_error(room, "/controller cannot be read: %s", error.message);
    }
}

void controller_step(struct room *room) {
    struct controller_duty *controller = &room->controller;
    path_text path;
    if (!room->cluster.is_known || !task_is_due(&controller->task, room->now_ms)) {
        return;
    }
    task_begin(&controller->task);
    if (!room_path(room, path, "/controller") ||
        client_get(room->client, path, WATCH_CONTROLLER, on_controller, room)) {
        task_fail(&controller->task, room->now_ms);
    }
}
