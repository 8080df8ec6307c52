#include "memory_image.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

static void release_entries(struct image_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        blob_release(entries[i].blob);
    }
}

const struct image_entry *image_log_at(const struct image_log *log, size_t position) {
    ASSERT(position < log->count);
    return &log->slots[log->start + position];
}

size_t image_log_position(const struct image_log *log, uint64_t index) {
    if (log->count == 0 || index <= image_log_at(log, 0)->index) {
        return 0;
    }
    /* Logs are dense: the first guess is right but for logs with a gap. */
    uint64_t guess = index - image_log_at(log, 0)->index;
    if (guess < log->count && image_log_at(log, guess)->index == index) {
        return guess;
    }
    size_t low = 0;
    size_t high = log->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image_log_at(log, middle)->index < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void log_remove(struct image_log *log, uint64_t first, uint64_t last) {
    size_t from = image_log_position(log, first);
    size_t to = last == UINT64_MAX ? log->count : image_log_position(log, last + 1);
    if (from == to) {
        return;
    }
    struct image_entry *entries = log->slots + log->start;
    release_entries(entries + from, to - from);
    if (from == 0) {
        log->start += to;
    } else {
        memmove(entries + from, entries + to, (log->count - to) * sizeof *entries);
    }
    log->count -= to - from;
}

static void group_empty(struct image_group *group) {
    /* The room that was reserved stays. */
    log_remove(&group->log, 0, UINT64_MAX);
    for (size_t kind = 0; kind <= STORAGE_STATE_META; kind++) {
        blob_release(group->states[kind]);
        group->states[kind] = NULL;
    }
}

static void group_clear(struct image_group *group) {
    group_empty(group);
    free(group->log.slots);
    group->log = (struct image_log){0};
}

void memory_image_finish(struct memory_image *image) {
    for (size_t i = 0; i < image->count; i++) {
        group_clear(&image->groups[i]);
    }
    free(image->groups);
    *image = (struct memory_image){0};
}

static enum status group_copy(const struct image_group *group, struct image_group *ret_copy) {
    struct image_group copy = {.id = group->id};
    if (group->log.count > 0) {
        copy.log.slots = malloc(group->log.count * sizeof *copy.log.slots);
        if (!copy.log.slots) {
            return STATUS_NO_MEMORY;
        }
        copy.log.capacity = group->log.count;
        for (; copy.log.count < group->log.count; copy.log.count++) {
            const struct image_entry *entry = image_log_at(&group->log, copy.log.count);
            copy.log.slots[copy.log.count] =
                (struct image_entry){.index = entry->index, .blob = blob_retain(entry->blob)};
        }
    }
    for (size_t kind = 0; kind <= STORAGE_STATE_META; kind++) {
        copy.states[kind] = group->states[kind] ? blob_retain(group->states[kind]) : NULL;
    }
    *ret_copy = copy;
    return STATUS_OK;
}

enum status memory_image_copy(const struct memory_image *image, struct memory_image *ret_copy) {
    struct memory_image copy = {0};
    if (image->count > 0) {
        copy.groups = calloc(image->count, sizeof *copy.groups);
        if (!copy.groups) {
            return STATUS_NO_MEMORY;
        }
        copy.capacity = image->count;
    }
    for (; copy.count < image->count; copy.count++) {
        enum status status = group_copy(&image->groups[copy.count], &copy.groups[copy.count]);
        if (status != STATUS_OK) {
            memory_image_finish(&copy);
            return status;
        }
    }
    *ret_copy = copy;
    return STATUS_OK;
}

/* Position of the first group whose id is not below `id`. */
static size_t group_position(const struct memory_image *image, uint64_t id) {
    size_t low = 0;
    size_t high = image->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->groups[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct image_group *group_find(const struct memory_image *image, uint64_t id) {
    size_t position = group_position(image, id);
    bool found = position < image->count && image->groups[position].id == id;
    return found ? &image->groups[position] : NULL;
}

const struct image_group *memory_image_find(const struct memory_image *image, uint64_t group) {
    return group_find(image, group);
}

static enum status group_make(struct memory_image *image, uint64_t id) {
    if (image->count == image->capacity) {
        size_t capacity = image->capacity == 0 ? FIRST_CAPACITY : image->capacity * 2;
        struct image_group *grown = realloc(image->groups, capacity * sizeof *grown);
        if (!grown) {
            return STATUS_NO_MEMORY;
        }
        image->groups = grown;
        image->capacity = capacity;
    }
    size_t position = group_position(image, id);
    memmove(image->groups + position + 1, image->groups + position,
            (image->count - position) * sizeof *image->groups);
    image->groups[position] = (struct image_group){.id = id};
    image->count++;
    return STATUS_OK;
}

/* Room for `more` entries, wherever they go. */
static enum status log_reserve(struct image_log *log, size_t more) {
    if (log->count + more <= log->capacity - log->start) {
        return STATUS_OK;
    }
    size_t capacity = log->capacity == 0 ? FIRST_CAPACITY : log->capacity;
    while (capacity < (log->count + more) * 2) {
        capacity *= 2;
    }
    struct image_entry *slots = malloc(capacity * sizeof *slots);
    if (!slots) {
        return STATUS_NO_MEMORY;
    }
    if (log->count > 0) {
        memcpy(slots, log->slots + log->start, log->count * sizeof *slots);
    }
    free(log->slots);
    log->slots = slots;
    log->start = 0;
    log->capacity = capacity;
    return STATUS_OK;
}

static void log_put(struct image_log *log, uint64_t index, struct blob *blob) {
    size_t position = image_log_position(log, index);
    struct image_entry *at = log->slots + log->start + position;
    if (position < log->count && at->index == index) {
        blob_release(at->blob);
    } else {
        ASSERT(log->start + log->count < log->capacity);
        memmove(at + 1, at, (log->count - position) * sizeof *at);
        log->count++;
    }
    *at = (struct image_entry){.index = index, .blob = blob_retain(blob)};
}

static size_t count_puts(const struct storage_batch *batch) {
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        count += batch->operations[i].type == BATCH_PUT_ENTRY;
    }
    return count;
}

enum status memory_image_reserve(struct memory_image *image, const struct storage_batch *batch) {
    size_t puts = count_puts(batch);
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_operation *operation = &batch->operations[i];
        enum status status = STATUS_OK;
        if (!group_find(image, operation->group)) {
            status = group_make(image, operation->group);
        }
        if (status == STATUS_OK && operation->type == BATCH_PUT_ENTRY) {
            struct image_group *group = group_find(image, operation->group);
            ASSERT(group);
            status = log_reserve(&group->log, puts);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

void memory_image_apply(struct memory_image *image, const struct storage_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_operation *operation = &batch->operations[i];
        struct image_group *group = group_find(image, operation->group);
        ASSERT(group);
        switch (operation->type) {
        case BATCH_PUT_ENTRY:
            log_put(&group->log, operation->first, operation->blob);
            break;
        case BATCH_REMOVE_ENTRIES:
            log_remove(&group->log, operation->first, operation->last);
            break;
        case BATCH_PUT_STATE:
            blob_release(group->states[operation->state]);
            group->states[operation->state] = blob_retain(operation->blob);
            break;
        case BATCH_REMOVE_GROUP:
            group_empty(group);
            break;
        }
    }
}

bool image_group_has_state(const struct image_group *group) {
    for (size_t kind = 0; kind <= STORAGE_STATE_META; kind++) {
        if (group->states[kind]) {
            return true;
        }
    }
    return false;
}
