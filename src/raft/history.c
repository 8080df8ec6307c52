#include "configuration.h"

#include <stdlib.h>

enum status raft_history_init(struct raft_history *history, const struct raft_indexed_configuration *items,
                              size_t count) {
    ASSERT(count >= 1);
    struct raft_indexed_configuration *copy = calloc(count, sizeof *copy);
    if (!copy) {
        return STATUS_NO_MEMORY;
    }
    memcpy(copy, items, count * sizeof *copy);
    *history = (struct raft_history){.items = copy, .count = count, .capacity = count};
    return STATUS_OK;
}

void raft_history_finish(struct raft_history *history) {
    free(history->items);
    *history = (struct raft_history){0};
}

const struct raft_indexed_configuration *raft_history_latest(const struct raft_history *history) {
    return &history->items[history->count - 1];
}

size_t raft_history_room(const struct raft_history *history) {
    return history->count < RAFT_CONFIGURATIONS_MAX ? RAFT_CONFIGURATIONS_MAX - history->count : 0;
}

enum status raft_history_append(struct raft_history *history, uint64_t index,
                                const struct raft_configuration *configuration) {
    ASSERT(raft_history_room(history) > 0);
    ASSERT(index > raft_history_latest(history)->index);
    if (history->count == history->capacity) {
        size_t capacity = history->capacity + 1; /* changes are rare and pruned soon: two is the rule */
        struct raft_indexed_configuration *items = realloc(history->items, capacity * sizeof *items);
        if (!items) {
            return STATUS_NO_MEMORY;
        }
        history->items = items;
        history->capacity = capacity;
    }
    history->items[history->count++] =
        (struct raft_indexed_configuration){.index = index, .configuration = *configuration};
    return STATUS_OK;
}

bool raft_history_truncate(struct raft_history *history, uint64_t from) {
    ASSERT(history->items[0].index < from);
    size_t before = history->count;
    while (raft_history_latest(history)->index >= from) {
        history->count--;
    }
    return history->count != before;
}

void raft_history_prune(struct raft_history *history, uint64_t commit) {
    size_t keep = 0;
    while (keep + 1 < history->count && history->items[keep + 1].index <= commit) {
        keep++;
    }
    history->count -= keep;
    memmove(history->items, history->items + keep, history->count * sizeof *history->items);
}

void raft_history_reset(struct raft_history *history, uint64_t index,
                        const struct raft_configuration *configuration) {
    history->items[0] = (struct raft_indexed_configuration){.index = index, .configuration = *configuration};
    history->count = 1;
}

const struct raft_configuration *raft_history_at(const struct raft_history *history, uint64_t index) {
    for (size_t i = history->count; i > 0; i--) {
        if (history->items[i - 1].index <= index) {
            return &history->items[i - 1].configuration;
        }
    }
    return NULL;
}
