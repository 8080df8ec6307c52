/*
 * The broker's life: create, start, run once it belongs to a cluster, stop.
 */
#include "broker_private.h"

#include <stdlib.h>

enum {
    SAVE_DEADLINE_MS = 10000,
    PENDING_MAX = 8192,
    APPLY_ENTRIES_MAX = 4096,
    CHECKPOINT_ENTRIES = 100000,
    CHECKPOINT_BYTES = 256 * 1024 * 1024,
    METADATA_LOG_KEEP = 10000,
};

bool broker_is_running(const struct broker *broker) {
    return atomic_load_explicit(&broker->running, memory_order_acquire);
}

enum status broker_check_running(struct broker *broker, struct error *error) {
    if (broker_is_running(broker)) {
        return STATUS_OK;
    }
    char waiting_for[sizeof broker->housekeeper.waiting_for];
    mutex_lock(&broker->housekeeper.mutex);
    memcpy(waiting_for, broker->housekeeper.waiting_for, sizeof waiting_for);
    mutex_unlock(&broker->housekeeper.mutex);
    return error_set(error, STATUS_UNAVAILABLE, "this broker does not belong to a cluster yet: %s",
                     waiting_for[0] ? waiting_for : "starting");
}

void broker_fail(struct broker *broker, const char *reason) {
    mutex_lock(&broker->failure_mutex);
    if (broker->failure[0] == '\0') {
        snprintf(broker->failure, sizeof broker->failure, "%s", reason);
        log_error("broker", "failed", "%s", reason);
    }
    condition_broadcast(&broker->failed);
    mutex_unlock(&broker->failure_mutex);
}

const char *broker_failure(const struct broker *broker) {
    /* Written once, under the lock; after that it never changes. */
    struct broker *unlocked = (struct broker *)(uintptr_t)broker;
    mutex_lock(&unlocked->failure_mutex);
    bool set = broker->failure[0] != '\0';
    mutex_unlock(&unlocked->failure_mutex);
    return set ? broker->failure : NULL;
}

bool broker_wait_failure(struct broker *broker, uint64_t deadline_ms) {
    mutex_lock(&broker->failure_mutex);
    while (broker->failure[0] == '\0') {
        if (!condition_wait_until(&broker->failed, &broker->failure_mutex, deadline_ms)) {
            break;
        }
    }
    bool set = broker->failure[0] != '\0';
    mutex_unlock(&broker->failure_mutex);
    return set;
}

void broker_leaders_changed(struct broker *broker) {
    mutex_lock(&broker->leaders_mutex);
    broker->leaders_generation++;
    condition_broadcast(&broker->leaders_moved);
    mutex_unlock(&broker->leaders_mutex);
    housekeeper_leaders_changed(broker);
}

void broker_get_cluster(struct broker *broker, struct cluster_file *ret_cluster) {
    mutex_lock(&broker->housekeeper.mutex);
    *ret_cluster = broker->cluster;
    mutex_unlock(&broker->housekeeper.mutex);
}

static void broker_set_cluster(struct broker *broker, const struct cluster_file *cluster) {
    mutex_lock(&broker->housekeeper.mutex);
    broker->cluster = *cluster;
    mutex_unlock(&broker->housekeeper.mutex);
}

static enum status broker_load_cluster(struct broker *broker, struct error *error) {
    struct storage *storage = broker->options.storage;
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status =
        storage->operations->read_state(storage, STORAGE_GROUP_BROKER, STORAGE_STATE_META, &blob);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = cluster_file_decode(blob_slice(blob), &broker->cluster);
    }
    if (status != STATUS_OK) {
        return error_set(
            error, status,
            "what this disk knows of its cluster cannot be read (%s): move the data directory away to let "
            "the broker come back empty",
            status_name(status));
    }
    if (broker->cluster.broker_id != broker->options.id) {
        return error_set(
            error, STATUS_INVALID,
            "the data directory belongs to broker %u, not to broker %u: start it with --id %u, or "
            "give this broker a directory of its own",
            broker->cluster.broker_id, broker->options.id, broker->cluster.broker_id);
    }
    return STATUS_OK;
}

