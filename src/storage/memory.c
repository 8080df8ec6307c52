/*
 * The port in memory: deterministic and without a thread. Two images: what is durable, and that with the
 * pending batches applied. A power loss forgets the second.
 */
#include "batch.h"
#include "entries.h"
#include "memory_image.h"

#include <stdlib.h>

struct storage_memory {
    struct storage base;
    struct memory_image durable;
    struct memory_image submitted; /* durable and all pending batches */
    struct list pending;
    size_t pending_count;
    bool pending_visible;
    enum status writable;       /* as the caller wants it */
    enum status failed;         /* of submit: OK until a batch failed */
    enum status durable_failed; /* of sync: likewise */
};

static struct storage_memory *self(struct storage *storage) {
    return (struct storage_memory *)(void *)storage;
}

static const struct storage_memory *self_const(const struct storage *storage) {
    return (const struct storage_memory *)(const void *)storage;
}

static const struct memory_image *visible(const struct storage_memory *memory) {
    bool pending = memory->pending_visible && memory->failed == STATUS_OK;
    return pending ? &memory->submitted : &memory->durable;
}

static const struct image_group *find(struct storage *storage, uint64_t group) {
    return memory_image_find(visible(self(storage)), group);
}

/* A batch that fails takes all after it along, as on a disk: its place in the log would stay empty. */
static void memory_submit(struct storage *storage, struct storage_batch *batch) {
    struct storage_memory *memory = self(storage);
    if (memory->failed == STATUS_OK) {
        memory->failed = batch->status;
    }
    if (memory->failed == STATUS_OK) {
        memory->failed = memory_image_reserve(&memory->submitted, batch);
    }
    if (memory->failed == STATUS_OK) {
        memory_image_apply(&memory->submitted, batch);
    }
    batch->status = memory->failed;
    list_append(&memory->pending, &batch->link);
    memory->pending_count++;
}

static const struct image_entry *find_entry(struct storage *storage, uint64_t group, uint64_t index) {
    const struct image_group *found = find(storage, group);
    if (!found) {
        return NULL;
    }
    size_t position = image_log_position(&found->log, index);
    if (position == found->log.count || image_log_at(&found->log, position)->index != index) {
        return NULL;
    }
    return image_log_at(&found->log, position);
}

static enum status memory_read_entry(struct storage *storage, uint64_t group, uint64_t index,
                                     struct blob **ret_blob) {
    const struct image_entry *entry = find_entry(storage, group, index);
    if (!entry) {
        return STATUS_NOT_FOUND;
    }
    struct entry_header header;
    enum status status = entry_check(blob_slice(entry->blob), group, index, &header);
    if (status != STATUS_OK) {
        return status;
    }
    *ret_blob = blob_retain(entry->blob);
    return STATUS_OK;
}

static enum status memory_read_header(struct storage *storage, uint64_t group, uint64_t index,
                                      struct entry_header *ret) {
    const struct image_entry *entry = find_entry(storage, group, index);
    return entry ? entry_header_check(blob_slice(entry->blob), group, index, ret) : STATUS_NOT_FOUND;
}

