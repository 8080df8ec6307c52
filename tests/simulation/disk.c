#include "disk.h"

#include "simulation.h"

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

static void sync_end(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    struct disk *disk = &broker->disk;
    if (event->number != broker->life || broker_postpone(broker, event)) {
        return;
    }
    trace_event(simulation, "synced", broker->id, disk->syncing_count, disk->done_token, disk->fails);
    disk->syncing = false;
    if (disk->fails) {
        disk->fails = false;
        broker_sync_failed(broker, disk->done_token + 1);
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
    return memory->operations->read_header(memory, group, index, ret);
}

static enum status read_entries(struct storage *storage, uint64_t group, uint64_t first, uint64_t last,
                                size_t bytes_max, struct storage_entries *ret) {
    struct storage *memory = disk_of(storage)->memory;
    return memory->operations->read_entries(memory, group, first, last, bytes_max, ret);
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
    .read_state = read_state,
    .log_bounds = log_bounds,
    .list_groups = list_groups,
    .writable = writable,
    .destroy = destroy,
};

void disk_init(struct disk *disk, struct broker *broker) {
    *disk = (struct disk){
        .base.operations = &watched_operations, .memory = storage_memory_create(), .broker = broker};
    ASSERT(disk->memory != NULL);
    storage_memory_set_pending_visible(disk->memory, broker->simulation->profile.pending_visible);
    disk_calm(disk);
}

void disk_finish(struct disk *disk) {
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

void disk_open(struct disk *disk) {
    disk->syncing = false;
    disk->syncing_count = 0;
    disk->done_token = 0;
    disk->fails = false;
}

void disk_crash(struct disk *disk) {
    size_t pending = storage_memory_pending(disk->memory);
    storage_memory_crash(disk->memory, prng_below(&disk->broker->simulation->prng, pending + 1));
}

void disk_wipe(struct disk *disk) {
    storage_memory_wipe(disk->memory);
}

enum status disk_peek(struct disk *disk, uint64_t group, uint64_t index, struct blob **ret_blob) {
    storage_memory_set_pending_visible(disk->memory, true);
    enum status status = read_entry(&disk->base, group, index, ret_blob);
    storage_memory_set_pending_visible(disk->memory, disk->broker->simulation->profile.pending_visible);
    return status;
}