/* Readers come with every request: without a writer's right of way a turn might wait for ever. */
static void broker_init_metadata_lock(struct broker *broker) {
    pthread_rwlockattr_t attributes;
    ASSERT(pthread_rwlockattr_init(&attributes) == 0);
    ASSERT(pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
    ASSERT(pthread_rwlock_init(&broker->metadata_lock, &attributes) == 0);
    ASSERT(pthread_rwlockattr_destroy(&attributes) == 0);
}

enum status broker_create(const struct broker_options *options, struct broker **ret_broker,
                          struct error *error) {
    struct broker *broker = calloc(1, sizeof *broker);
    if (broker == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a broker");
    }
    broker->options = *options;
    broker_init_metadata_lock(broker);
    views_init(&broker->views);
    shard_init(&broker->shard, broker, options->mailbox_bytes_max);
    housekeeper_init(&broker->housekeeper);
    scrub_init(&broker->scrub);
    mutex_init(&broker->start_mutex);
    mutex_init(&broker->leaders_mutex);
    condition_init(&broker->leaders_moved);
    mutex_init(&broker->failure_mutex);
    condition_init(&broker->failed);
    enum status status = broker_load_cluster(broker, error);
    if (status != STATUS_OK) {
        broker_destroy(broker);
        return status;
    }
    *ret_broker = broker;
    return STATUS_OK;
}

void broker_destroy(struct broker *broker) {
    if (broker == NULL) {
        return;
    }
    shard_finish(&broker->shard);
    views_finish(&broker->views);
    scrub_finish(&broker->scrub);
    housekeeper_finish(&broker->housekeeper);
    condition_finish(&broker->failed);
    mutex_finish(&broker->failure_mutex);
    condition_finish(&broker->leaders_moved);
    mutex_finish(&broker->leaders_mutex);
    mutex_finish(&broker->start_mutex);
    pthread_rwlock_destroy(&broker->metadata_lock);
    free(broker);
}

enum status broker_start(struct broker *broker, struct error *error) {
    enum status status = scrub_start(broker, error);
    return status == STATUS_OK ? housekeeper_start(broker, error) : status;
}

static void broker_saved(void *context, uint64_t token, enum status status) {
    struct broker_pending *pending = context;
    (void)token;
    pending->answer.status = status;
    pending_finish(pending);
}

static enum status broker_write_cluster(struct broker *broker, const struct cluster_file *cluster) {
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, CLUSTER_FILE_BYTES_MAX);
    cluster_file_encode(cluster, &bytes);
    struct broker_pending *pending = pending_create();
    struct storage_batch *batch = pending ? storage_batch_create(broker_saved, pending, 0) : NULL;
    if (batch == NULL || buffer_status(&bytes) != STATUS_OK) {
        storage_batch_destroy(batch);
        pending_release(pending);
        pending_release(pending);
        return STATUS_NO_MEMORY;
    }
    storage_batch_put_state(batch, STORAGE_GROUP_BROKER, STORAGE_STATE_META, buffer_slice(&bytes));
    storage_submit(broker->options.storage, batch);
    /* On a full disk a write waits, and whoever stops the broker meanwhile must not. */
    bool done = pending_wait(pending, clock_monotonic_ms() + SAVE_DEADLINE_MS);
    enum status status = done ? pending->answer.status : STATUS_UNKNOWN;
    pending_release(pending);
    return status;
}

enum status broker_save_cluster(struct broker *broker, const struct cluster_file *cluster) {
    enum status status = STATUS_CONFLICT;
    struct cluster_file own = *cluster;
    own.broker_id = broker->options.id;
    mutex_lock(&broker->start_mutex);
    /* Written only here, so the start mutex alone is enough to read it. */
    if (broker->cluster.phase != CLUSTER_MEMBER) {
        status = broker_write_cluster(broker, &own);
    }
    if (status == STATUS_OK) {
        broker_set_cluster(broker, &own);
    }
    mutex_unlock(&broker->start_mutex);
    return status;
}

