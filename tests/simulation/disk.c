#include "disk.h"

#include "simulation.h"
#include "storage/trust.h"

enum { WITNESS_DELAY_US = 50000 };

static struct disk *disk_of(struct storage *storage) {
    return (struct disk *)(void *)storage;
}

static void sync_end(struct simulation *simulation, const struct event *event);

static void sync_begin(struct disk *disk) {
    struct broker *broker = disk->broker;
    struct simulation *simulation = broker->simulation;
    disk->syncing = true;
    disk->syncing_count = storage_memory_pending(disk->memory);
    uint64_t wait_us = disk->sync_us + prng_below(&simulation->prng, disk->jitter_us + 1);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us + wait_us,
                                                         .run = sync_end,
                                                         .subject = broker,
                                                         .number = broker->life});
}

/* The witness follows a while after the first commit that it does not know. */
static void refresh_witness(struct disk *disk) {
    if (disk->witness_us != 0 && disk->broker->simulation->scheduler.now_us >= disk->witness_us) {
        disk->witnessed = disk->commits;
        disk->witness_us = 0;
    }
}

static void count_commit(struct disk *disk) {
    refresh_witness(disk);
    disk->commits++;
    if (disk->witness_us == 0) {
        disk->witness_us = disk->broker->simulation->scheduler.now_us + WITNESS_DELAY_US;
    }
}

/* Some of them were written before one could not be. */
static void fail_writes(struct disk *disk) {
    struct broker *broker = disk->broker;
    enum status status = disk->fails;
    disk->fails = STATUS_OK;
    storage_memory_sync(disk->memory, prng_below(&broker->simulation->prng, disk->syncing_count));
    count(broker->simulation, STATISTIC_FAILED_WRITES);
    broker_write_failed(broker, disk->done_token + 1, status);
}

static void sync_end(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    struct disk *disk = &broker->disk;
    if (event->number != broker->life || broker_postpone(broker, event)) {
        return;
    }
    trace_event(simulation, "synced", broker->id, disk->syncing_count, disk->done_token, disk->fails);
    disk->syncing = false;
    count_commit(disk);
    if (disk->fails != STATUS_OK) {
        fail_writes(disk);
        return;
    }
    storage_memory_sync(disk->memory, disk->syncing_count);
    broker_wants_flush(broker);
    if (storage_memory_pending(disk->memory) > 0 && !disk->syncing) {
        sync_begin(disk);
    }
}

void disk_completed(void *context, uint64_t token, enum status status) {
    struct broker *broker = context;
    ASSERT(token == broker->disk.done_token + 1);
    broker->disk.done_token = token;
    node_persisted(broker->node, broker_now_ms(broker), token, status);
}

static void submit(struct storage *storage, struct storage_batch *batch) {
    struct disk *disk = disk_of(storage);
    replica_views_write(disk->broker, batch);
    storage_submit(disk->memory, batch);
    if (!disk->syncing) {
        sync_begin(disk);
    }
}

static enum status read_entry(struct storage *storage, uint64_t group, uint64_t index,
                              struct blob **ret_blob) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->read_entry(memory, group, index, ret_blob);
}

static enum status read_header(struct storage *storage, uint64_t group, uint64_t index,
                               struct entry_header *ret) {
    struct storage *memory = disk_of(storage)->memory;
    const struct damage *damage = damage_find(disk_of(storage), group, index);
    return damage && damage->is_rot ? STATUS_CORRUPT
                                    : memory->operations->read_header(memory, group, index, ret);
}

static enum status read_entries(struct storage *storage, uint64_t group, uint64_t first, uint64_t last,
                                size_t bytes_max, struct storage_entries *ret) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->read_entries(memory, group, first, last, bytes_max, ret);
}

static enum status verify_entries(struct storage *storage, uint64_t group, uint64_t first, uint64_t last,
                                  size_t bytes_max, struct storage_verified *ret) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->verify_entries(memory, group, first, last, bytes_max, ret);
}

static enum status read_state(struct storage *storage, uint64_t group, enum storage_state kind,
                              struct blob **ret_blob) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->read_state(memory, group, kind, ret_blob);
}

static enum status log_bounds(struct storage *storage, uint64_t group, uint64_t *ret_first,
                              uint64_t *ret_last) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->log_bounds(memory, group, ret_first, ret_last);
}

static enum status list_groups(struct storage *storage, uint64_t **ret_groups, size_t *ret_count) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->list_groups(memory, ret_groups, ret_count);
}

static enum status writable(struct storage *storage) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->writable(memory);
}

static void destroy(struct storage *storage) {
    disk_finish(disk_of(storage));
}

static const struct storage_operations watched_operations = {
    .submit = submit,
    .read_entry = read_entry,
    .read_header = read_header,
    .read_entries = read_entries,
    .verify_entries = verify_entries,
    .read_state = read_state,
    .log_bounds = log_bounds,
    .list_groups = list_groups,
    .writable = writable,
    .destroy = destroy,
};

