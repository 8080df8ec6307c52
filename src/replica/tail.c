#include "tail.h"

#include <stdlib.h>

enum { TAIL_CAPACITY_MIN = 64 };

static struct raft_entry *tail_at(const struct tail *tail, size_t position) {
    return &tail->slots[(tail->head + position) & (tail->capacity - 1)];
}

static void tail_drop(struct tail *tail, struct raft_entry *slot) {
    tail->bytes -= slot->blob->size;
    blob_release(slot->blob);
    slot->blob = NULL;
    tail->count--;
}

void tail_finish(struct tail *tail) {
    tail_clear(tail);
    free(tail->slots);
    *tail = (struct tail){0};
}

static enum status tail_grow(struct tail *tail) {
    size_t capacity = tail->capacity ? tail->capacity * 2 : TAIL_CAPACITY_MIN;
    struct raft_entry *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < tail->count; i++) {
        slots[i] = *tail_at(tail, i);
    }
    free(tail->slots);
    tail->slots = slots;
    tail->capacity = capacity;
    tail->head = 0;
    return STATUS_OK;
}

enum status tail_append(struct tail *tail, const struct raft_entry *entry) {
    ASSERT(tail->count == 0 || entry->index == tail_at(tail, tail->count - 1)->index + 1);
    if (tail->count == tail->capacity) {
        enum status status = tail_grow(tail);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *tail_at(tail, tail->count) = *entry;
    tail->count++;
    tail->bytes += entry->blob->size;
    return STATUS_OK;
}

void tail_truncate(struct tail *tail, uint64_t from) {
    while (tail->count > 0 && tail_at(tail, tail->count - 1)->index >= from) {
        tail_drop(tail, tail_at(tail, tail->count - 1));
    }
}

void tail_clear(struct tail *tail) {
    tail_truncate(tail, 0);
}

void tail_evict(struct tail *tail, size_t bytes_max, uint64_t index_max) {
    while (tail->count > 0 && tail->bytes > bytes_max && tail_at(tail, 0)->index <= index_max) {
        tail_drop(tail, tail_at(tail, 0));
        tail->head = (tail->head + 1) & (tail->capacity - 1);
    }
}

uint64_t tail_first(const struct tail *tail) {
    return tail->count > 0 ? tail_at(tail, 0)->index : UINT64_MAX;
}

const struct raft_entry *tail_find(const struct tail *tail, uint64_t index) {
    if (tail->count == 0) {
        return NULL;
    }
    uint64_t first = tail_at(tail, 0)->index;
    if (index < first || index - first >= tail->count) {
        return NULL;
    }
    return tail_at(tail, (size_t)(index - first));
}