static void broker_node_options(struct broker *broker, const struct cluster_file *cluster,
                                struct node_options *ret_options) {
    const struct broker_options *options = &broker->options;
    uint64_t seed;
    memcpy(&seed, options->disk_uuid.bytes, sizeof seed);
    *ret_options = (struct node_options){
        .self = cluster->incarnation,
        .cluster_id = cluster->cluster_id,
        .first_voters = cluster->voters,
        .first_voter_count = cluster->voter_count,
        .storage = options->storage,
        .transport = options->transport,
        .observer = shard_observer(broker),
        .persisted = shard_persisted,
        .persisted_context = broker,
        .heartbeat_ms = options->heartbeat_ms,
        .election_min_ms = options->election_min_ms,
        .election_max_ms = options->election_max_ms,
        .inflight_appends_max = RAFT_INFLIGHT_APPENDS_MAX,
        .inflight_bytes_max = RAFT_INFLIGHT_BYTES_MAX,
        .append_entries_max = RAFT_APPEND_ENTRIES_MAX,
        .tail_bytes_max = options->tail_bytes_max,
        .backlog_bytes_max = BACKLOG_BYTES_MAX,
        .metadata_voters_max = cluster->voter_count,
        .pending_max = PENDING_MAX,
        .apply_entries_max = APPLY_ENTRIES_MAX,
        .checkpoint_entries = CHECKPOINT_ENTRIES,
        .checkpoint_bytes = CHECKPOINT_BYTES,
        .metadata_log_keep = METADATA_LOG_KEEP,
        .idempotency_keys_max = IDEMPOTENCY_KEYS_MAX,
        .snapshot_chunk_bytes = RAFT_SNAPSHOT_CHUNK_BYTES,
        .seed = seed ^ clock_monotonic_us(),
        .now_ms = clock_monotonic_ms(),
    };
}

enum status broker_run(struct broker *broker, const struct cluster_file *cluster, struct error *error) {
    ASSERT(cluster->phase == CLUSTER_MEMBER && cluster->incarnation != 0);
    struct node_options options;
    struct node *node;
    broker_node_options(broker, cluster, &options);
    enum status status = node_open(&options, &node, error);
    if (status != STATUS_OK) {
        return status;
    }
    broker->metadata = node_metadata(node);
    node_flush(node, options.now_ms); /* so that the first who may ask sees what was recovered */
    status = shard_start(&broker->shard, node, error);
    if (status == STATUS_OK) {
        atomic_store_explicit(&broker->running, true, memory_order_release);
        log_info("broker", "running", "incarnation=%lu replicas=%zu", (unsigned long)cluster->incarnation,
                 node_group_count(node));
    }
    return status;
}

void broker_identity(struct broker *broker, struct broker_identity *ret_identity) {
    *ret_identity =
        (struct broker_identity){.id = broker->options.id, .disk_uuid = broker->options.disk_uuid};
    memcpy(ret_identity->rest_address, broker->options.rest_address, ADDRESS_SIZE_MAX);
    memcpy(ret_identity->peer_address, broker->options.peer_address, ADDRESS_SIZE_MAX);
    mutex_lock(&broker->housekeeper.mutex);
    memcpy(ret_identity->waiting_for, broker->housekeeper.waiting_for, sizeof ret_identity->waiting_for);
    if (broker->cluster.phase == CLUSTER_MEMBER) {
        ret_identity->cluster_id = broker->cluster.cluster_id;
        ret_identity->incarnation = broker->cluster.incarnation;
    }
    mutex_unlock(&broker->housekeeper.mutex);
}

enum status broker_lock_metadata(struct broker *broker, const struct metadata **ret_metadata,
                                 struct error *error) {
    enum status status = broker_check_running(broker, error);
    if (status == STATUS_OK) {
        ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
        *ret_metadata = broker->metadata;
    }
    return status;
}

void broker_unlock_metadata(struct broker *broker) {
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
}
