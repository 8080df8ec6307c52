/* The port over ZooKeeper: what callers want is noted here under the lock; the room's thread acts on it. */
#include "aviary/base/assert.h"
#include "aviary/base/clock.h"
#include "aviary/base/log.h"
#include "room.h"

#include <inttypes.h>
#include <stdlib.h>

static struct room *room_of(struct coordination *base) {
    return (struct room *)base;
}

static void unlock_and_wake(struct room *room) {
    mutex_unlock(&room->lock);
    client_wake(room->client);
}

static enum status zookeeper_start(struct coordination *base, const struct coordination_start *start,
                                   struct error *error) {
    struct room *room = room_of(base);
    ASSERT(!room->on_event);
    room->self = start->self;
    if (room->self.timestamp_ms == 0) {
        room->self.timestamp_ms = clock_wall_ms();
    }
    room->on_event = start->on_event;
    room->event_context = start->context;
    if (start->cluster) {
        room->cluster.has_own = true;
        room->cluster.own = *start->cluster;
        room->self.cluster_id = start->cluster->id;
    }
    prng_init(&room->prng, clock_monotonic_us() ^ start->self.id);
    return thread_start(&room->thread, "coordination", room_run, room, error);
}

static enum status zookeeper_create_cluster(struct coordination *base,
                                            const struct coordination_cluster *cluster) {
    struct room *room = room_of(base);
    mutex_lock(&room->lock);
    room->cluster.has_proposed = true;
    room->cluster.proposed = *cluster;
    task_wake(&room->cluster.task);
    unlock_and_wake(room);
    return STATUS_OK;
}

static void zookeeper_set_cluster(struct coordination *base, const struct coordination_cluster *cluster) {
    struct room *room = room_of(base);
    mutex_lock(&room->lock);
    room->cluster.has_own = true;
    room->cluster.own = *cluster;
    room->self.cluster_id = cluster->id;
    task_wake(&room->cluster.task);
    task_wake(&room->registration.task);
    unlock_and_wake(room);
}

static void zookeeper_publish_controller(struct coordination *base, uint64_t term) {
    struct room *room = room_of(base);
    mutex_lock(&room->lock);
    struct controller_duty *controller = &room->controller;
    bool is_news = term > controller->term || (term == controller->term && !controller->is_leader);
    if (is_news && !room->is_closed) {
        controller->term = term;
        controller->is_leader = true;
        controller->leader_is_known = true;
        room->view.is_fenced = false;
        room->view.is_synced = false;
        task_wake(&controller->task);
    }
    unlock_and_wake(room);
}

static void zookeeper_observed_leader(struct coordination *base, uint32_t broker_id, uint64_t term) {
    struct room *room = room_of(base);
    mutex_lock(&room->lock);
    struct controller_duty *controller = &room->controller;
    if (term >= controller->term) {
        bool is_self = broker_id == room->self.id;
        bool stays_leader = controller->is_leader && is_self && term == controller->term;
        if (controller->is_leader && !stays_leader) {
            view_forget_topics(room);
        }
        controller->is_leader = stays_leader;
        controller->leader_is_known = broker_id != 0;
        controller->term = term;
        task_wake(&controller->task);
    }
    unlock_and_wake(room);
}

/* Encoded by `encode`, in a blob of its own. TOO_LARGE, NO_MEMORY. */
static enum status entry_encode(struct room *room, const struct coordination_topic *topic, const char *folder,
                                enum desired_kind kind,
                                void (*encode)(const struct coordination_topic *topic, struct buffer *out),
                                struct desired **ret_entry) {
    path_text path;
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, COORDINATION_NODE_BYTES_MAX);
    encode(topic, &data);
    if (buffer_status(&data) || !room_path(room, path, "%s/%s", folder, topic->name)) {
        log_error("coordination", "topic is not published", "path=%s/%s: %s", folder, topic->name,
                  status_name(buffer_status(&data) ? buffer_status(&data) : STATUS_TOO_LARGE));
        return buffer_status(&data) ? buffer_status(&data) : STATUS_TOO_LARGE;
    }
    struct blob *blob = blob_copy(buffer_slice(&data));
    struct desired *entry = blob ? desired_create(path, kind, blob, room) : NULL;
    if (!entry) {
        return STATUS_NO_MEMORY;
    }
    entry->partition_count = kind == DESIRED_TOPIC ? (uint32_t)topic->partition_count : 0;
    *ret_entry = entry;
    return STATUS_OK;
}

enum { ENTRIES_PER_TOPIC = 2 };

/* A topic's entries: the topic, then its config. On failure there are none. */
static enum status topic_encode(struct room *room, const struct coordination_topic *topic,
                                struct desired *ret_entries[ENTRIES_PER_TOPIC]) {
    struct desired *entry;
    enum status status =
        entry_encode(room, topic, "/brokers/topics", DESIRED_TOPIC, topic_node_encode, &entry);
    if (status) {
        return status;
    }
    status = entry_encode(room, topic, "/config/topics", DESIRED_CONFIG, config_node_encode, &ret_entries[1]);
    if (status) {
        desired_destroy(entry);
        return status;
    }
    ret_entries[0] = entry;
    return STATUS_OK;
}

