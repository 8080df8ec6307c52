#include "broker_private.h"

#include <sys/resource.h>
#include <unistd.h>

enum {
    SCRUB_NICE = 19,
    SCRUB_IDLE_MS = 1000,
    SCRUB_READ_BYTES_MIN = 4096, /* what a read costs at least: a block */
    SCRUB_CONFIRM_MS = 5000,     /* for the shard to say where a log begins */
};

/* The start of a log may move while it is read. */
enum scrub_step { SCRUB_AGAIN, SCRUB_NEXT_GROUP };

void scrub_init(struct scrub *scrub) {
    mutex_init(&scrub->mutex);
    condition_init(&scrub->woken);
}

void scrub_finish(struct scrub *scrub) {
    condition_finish(&scrub->woken);
    mutex_finish(&scrub->mutex);
}

bool scrub_wait(struct scrub *scrub, uint64_t deadline_ms) {
    mutex_lock(&scrub->mutex);
    bool damaged = atomic_load(&scrub->damaged);
    bool node_failed = scrub->node_failed;
    while (!scrub->stopping && atomic_load(&scrub->damaged) == damaged && scrub->node_failed == node_failed &&
           condition_wait_until(&scrub->woken, &scrub->mutex, deadline_ms)) {
    }
    bool go_on = !scrub->stopping;
    mutex_unlock(&scrub->mutex);
    return go_on;
}

/* Counts what was read, and sleeps it off. False: the thread shall end. */
static bool scrub_account(struct broker *broker, size_t bytes) {
    struct scrub *scrub = &broker->scrub;
    atomic_fetch_add_explicit(&scrub->bytes, bytes, memory_order_relaxed);
    uint64_t rate = broker->options.scrub_bytes_per_second;
    scrub->unpaid_bytes += bytes < SCRUB_READ_BYTES_MIN ? SCRUB_READ_BYTES_MIN : bytes;
    uint64_t rest_ms = scrub->unpaid_bytes * 1000 / rate;
    scrub->unpaid_bytes -= rest_ms * rate / 1000;
    damage_settle(broker);
    return scrub_wait(scrub, clock_monotonic_ms() + rest_ms);
}

static bool scrub_status(struct broker *broker, uint64_t group, struct node_status *ret_status) {
    struct view *view = views_find(&broker->views, group);
    if (view == NULL) {
        return false;
    }
    mutex_lock(&view->mutex);
    *ret_status = view->status;
    mutex_unlock(&view->mutex);
    view_release(view);
    return true;
}

/*
 * An entry cannot be read. The log's start may have moved beyond it, or the replica be gone: the shard is
 * never behind the storage, so its word, given after the read, decides. Then the read is repeated: running
 * out of files or memory passes.
 */
static enum scrub_step scrub_doubt_entry(struct broker *broker, uint64_t group, uint64_t last,
                                         enum status status, uint64_t *index) {
    struct storage *storage = broker->options.storage;
    struct broker_replica_status replica;
    if (!broker_replica_status(broker, group, clock_monotonic_ms() + SCRUB_CONFIRM_MS, &replica)) {
        return SCRUB_NEXT_GROUP;
    }
    if (*index < replica.status.first_index) {
        *index = replica.status.first_index;
        return SCRUB_AGAIN;
    }
    struct storage_verified verified;
    enum status again =
        storage->operations->verify_entries(storage, group, *index, last, SCRUB_CHUNK_BYTES, &verified);
    if (again == status && status != STATUS_NO_MEMORY) {
        char what[ERROR_MESSAGE_MAX];
        snprintf(what, sizeof what, "the scrub cannot read the log from index %lu on", (unsigned long)*index);
        damage_found(broker, group, what, status);
    }
    return SCRUB_NEXT_GROUP;
}

/* Everything from the log's start to what is committed and durable here: dense, and each entry whole. */
static bool scrub_log(struct broker *broker, const struct node_status *at) {
    struct storage *storage = broker->options.storage;
    uint64_t last = at->applied_index < at->persisted_index ? at->applied_index : at->persisted_index;
    uint64_t rate = broker->options.scrub_bytes_per_second;
    size_t chunk = rate < SCRUB_CHUNK_BYTES ? (size_t)rate : SCRUB_CHUNK_BYTES;
    for (uint64_t index = at->first_index; index <= last;) {
        struct storage_verified verified;
        enum status status =
            storage->operations->verify_entries(storage, at->group, index, last, chunk, &verified);
        if (status != STATUS_OK) {
            if (scrub_doubt_entry(broker, at->group, last, status, &index) == SCRUB_NEXT_GROUP) {
                return true;
            }
            continue;
        }
        index = verified.next;
        if (!scrub_account(broker, verified.bytes)) {
            return false;
        }
    }
    return true;
}

