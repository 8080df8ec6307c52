/*
 * All views of a broker: looked up by every request, changed when replicas come and go.
 */
#include "view.h"

#include <stdlib.h>

void views_init(struct views *views) {
    *views = (struct views){0};
    ASSERT(pthread_rwlock_init(&views->lock, NULL) == 0);
}

void views_finish(struct views *views) {
    for (size_t i = 0; i < views->count; i++) {
        view_release(views->list[i]);
    }
    free(views->list);
    pthread_rwlock_destroy(&views->lock);
}

static size_t views_position(const struct views *views, uint64_t group) {
    size_t low = 0;
    size_t high = views->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (views->list[middle]->group < group) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct view *views_find(struct views *views, uint64_t group) {
    ASSERT(pthread_rwlock_rdlock(&views->lock) == 0);
    size_t position = views_position(views, group);
    struct view *view = NULL;
    if (position < views->count && views->list[position]->group == group) {
        view = views->list[position];
        atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    }
    ASSERT(pthread_rwlock_unlock(&views->lock) == 0);
    return view;
}

bool views_add(struct views *views, struct view *view) {
    ASSERT(pthread_rwlock_wrlock(&views->lock) == 0);
    if (views->count == views->capacity) {
        size_t capacity = views->capacity ? views->capacity * 2 : 16;
        struct view **grown = realloc(views->list, capacity * sizeof *grown);
        if (grown == NULL) {
            ASSERT(pthread_rwlock_unlock(&views->lock) == 0);
            return false;
        }
        views->list = grown;
        views->capacity = capacity;
    }
    size_t position = views_position(views, view->group);
    memmove(&views->list[position + 1], &views->list[position],
            (views->count - position) * sizeof(struct view *));
    views->list[position] = view;
    views->count++;
    atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    ASSERT(pthread_rwlock_unlock(&views->lock) == 0);
    return true;
}

void views_remove(struct views *views, uint64_t group) {
    struct view *removed = NULL;
    ASSERT(pthread_rwlock_wrlock(&views->lock) == 0);
    size_t position = views_position(views, group);
    if (position < views->count && views->list[position]->group == group) {
        removed = views->list[position];
        views->count--;
        memmove(&views->list[position], &views->list[position + 1],
                (views->count - position) * sizeof(struct view *));
    }
    ASSERT(pthread_rwlock_unlock(&views->lock) == 0);
    if (removed) {
        view_close(removed);
        view_release(removed);
    }
}