/* Puts the entries, or destroys them. */
static enum status put_topic_entries(struct room *room, struct desired **entries, size_t count) {
    struct desired_map *map = &room->view.topics;
    enum status status = map->count + count > map->count_max ? STATUS_FULL : STATUS_OK;
    bool is_duty = room->controller.is_leader && !room->is_closed;
    for (size_t i = 0; i < count; i++) {
        if (status || !is_duty) {
            desired_destroy(entries[i]);
        } else {
            enum status put = desired_put(map, entries[i]);
            ASSERT(put == STATUS_OK); /* there is room, as was just seen */
        }
    }
    return is_duty ? status : STATUS_OK;
}

static enum status zookeeper_publish_topic(struct coordination *base,
                                           const struct coordination_topic *topic) {
    struct room *room = room_of(base);
    struct desired *entries[ENTRIES_PER_TOPIC];
    enum status status = topic_encode(room, topic, entries);
    if (status) {
        return status;
    }
    mutex_lock(&room->lock);
    status = put_topic_entries(room, entries, ENTRIES_PER_TOPIC);
    unlock_and_wake(room);
    return status;
}

static enum status zookeeper_remove_topic(struct coordination *base, const char *name) {
    struct room *room = room_of(base);
    static const char *const folders[ENTRIES_PER_TOPIC] = {"/brokers/topics", "/config/topics"};
    struct desired *entries[ENTRIES_PER_TOPIC] = {0};
    for (size_t i = 0; i < ENTRIES_PER_TOPIC; i++) {
        path_text path;
        bool fits = room_path(room, path, "%s/%s", folders[i], name);
        ASSERT(fits); /* the name and the prefix are bounded */
        entries[i] = desired_create(path, DESIRED_ABSENT, NULL, room);
        if (!entries[i]) {
            desired_destroy(entries[0]);
            return STATUS_NO_MEMORY;
        }
    }
    mutex_lock(&room->lock);
    enum status status = put_topic_entries(room, entries, ENTRIES_PER_TOPIC);
    unlock_and_wake(room);
    return status;
}

/*
 * A controller's first list is compared with all that ZooKeeper has; a later one only with the list before,
 * since whatever else differs is found by the review.
 */
static enum status put_full_list(struct room *room, struct desired **entries, size_t count) {
    struct view *view = &room->view;
    view->generation++;
    for (size_t i = 0; i < count; i++) {
        entries[i]->generation = view->generation;
    }
    enum status status = put_topic_entries(room, entries, count);
    if (status || !room->controller.is_leader || room->is_closed) {
        return status;
    }
    desired_sweep(&view->topics, view->generation);
    if (!view->is_synced) {
        view->is_synced = true;
        desired_review_all(&view->topics);
        task_wake(&view->listing);
    }
    return STATUS_OK;
}

static enum status zookeeper_sync_view(struct coordination *base, const struct coordination_topic *topics,
                                       size_t count) {
    struct room *room = room_of(base);
    size_t entry_count = count * ENTRIES_PER_TOPIC;
    _cleanup_free_ struct desired **entries = calloc(entry_count + 1, sizeof(struct desired *));
    if (!entries) {
        return STATUS_NO_MEMORY;
    }
    /* Encoded before the lock is taken, so that a failure changes nothing and nobody waits for it. */
    for (size_t i = 0; i < count; i++) {
        enum status status = topic_encode(room, &topics[i], &entries[i * ENTRIES_PER_TOPIC]);
        if (status) {
            for (size_t j = 0; j < i * ENTRIES_PER_TOPIC; j++) {
                desired_destroy(entries[j]);
            }
            return status;
        }
    }
    mutex_lock(&room->lock);
    enum status status = put_full_list(room, entries, entry_count);
    unlock_and_wake(room);
    return status;
}

static enum status zookeeper_publish_partition(struct coordination *base,
                                               const struct coordination_partition *partition) {
    struct room *room = room_of(base);
    path_text path;
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, COORDINATION_NODE_BYTES_MAX);
    partition_node_encode(partition, room->self.id, &data);
    bool fits = room_path(room, path, "/brokers/topics/%s/partitions/%" PRIu32 "/state", partition->topic,
                          partition->partition);
    ASSERT(fits); /* the name and the prefix are bounded */
    struct blob *blob = buffer_status(&data) ? NULL : blob_copy(buffer_slice(&data));
    struct desired *entry = blob ? desired_create(path, DESIRED_PARTITION, blob, room) : NULL;
    if (!entry) {
        return STATUS_NO_MEMORY;
    }
    entry->rank = (struct partition_rank){
        .group = partition->group, .leader_epoch = partition->leader_epoch, .leader = room->self.id};
    mutex_lock(&room->lock);
    enum status status = room->is_closed ? STATUS_CLOSED : desired_put(&room->view.partitions, entry);
    unlock_and_wake(room);
    if (status) {
        desired_destroy(entry);
    }
    return status == STATUS_CLOSED ? STATUS_OK : status;
}