/* Whether a state is damaged; what may pass is looked at twice. A replica that is gone has no states. */
static bool scrub_doubt_state(struct broker *broker, uint64_t group, enum storage_state kind) {
    struct broker_replica_status replica;
    if (group != STORAGE_GROUP_BROKER &&
        !broker_replica_status(broker, group, clock_monotonic_ms() + SCRUB_CONFIRM_MS, &replica)) {
        return false;
    }
    struct storage *storage = broker->options.storage;
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status = storage->operations->read_state(storage, group, kind, &blob);
    return damage_is(status) || status == STATUS_NOT_FOUND;
}

/* False: the thread shall end. */
static bool scrub_state(struct broker *broker, uint64_t group, enum storage_state kind, bool must_be_there) {
    struct storage *storage = broker->options.storage;
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status = storage->operations->read_state(storage, group, kind, &blob);
    bool doubtful = damage_is(status) || (status == STATUS_NOT_FOUND && must_be_there);
    if (doubtful && scrub_doubt_state(broker, group, kind)) {
        char what[ERROR_MESSAGE_MAX];
        snprintf(what, sizeof what, "the scrub cannot read state %d", (int)kind);
        damage_found(broker, group, what, status);
    }
    return scrub_account(broker, blob ? blob->size : 0);
}

static bool scrub_group(struct broker *broker, uint64_t group) {
    struct node_status at;
    if (!scrub_status(broker, group, &at)) {
        return true;
    }
    /* What is written when the first entry is: a replica made just now may have none of it on disk. */
    bool durable = at.persisted_index > 0;
    return scrub_state(broker, group, STORAGE_STATE_HARD, durable) &&
           scrub_state(broker, group, STORAGE_STATE_CONFIGURATIONS, durable) &&
           scrub_state(broker, group, STORAGE_STATE_SNAPSHOT, at.first_index > 1) && scrub_log(broker, &at);
}

static bool scrub_pass(struct broker *broker) {
    struct storage *storage = broker->options.storage;
    _cleanup_free_ uint64_t *groups = NULL;
    size_t count = 0;
    enum status status = storage->operations->list_groups(storage, &groups, &count);
    if (damage_is(status)) {
        damage_found(broker, METADATA_GROUP, "the scrub cannot list the groups", status);
    }
    bool go_on = scrub_state(broker, STORAGE_GROUP_BROKER, STORAGE_STATE_META, false);
    for (size_t i = 0; go_on && i < count; i++) {
        go_on = scrub_group(broker, groups[i]);
    }
    if (go_on) {
        atomic_fetch_add_explicit(&broker->scrub.passes, 1, memory_order_relaxed);
    }
    return go_on;
}

static void scrub_main(void *argument) {
    struct broker *broker = argument;
    const struct broker_options *options = &broker->options;
    uint64_t pass_ms = 0;
    /* Only this thread; where it is refused, the rate alone keeps it in bounds. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), SCRUB_NICE);
    bool go_on = true;
    while (go_on) {
        uint64_t now_ms = clock_monotonic_ms();
        damage_settle(broker);
        if (options->scrub_bytes_per_second > 0 && broker_is_running(broker) && now_ms >= pass_ms) {
            pass_ms = now_ms + options->scrub_interval_ms;
            go_on = scrub_pass(broker);
        }
        go_on = go_on && scrub_wait(&broker->scrub, clock_monotonic_ms() + SCRUB_IDLE_MS);
    }
}

enum status scrub_start(struct broker *broker, struct error *error) {
    return thread_start(&broker->scrub.thread, "scrub", scrub_main, broker, error);
}

void scrub_stop(struct broker *broker) {
    mutex_lock(&broker->scrub.mutex);
    broker->scrub.stopping = true;
    condition_signal(&broker->scrub.woken);
    mutex_unlock(&broker->scrub.mutex);
    thread_join(&broker->scrub.thread);
}
