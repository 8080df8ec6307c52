#include "view.h"

#include <stdlib.h>

struct view *view_create(uint64_t group, size_t recent_bytes_max) {
    struct view *view = calloc(1, sizeof *view);
    if (view == NULL) {
        return NULL;
    }
    atomic_init(&view->references, 1);
    view->group = group;
    view->recent_bytes_max = recent_bytes_max;
    mutex_init(&view->mutex);
    condition_init(&view->changed);
    return view;
}

static struct view_batch *view_slot(const struct view *view, size_t position) {
    return &view->recent[(view->recent_head + position) & (view->recent_capacity - 1)];
}

static void view_drop_oldest(struct view *view) {
    struct view_batch *oldest = view_slot(view, 0);
    view->recent_bytes -= oldest->blob->size;
    blob_release(oldest->blob);
    view->recent_head = (view->recent_head + 1) & (view->recent_capacity - 1);
    view->recent_count--;
}

static void view_forget_recent(struct view *view) {
    while (view->recent_count > 0) {
        view_drop_oldest(view);
    }
}

void view_release(struct view *view) {
    if (view && atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) == 1) {
        view_forget_recent(view);
        free(view->recent);
        condition_finish(&view->changed);
        mutex_finish(&view->mutex);
        free(view);
    }
}

static bool view_grow(struct view *view) {
    size_t capacity = view->recent_capacity ? view->recent_capacity * 2 : VIEW_RECENT_MIN;
    struct view_batch *grown = calloc(capacity, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    for (size_t i = 0; i < view->recent_count; i++) {
        grown[i] = *view_slot(view, i);
    }
    free(view->recent);
    view->recent = grown;
    view->recent_capacity = capacity;
    view->recent_head = 0;
    return true;
}

void view_append(struct view *view, const struct raft_entry *entry, const struct entry_header *header) {
    mutex_lock(&view->mutex);
    /* The recent batches are a cache: where memory is short they are dropped, and readers go to storage. */
    if (view->recent_count == view->recent_capacity && !view_grow(view)) {
        view_forget_recent(view);
    }
    if (view->recent_capacity > 0) {
        *view_slot(view, view->recent_count) = (struct view_batch){
            .index = entry->index,
            .base_offset = header->base_offset,
            .count = header->count,
            .blob = blob_retain(entry->blob),
        };
        view->recent_count++;
        view->recent_bytes += entry->blob->size;
    }
    while (view->recent_count > 1 && view->recent_bytes > view->recent_bytes_max) {
        view_drop_oldest(view);
    }
    view->status.next_offset = header->base_offset + header->count;
    view->status.applied_index = entry->index;
    if (view->waiting > 0) {
        condition_broadcast(&view->changed);
    }
    mutex_unlock(&view->mutex);
}

void view_set_status(struct view *view, const struct node_status *status) {
    mutex_lock(&view->mutex);
    view->status = *status;
    while (view->recent_count > 0 &&
           view_slot(view, 0)->base_offset + view_slot(view, 0)->count <= status->log_start_offset) {
        view_drop_oldest(view);
    }
    condition_broadcast(&view->changed);
    mutex_unlock(&view->mutex);
}

void view_reset(struct view *view) {
    mutex_lock(&view->mutex);
    view_forget_recent(view);
    memset(view->hints, 0, sizeof view->hints);
    mutex_unlock(&view->mutex);
}

void view_close(struct view *view) {
    mutex_lock(&view->mutex);
    view->closed = true;
    condition_broadcast(&view->changed);
    mutex_unlock(&view->mutex);
}

const struct view_batch *view_recent_at(const struct view *view, size_t position) {
    return view_slot(view, position);
}

bool view_find_recent(const struct view *view, int64_t offset, size_t *ret_position) {
    if (view->recent_count == 0 || offset < view_slot(view, 0)->base_offset) {
        return false;
    }
    size_t low = 0;
    size_t high = view->recent_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct view_batch *batch = view_slot(view, middle);
        if (batch->base_offset + batch->count <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_position = low;
    return low < view->recent_count;
}

uint64_t view_find_hint(const struct view *view, int64_t offset) {
    for (size_t i = 0; i < VIEW_HINTS; i++) {
        if (view->hints[i].index != 0 && view->hints[i].offset == offset) {
            return view->hints[i].index;
        }
    }
    return 0;
}

void view_add_hint(struct view *view, int64_t offset, uint64_t index) {
    view->hints[view->hint_next] = (struct view_hint){.offset = offset, .index = index};
    view->hint_next = (view->hint_next + 1) % VIEW_HINTS;
}