static void zookeeper_forget_partition(struct coordination *base, const char *topic, uint32_t partition) {
    struct room *room = room_of(base);
    path_text path;
    if (!room_path(room, path, "/brokers/topics/%s/partitions/%" PRIu32 "/state", topic, partition)) {
        return;
    }
    mutex_lock(&room->lock);
    struct desired *entry = desired_find(&room->view.partitions, path);
    if (entry) {
        desired_erase(&room->view.partitions, entry);
    }
    mutex_unlock(&room->lock);
}

static void zookeeper_status(struct coordination *base, struct coordination_status *ret_status) {
    struct room *room = room_of(base);
    mutex_lock(&room->lock);
    const struct view *view = &room->view;
    *ret_status = (struct coordination_status){
        .mode = COORDINATION_ZOOKEEPER,
        .connected = room->session.connected,
        .closed = room->is_closed,
        .session_id = room->session.id,
        .since_ms = room->changed_ms,
        .pending = view->topics.count - view->topics.settled_count + view->partitions.count -
                   view->partitions.settled_count,
    };
    memcpy(ret_status->last_error, room->last_error, sizeof room->last_error);
    mutex_unlock(&room->lock);
}

static void zookeeper_destroy(struct coordination *base) {
    struct room *room = room_of(base);
    uint64_t deadline_ms = clock_monotonic_ms() + COORDINATION_CLOSE_MS;
    if (!room->thread.started) {
        room_destroy(room);
        return;
    }
    mutex_lock(&room->lock);
    room->is_stopping = true;
    client_wake(room->client);
    bool in_time = true;
    /* An event never blocks, so waiting for its end needs no deadline. */
    while (!room->has_ended && (in_time || room->is_delivering)) {
        if (in_time) {
            in_time = condition_wait_until(&room->ended_or_delivered, &room->lock, deadline_ms);
        } else {
            condition_wait(&room->ended_or_delivered, &room->lock);
        }
    }
    room->is_abandoned = !room->has_ended;
    if (room->is_abandoned) {
        log_warn("coordination", "zookeeper client hangs", "left behind after %d ms", COORDINATION_CLOSE_MS);
        pthread_detach(room->thread.raw);
        mutex_unlock(&room->lock);
        return;
    }
    mutex_unlock(&room->lock);
    thread_join(&room->thread);
    room_destroy(room);
}

static const struct coordination_operations zookeeper_operations = {
    .start = zookeeper_start,
    .create_cluster = zookeeper_create_cluster,
    .set_cluster = zookeeper_set_cluster,
    .publish_controller = zookeeper_publish_controller,
    .observed_leader = zookeeper_observed_leader,
    .publish_topic = zookeeper_publish_topic,
    .remove_topic = zookeeper_remove_topic,
    .sync_view = zookeeper_sync_view,
    .publish_partition = zookeeper_publish_partition,
    .forget_partition = zookeeper_forget_partition,
    .status = zookeeper_status,
    .destroy = zookeeper_destroy,
};

static enum status room_create(const struct connect_string *connect, uint32_t timeout_ms,
                               struct room **ret_room) {
    struct room *room = calloc(1, sizeof *room);
    if (!room) {
        return STATUS_NO_MEMORY;
    }
    room->client = client_create();
    if (!room->client || view_init(&room->view)) {
        client_destroy(room->client);
        view_finish(&room->view);
        free(room);
        return STATUS_NO_MEMORY;
    }
    room->base.operations = &zookeeper_operations;
    room->connect = *connect;
    room->timeout_ms = timeout_ms;
    room->changed_ms = clock_monotonic_ms();
    mutex_init(&room->lock);
    condition_init(&room->ended_or_delivered);
    *ret_room = room;
    return STATUS_OK;
}

enum status coordination_zookeeper_create(const struct coordination_zookeeper_config *config,
                                          struct error *error, struct coordination **ret_coordination) {
    struct connect_string connect;
    enum status status = connect_string_parse(config->connect, error, &connect);
    if (status) {
        return status;
    }
    uint32_t timeout_ms =
        config->session_timeout_ms > 0 ? config->session_timeout_ms : COORDINATION_SESSION_TIMEOUT_MS;
    if (timeout_ms < COORDINATION_SESSION_TIMEOUT_MIN_MS ||
        timeout_ms > COORDINATION_SESSION_TIMEOUT_MAX_MS) {
        return error_set(error, STATUS_INVALID, "the ZooKeeper session timeout must be from %d to %d ms",
                         COORDINATION_SESSION_TIMEOUT_MIN_MS, COORDINATION_SESSION_TIMEOUT_MAX_MS);
    }
    struct room *room;
    status = room_create(&connect, timeout_ms, &room);
    if (status) {
        return error_set(error, status, "no memory for coordination");
    }
    *ret_coordination = &room->base;
    return STATUS_OK;
}
