/*
 * What the node tells, during a turn of the shard, and who hears it.
 */
#include "broker_private.h"

static struct broker_pending *pending_of(uint64_t context) {
    return (struct broker_pending *)(uintptr_t)context;
}

static void observe_answered(void *context, const struct node_answer *answer) {
    (void)context;
    struct broker_pending *pending = pending_of(answer->context);
    pending->answer = *answer;
    pending_finish(pending);
}

static void observe_read_ready(void *context, uint64_t read_context, enum status status) {
    (void)context;
    struct broker_pending *pending = pending_of(read_context);
    pending->answer.status = status;
    pending_finish(pending);
}

static void observe_opened(void *context, uint64_t group) {
    struct broker *broker = context;
    struct view *view = views_find(&broker->views, group);
    if (view) {
        view_reset(view);
        view_release(view);
        return;
    }
    view = view_create(group, broker->options.tail_bytes_max);
    if (view == NULL || !views_add(&broker->views, view)) {
        broker_fail(broker, "no memory for a replica");
    }
    view_release(view);
}

static void observe_closed(void *context, uint64_t group) {
    struct broker *broker = context;
    views_remove(&broker->views, group);
}

static void observe_applied(void *context, uint64_t group, const struct raft_entry *entry,
                            const struct entry_header *header) {
    struct broker *broker = context;
    struct view *view = views_find(&broker->views, group);
    if (view) {
        view_append(view, entry, header);
        view_release(view);
    }
}

static void observe_status(void *context, const struct node_status *status) {
    struct broker *broker = context;
    struct view *view = views_find(&broker->views, status->group);
    if (view == NULL) {
        return;
    }
    mutex_lock(&view->mutex);
    struct node_status before = view->status;
    mutex_unlock(&view->mutex);
    view_set_status(view, status);
    view_release(view);
    bool role_moved = before.leader != status->leader || before.term != status->term ||
                      before.role != status->role || before.ready != status->ready;
    if (role_moved) {
        if (before.leader != status->leader && status->leader != 0) {
            atomic_fetch_add_explicit(&broker->counters.leader_changes, 1, memory_order_relaxed);
            log_info("broker", "leader", "group=%lu leader=%lu term=%lu", (unsigned long)status->group,
                     (unsigned long)status->leader, (unsigned long)status->term);
        }
        broker_leaders_changed(broker);
    }
}

static void observe_metadata_changing(void *context) {
    struct broker *broker = context;
    ASSERT(pthread_rwlock_wrlock(&broker->metadata_lock) == 0);
}

static void observe_metadata_changed(void *context, const struct metadata_changes *changes) {
    struct broker *broker = context;
    (void)changes;
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    housekeeper_metadata_changed(broker);
}

static void observe_failed(void *context, uint64_t group, enum status status, const char *what) {
    struct broker *broker = context;
    if (status == STATUS_CORRUPT || status == STATUS_NOT_FOUND) { /* what must be stored cannot be read */
        damage_failed(broker, group, what, status);
        return;
    }
    char reason[ERROR_MESSAGE_MAX];
    snprintf(reason, sizeof reason, "%s (group %lu: %s)", what, (unsigned long)group, status_name(status));
    broker_fail(broker, reason);
}

struct node_observer shard_observer(struct broker *broker) {
    return (struct node_observer){
        .context = broker,
        .answered = observe_answered,
        .read_ready = observe_read_ready,
        .opened = observe_opened,
        .closed = observe_closed,
        .applied = observe_applied,
        .status = observe_status,
        .metadata_changing = observe_metadata_changing,
        .metadata_changed = observe_metadata_changed,
        .failed = observe_failed,
    };
}
