/* /cluster/id: the cluster's identity and first voters, made once and by one. */
#include "room.h"

#include "aviary/base/log.h"

static void on_written(void *context, const struct answer *answer) {
    struct room *room = context;
    switch (answer->outcome) {
    case OUTCOME_OK:
    case OUTCOME_EXISTS:
    case OUTCOME_LOST:
        /* Ours or another's, or perhaps nobody's: what is there now decides. */
        task_again(&room->cluster.task);
        return;
    case OUTCOME_NO_NODE:
        layout_renew(room);
        break;
    case OUTCOME_REFUSED:
    case OUTCOME_BAD_VERSION:
    case OUTCOME_NOT_EMPTY:
        room_error(room, "ZooKeeper refuses to create /cluster/id");
        break;
    }
    task_fail(&room->cluster.task, room->now_ms);
}

static void create(struct room *room, const struct coordination_cluster *cluster) {
    path_text path;
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, COORDINATION_NODE_BYTES_MAX);
    cluster_node_encode(cluster, &data);
    if (buffer_status(&data) || !room_path(room, path, "/cluster/id")) {
        task_fail(&room->cluster.task, room->now_ms);
        return;
    }
    struct operation operation = {.type = OPERATION_CREATE, .path = path, .data = buffer_slice(&data)};
    if (client_write(room->client, &operation, 1, on_written, room)) {
        task_fail(&room->cluster.task, room->now_ms);
    }
}

static void on_missing(struct room *room) {
    struct cluster_duty *cluster = &room->cluster;
    if (cluster->was_there) {
        /* Whoever deleted it may have deleted more. */
        log_warn("coordination", "cluster id vanished from zookeeper", "everything is looked at again");
        cluster->was_there = false;
        layout_renew(room);
        view_review_all(room);
    }
    if (cluster->has_own) {
        create(room, &cluster->own);
    } else if (cluster->has_proposed) {
        create(room, &cluster->proposed);
    } else {
        cluster->is_known = true;
        task_settle(&cluster->task);
    }
}

static void on_found(struct room *room, struct slice data) {
    struct cluster_duty *cluster = &room->cluster;
    struct coordination_cluster there;
    struct error error = {0};
    if (cluster_node_decode(data, &there, &error)) {
        room_error(room, "/cluster/id cannot be read (%s); delete it to have it written again",
                   error.message);
    } else if (cluster->has_own && !uuid_equal(&there.id, &cluster->own.id)) {
        char own_text[UUID_TEXT_SIZE];
        char there_text[UUID_TEXT_SIZE];
        uuid_format(&cluster->own.id, own_text);
        uuid_format(&there.id, there_text);
        room->outbox.foreign = true;
        room->outbox.foreign_value = there;
        room_close(room, "ZooKeeper belongs to cluster %s, this broker to %s", there_text, own_text);
    } else {
        cluster->has_proposed = false;
        room->outbox.cluster = true;
        room->outbox.cluster_value = there;
    }
    cluster->is_known = true;
    cluster->was_there = true;
    task_settle(&cluster->task);
}

static void on_read(void *context, const struct answer *answer) {
    struct room *room = context;
    if (answer->outcome == OUTCOME_OK) {
        on_found(room, answer->data);
    } else if (answer->outcome == OUTCOME_NO_NODE) {
        on_missing(room);
    } else {
        task_fail(&room->cluster.task, room->now_ms);
    }
}

void cluster_step(struct room *room) {
    path_text path;
    if (!task_is_due(&room->cluster.task, room->now_ms)) {
        return;
    }
    task_begin(&room->cluster.task);
    if (!room_path(room, path, "/cluster/id") ||
        client_get(room->client, path, WATCH_CLUSTER, on_read, room)) {
        task_fail(&room->cluster.task, room->now_ms);
    }
}
