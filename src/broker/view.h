/*
 * What other threads see of a replica: its offsets, its leader, and its most recent committed batches. The
 * turns write, workers read.
 */
#ifndef BROKER_VIEW_H
#define BROKER_VIEW_H

#include "aviary/base/thread.h"
#include "aviary/replica.h"

#include <stdatomic.h>

enum { VIEW_RECENT_MIN = 64, VIEW_HINTS = 8 };

struct view_batch {
    uint64_t index;
    int64_t base_offset;
    uint32_t count;
    struct blob *blob; /* one reference */
};

/* Where a reader stopped: it will likely go on there. */
struct view_hint {
    int64_t offset;
    uint64_t index;
};

struct view {
    atomic_uint references;
    uint64_t group;
    struct mutex mutex; /* guards all below */
    struct condition changed;
    uint32_t waiting; /* readers in a long poll */
    bool closed;
    struct node_status status;
    struct view_batch *recent; /* a ring, ascending, dense in offsets */
    size_t recent_capacity;
    size_t recent_head;
    size_t recent_count;
    size_t recent_bytes;
    size_t recent_bytes_max;
    struct view_hint hints[VIEW_HINTS];
    size_t hint_next;
};

/* NULL: no memory. One reference. */
struct view *view_create(uint64_t group, size_t recent_bytes_max);
void view_release(struct view *view);

/* In a turn. */
void view_append(struct view *view, const struct raft_entry *entry, const struct entry_header *header);
void view_set_status(struct view *view, const struct node_status *status);
/* The log was replaced: recent batches are forgotten. */
void view_reset(struct view *view);
void view_close(struct view *view);

/* With the mutex held. True where the batch that holds `offset` is among the recent ones. */
bool view_find_recent(const struct view *view, int64_t offset, size_t *ret_position);
const struct view_batch *view_recent_at(const struct view *view, size_t position);
/* The index to start at for `offset`; 0: not known. */
uint64_t view_find_hint(const struct view *view, int64_t offset);
void view_add_hint(struct view *view, int64_t offset, uint64_t index);

/* All views of a broker, by group. */
struct views {
    pthread_rwlock_t lock;
    struct view **list; /* ascending by group */
    size_t count;
    size_t capacity;
};

void views_init(struct views *views);
void views_finish(struct views *views);
/* The view of that group with one more reference; NULL: none. */
struct view *views_find(struct views *views, uint64_t group);
/* In a turn. False: no memory. Takes one reference of its own. */
bool views_add(struct views *views, struct view *view);
/* In a turn. */
void views_remove(struct views *views, uint64_t group);

#endif