void disk_init(struct disk *disk, struct broker *broker) {
    *disk = (struct disk){
        .base.operations = &watched_operations,
        .memory = storage_memory_create(),
        .broker = broker,
        .commits = FIRST_COMMIT,
        .witnessed = FIRST_COMMIT,
    };
    ASSERT(disk->memory != NULL);
    storage_memory_set_pending_visible(disk->memory, broker->simulation->profile.pending_visible);
    disk_calm(disk);
}

void disk_finish(struct disk *disk) {
    damage_forget(disk);
    if (disk->memory) {
        disk->memory->operations->destroy(disk->memory);
        disk->memory = NULL;
    }
}

void disk_calm(struct disk *disk) {
    disk->sync_us = disk->broker->simulation->profile.sync_us;
    disk->jitter_us = disk->broker->simulation->profile.sync_jitter_us;
    storage_memory_set_writable(disk->memory, STATUS_OK);
}

/* What storage finds in the directory when it is opened. */
static struct trust_evidence evidence_of(struct disk *disk, enum disk_fate fate) {
    struct prng *prng = &disk->broker->simulation->prng;
    struct trust_evidence evidence = {0};
    if (fate == DISK_WIPED) {
        return evidence;
    }
    evidence = (struct trust_evidence){
        .identity = EVIDENCE_WHOLE,
        .identity_uuid = disk->broker->disk_uuid,
        .witness = EVIDENCE_WHOLE,
        .witness_record = {.disk_uuid = disk->broker->disk_uuid, .commit = disk->witnessed},
        .database = fate == DISK_UNREADABLE ? EVIDENCE_DAMAGED : EVIDENCE_WHOLE,
        .database_uuid = disk->broker->disk_uuid,
        .last_commit = disk->commits,
        .commit_count = disk->commits,
    };
    if (fate == DISK_TAIL_LOST) {
        ASSERT(disk_has_witness(disk));
        evidence.last_commit = prng_between(prng, FIRST_COMMIT, disk->witnessed - 1);
        evidence.commit_count = evidence.last_commit;
    } else if (fate == DISK_MIDDLE_LOST) {
        evidence.commit_count -= prng_between(prng, 1, disk->commits - 1);
    }
    return evidence;
}

/* Only what is all there may come back under its old name. */
static void judge(struct disk *disk, enum disk_fate fate) {
    struct trust_evidence evidence = evidence_of(disk, fate);
    char reason[ERROR_MESSAGE_MAX];
    enum storage_origin expected = fate == DISK_KEPT    ? STORAGE_ORIGIN_RECOVERED
                                   : fate == DISK_WIPED ? STORAGE_ORIGIN_NEW
                                                        : STORAGE_ORIGIN_REPLACED;
    if (trust_judge(&evidence, reason) != expected) {
        violation(disk->broker->simulation, "the disk of broker %u is not judged as it is: fate %d, %s",
                  disk->broker->id, fate, reason[0] == '\0' ? "nothing speaks against it" : reason);
    }
}

void disk_open(struct disk *disk) {
    disk->syncing = false;
    disk->syncing_count = 0;
    disk->done_token = 0;
    disk->fails = STATUS_OK;
    judge(disk, DISK_KEPT);
}

bool disk_is_idle(const struct disk *disk) {
    return !disk->syncing && storage_memory_pending(disk->memory) == 0;
}

void disk_close(struct disk *disk) {
    storage_memory_sync(disk->memory, storage_memory_pending(disk->memory));
    count_commit(disk);
    disk->witnessed = disk->commits;
    disk->witness_us = 0;
}

void disk_crash(struct disk *disk) {
    struct simulation *simulation = disk->broker->simulation;
    size_t pending = storage_memory_pending(disk->memory);
    size_t kept = prng_below(&simulation->prng, pending + 1);
    if (kept > 0) {
        count_commit(disk);
    }
    if (kept < pending) {
        count(simulation, STATISTIC_TORN_TAILS);
    }
    storage_memory_crash(disk->memory, kept);
    refresh_witness(disk);
}

bool disk_has_witness(const struct disk *disk) {
    return disk->witnessed > FIRST_COMMIT;
}

void disk_lose(struct disk *disk, enum disk_fate fate) {
    judge(disk, fate);
    storage_memory_wipe(disk->memory);
    damage_forget(disk);
    disk->commits = FIRST_COMMIT;
    disk->witnessed = FIRST_COMMIT;
    disk->witness_us = 0;
}

enum status disk_peek(struct disk *disk, uint64_t group, uint64_t index, struct blob **ret_blob) {
    storage_memory_set_pending_visible(disk->memory, true);
    enum status status = read_entry(&disk->base, group, index, ret_blob);
    storage_memory_set_pending_visible(disk->memory, disk->broker->simulation->profile.pending_visible);
    return status;
}
