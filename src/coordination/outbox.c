/* Events are gathered under the lock and delivered without it; of one kind the latest counts. */
#include "room.h"

/* A function, so that each event's payload is built where it is sent and the order stands in one place. */
static void deliver(struct room *room, struct coordination_event event) {
    room->on_event(room->event_context, &event);
}

static void deliver_session(struct room *room, const struct outbox *outbox) {
    if (outbox->session_lost) {
        deliver(room, (struct coordination_event){.type = COORDINATION_SESSION,
                                                  .session = COORDINATION_SESSION_DISCONNECTED});
    }
    if (outbox->session) {
        deliver(room,
                (struct coordination_event){.type = COORDINATION_SESSION, .session = outbox->session_state});
    }
}

static void deliver_all(struct room *room, const struct outbox *outbox) {
    deliver_session(room, outbox);
    if (outbox->cluster) {
        deliver(room,
                (struct coordination_event){.type = COORDINATION_CLUSTER, .cluster = outbox->cluster_value});
    }
    if (outbox->controller) {
        deliver(room, (struct coordination_event){
                          .type = COORDINATION_CONTROLLER_CHANGED,
                          .controller = {.broker_id = room->controller.delivered.broker_id,
                                         .term = room->controller.delivered.term,
                                         .epoch = room->controller.delivered_epoch},
                      });
    }
    if (outbox->brokers) {
        deliver(room, (struct coordination_event){
                          .type = COORDINATION_BROKERS_CHANGED,
                          .brokers = {.list = room->brokers.list, .count = room->brokers.count},
                      });
    }
    if (outbox->foreign) {
        deliver(room, (struct coordination_event){.type = COORDINATION_FOREIGN_CLUSTER,
                                                  .cluster = outbox->foreign_value});
    }
    if (outbox->id_taken) {
        deliver(room, (struct coordination_event){.type = COORDINATION_ID_TAKEN,
                                                  .id_taken_by = outbox->id_taken_by});
    }
}

void outbox_deliver(struct room *room) {
    struct outbox outbox = room->outbox;
    room->outbox = (struct outbox){0};
    if (room->is_stopping) {
        return;
    }
    room->is_delivering = true;
    mutex_unlock(&room->lock);
    deliver_all(room, &outbox);
    mutex_lock(&room->lock);
    room->is_delivering = false;
    condition_broadcast(&room->ended_or_delivered);
}
