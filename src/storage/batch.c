#include "batch.h"

#include <stdlib.h>

enum { OPERATION_OVERHEAD = 32 }; /* key, lengths and tag of one operation, in bytes */

struct storage_batch *storage_batch_create(storage_done done, void *context, uint64_t token) {
    ASSERT(done);
    struct storage_batch *batch = malloc(sizeof *batch);
    if (!batch) {
        return NULL;
    }
    batch->done = done;
    batch->context = context;
    batch->token = token;
    batch->status = STATUS_OK;
    batch->bytes = 0;
    batch->count = 0;
    batch->capacity = BATCH_OPERATIONS_INLINE;
    batch->operations = batch->few;
    list_init(&batch->link);
    return batch;
}

void storage_batch_destroy(struct storage_batch *batch) {
    if (!batch) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        blob_release(batch->operations[i].blob);
    }
    if (batch->operations != batch->few) {
        free(batch->operations);
    }
    free(batch);
}

static enum status grow(struct storage_batch *batch) {
    size_t capacity = batch->capacity * 2;
    if (capacity > STORAGE_BATCH_OPERATIONS_MAX) {
        return STATUS_TOO_LARGE;
    }
    struct batch_operation *operations = malloc(capacity * sizeof *operations);
    if (!operations) {
        return STATUS_NO_MEMORY;
    }
    memcpy(operations, batch->operations, batch->count * sizeof *operations);
    if (batch->operations != batch->few) {
        free(batch->operations);
    }
    batch->operations = operations;
    batch->capacity = capacity;
    return STATUS_OK;
}

/* Takes over the operation's blob, also on failure. */
static void add(struct storage_batch *batch, struct batch_operation operation) {
    if (batch->status == STATUS_OK && batch->count == batch->capacity) {
        batch->status = grow(batch);
    }
    if (batch->status != STATUS_OK) {
        blob_release(operation.blob);
        return;
    }
    batch->operations[batch->count++] = operation;
    batch->bytes += OPERATION_OVERHEAD + (operation.blob ? operation.blob->size : 0);
}

void storage_batch_put_entry(struct storage_batch *batch, uint64_t group, uint64_t index, struct blob *blob) {
    ASSERT(group != STORAGE_GROUP_BROKER);
    ASSERT(blob->size >= ENTRY_HEADER_SIZE);
    add(batch, (struct batch_operation){
                   .type = BATCH_PUT_ENTRY, .group = group, .first = index, .blob = blob_retain(blob)});
}

void storage_batch_remove_entries(struct storage_batch *batch, uint64_t group, uint64_t first,
                                  uint64_t last) {
    ASSERT(group != STORAGE_GROUP_BROKER);
    ASSERT(first <= last);
    add(batch,
        (struct batch_operation){.type = BATCH_REMOVE_ENTRIES, .group = group, .first = first, .last = last});
}

void storage_batch_put_state(struct storage_batch *batch, uint64_t group, enum storage_state kind,
                             struct slice bytes) {
    ASSERT(kind >= STORAGE_STATE_HARD && kind <= STORAGE_STATE_META);
    struct blob *blob = blob_copy(bytes);
    if (!blob) {
        batch->status = batch->status == STATUS_OK ? STATUS_NO_MEMORY : batch->status;
        return;
    }
    add(batch,
        (struct batch_operation){.type = BATCH_PUT_STATE, .group = group, .state = kind, .blob = blob});
}

void storage_batch_remove_group(struct storage_batch *batch, uint64_t group) {
    /* The broker's states include the identity of the disk. */
    ASSERT(group != STORAGE_GROUP_BROKER);
    add(batch, (struct batch_operation){.type = BATCH_REMOVE_GROUP, .group = group});
}

void batch_complete(struct storage_batch *batch, enum status status) {
    batch->done(batch->context, batch->token, status);
    storage_batch_destroy(batch);
}