static enum status collect(const struct image_log *log, uint64_t group, uint64_t first, uint64_t last,
                           struct entries_builder *builder) {
    size_t position = image_log_position(log, first);
    if (position == log->count || image_log_at(log, position)->index != first) {
        return STATUS_NOT_FOUND;
    }
    for (uint64_t index = first; position < log->count && index <= last && !builder->full;
         position++, index++) {
        const struct image_entry *entry = image_log_at(log, position);
        if (entry->index != index) {
            return entry->index <= last ? STATUS_CORRUPT : STATUS_OK;
        }
        enum status status = entries_builder_add(builder, group, index, blob_slice(entry->blob), entry->blob);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status scan_entries(struct storage *storage, uint64_t group, uint64_t first, uint64_t last,
                                struct entries_builder *builder) {
    const struct image_group *found = find(storage, group);
    if (!found || first > last) {
        return STATUS_NOT_FOUND;
    }
    return collect(&found->log, group, first, last, builder);
}

static enum status memory_read_entries(struct storage *storage, uint64_t group, uint64_t first, uint64_t last,
                                       size_t bytes_max, struct storage_entries *ret) {
    struct entries_builder builder;
    entries_builder_init(&builder, bytes_max);
    enum status status = scan_entries(storage, group, first, last, &builder);
    if (status == STATUS_OK) {
        *ret = entries_builder_take(&builder);
    }
    entries_builder_finish(&builder);
    return status;
}

static enum status memory_verify_entries(struct storage *storage, uint64_t group, uint64_t first,
                                         uint64_t last, size_t bytes_max, struct storage_verified *ret) {
    struct entries_builder builder;
    entries_builder_init_verifier(&builder, bytes_max);
    enum status status = scan_entries(storage, group, first, last, &builder);
    if (status == STATUS_OK) {
        *ret = entries_builder_verified(&builder, first);
    }
    entries_builder_finish(&builder);
    return status;
}

static enum status memory_read_state(struct storage *storage, uint64_t group, enum storage_state kind,
                                     struct blob **ret_blob) {
    const struct image_group *found = find(storage, group);
    if (!found || !found->states[kind]) {
        return STATUS_NOT_FOUND;
    }
    *ret_blob = blob_retain(found->states[kind]);
    return STATUS_OK;
}

static enum status memory_log_bounds(struct storage *storage, uint64_t group, uint64_t *ret_first,
                                     uint64_t *ret_last) {
    const struct image_group *found = find(storage, group);
    if (!found || found->log.count == 0) {
        return STATUS_NOT_FOUND;
    }
    *ret_first = image_log_at(&found->log, 0)->index;
    *ret_last = image_log_at(&found->log, found->log.count - 1)->index;
    return STATUS_OK;
}

static enum status memory_list_groups(struct storage *storage, uint64_t **ret_groups, size_t *ret_count) {
    const struct memory_image *image = visible(self(storage));
    uint64_t *groups = malloc((image->count + 1) * sizeof *groups);
    if (!groups) {
        return STATUS_NO_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < image->count; i++) {
        const struct image_group *group = &image->groups[i];
        if (group->id != STORAGE_GROUP_BROKER && image_group_has_state(group)) {
            groups[count++] = group->id;
        }
    }
    *ret_groups = groups;
    *ret_count = count;
    return STATUS_OK;
}

static enum status memory_writable(struct storage *storage) {
    const struct storage_memory *memory = self(storage);
    return memory->failed != STATUS_OK ? STATUS_IO : memory->writable;
}

static struct storage_batch *take_oldest(struct storage_memory *memory) {
    struct storage_batch *batch = LIST_ENTRY(memory->pending.next, struct storage_batch, link);
    list_remove(&batch->link);
    memory->pending_count--;
    return batch;
}

static void drop_pending(struct storage_memory *memory) {
    while (!list_empty(&memory->pending)) {
        storage_batch_destroy(take_oldest(memory));
    }
}

static void memory_destroy(struct storage *storage) {
    struct storage_memory *memory = self(storage);
    drop_pending(memory);
    memory_image_finish(&memory->durable);
    memory_image_finish(&memory->submitted);
    free(memory);
}

static const struct storage_operations memory_operations = {
    .submit = memory_submit,
    .read_entry = memory_read_entry,
    .read_header = memory_read_header,
    .read_entries = memory_read_entries,
    .verify_entries = memory_verify_entries,
    .read_state = memory_read_state,
    .log_bounds = memory_log_bounds,
    .list_groups = memory_list_groups,
    .writable = memory_writable,
    .destroy = memory_destroy,
};

struct storage *storage_memory_create(void) {
    struct storage_memory *memory = calloc(1, sizeof *memory);
    if (!memory) {
        return NULL;
    }
    memory->base.operations = &memory_operations;
    memory->pending_visible = true;
    list_init(&memory->pending);
    return &memory->base;
}

size_t storage_memory_pending(const struct storage *storage) {
    return self_const(storage)->pending_count;
}

/* Makes the oldest pending batch durable; the caller completes or destroys it. */
static struct storage_batch *persist_oldest(struct storage_memory *memory) {
    struct storage_batch *batch = take_oldest(memory);
    if (memory->durable_failed == STATUS_OK) {
        memory->durable_failed = batch->status;
    }
    if (memory->durable_failed == STATUS_OK) {
        memory->durable_failed = memory_image_reserve(&memory->durable, batch);
    }
    if (memory->durable_failed == STATUS_OK) {
        memory_image_apply(&memory->durable, batch);
    } else {
        memory->failed = memory->durable_failed;
    }
    batch->status = memory->durable_failed;
    return batch;
}

void storage_memory_sync(struct storage *storage, size_t count) {
    struct storage_memory *memory = self(storage);
    for (size_t i = 0; i < count && !list_empty(&memory->pending); i++) {
        struct storage_batch *batch = persist_oldest(memory);
        batch_complete(batch, batch->status);
    }
}

void storage_memory_crash(struct storage *storage, size_t keep) {
    struct storage_memory *memory = self(storage);
    for (size_t i = 0; i < keep && !list_empty(&memory->pending); i++) {
        storage_batch_destroy(persist_oldest(memory));
    }
    drop_pending(memory);
    memory_image_finish(&memory->submitted);
    /* Without memory for it the storage stays unusable, as one whose write failed. */
    memory->failed = memory_image_copy(&memory->durable, &memory->submitted);
    memory->durable_failed = memory->failed;
}

void storage_memory_wipe(struct storage *storage) {
    struct storage_memory *memory = self(storage);
    drop_pending(memory);
    memory_image_finish(&memory->durable);
    memory_image_finish(&memory->submitted);
    memory->failed = STATUS_OK;
    memory->durable_failed = STATUS_OK;
}

void storage_memory_set_writable(struct storage *storage, enum status status) {
    self(storage)->writable = status;
}

void storage_memory_set_pending_visible(struct storage *storage, bool visible) {
    self(storage)->pending_visible = visible;
}
