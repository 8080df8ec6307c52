#include "desired.h"

#include "aviary/base/assert.h"
#include "aviary/base/hash.h"
#include "task.h"

#include <stdlib.h>

struct desired *desired_create(const char *path, enum desired_kind kind, struct blob *data, void *owner) {
    size_t path_size = strlen(path) + 1;
    ASSERT(path_size <= COORDINATION_PATH_MAX);
    struct desired *entry = calloc(1, sizeof *entry + path_size);
    if (!entry) {
        blob_release(data);
        return NULL;
    }
    entry->kind = kind;
    entry->data = data;
    entry->owner = owner;
    entry->hash = hash_murmur2(slice_of_string(path));
    memcpy(entry->path, path, path_size);
    list_init(&entry->link);
    return entry;
}

void desired_destroy(struct desired *entry) {
    if (entry) {
        blob_release(entry->data);
        free(entry->cursor);
        free(entry);
    }
}

enum status desired_map_init(struct desired_map *map, size_t count_max) {
    size_t bucket_count = 1;
    while (bucket_count < count_max) {
        bucket_count *= 2;
    }
    struct desired **buckets = calloc(bucket_count, sizeof(struct desired *));
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    *map = (struct desired_map){.count_max = count_max, .bucket_count = bucket_count, .buckets = buckets};
    list_init(&map->ready);
    list_init(&map->delayed);
    list_init(&map->settled);
    return STATUS_OK;
}

void desired_map_finish(struct desired_map *map) {
    if (!map->buckets) {
        return;
    }
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct desired *entry = map->buckets[i];
        while (entry) {
            struct desired *next = entry->next_in_bucket;
            ASSERT(entry->state != DESIRED_TAKEN);
            desired_destroy(entry);
            entry = next;
        }
    }
    free(map->buckets);
    *map = (struct desired_map){0};
}

static void move_to(struct desired_map *map, struct desired *entry, enum desired_state state) {
    list_remove(&entry->link);
    if (entry->state == DESIRED_SETTLED) {
        map->settled_count--;
    }
    entry->state = state;
    switch (state) {
    case DESIRED_READY:
        list_append(&map->ready, &entry->link);
        break;
    case DESIRED_DELAYED:
        list_append(&map->delayed, &entry->link);
        break;
    case DESIRED_SETTLED:
        list_append(&map->settled, &entry->link);
        map->settled_count++;
        break;
    case DESIRED_TAKEN:
        break;
    }
}

static struct desired **slot_of(const struct desired_map *map, const char *path, uint32_t hash) {
    struct desired **slot = &map->buckets[hash & (map->bucket_count - 1)];
    while (*slot && ((*slot)->hash != hash || strcmp((*slot)->path, path) != 0)) {
        slot = &(*slot)->next_in_bucket;
    }
    return slot;
}

struct desired *desired_find(const struct desired_map *map, const char *path) {
    return *slot_of(map, path, hash_murmur2(slice_of_string(path)));
}

static bool says_the_same(const struct desired *a, const struct desired *b) {
    return a->kind == b->kind && a->partition_count == b->partition_count &&
           slice_equal(blob_slice(a->data), blob_slice(b->data));
}

static void on_changed(struct desired_map *map, struct desired *entry) {
    entry->backoff_ms = 0;
    if (entry->state == DESIRED_TAKEN) {
        entry->changed = true;
    } else if (entry->state != DESIRED_READY) {
        move_to(map, entry, DESIRED_READY);
    }
}

/* What `entry` desires becomes what `there`, of the same path, desires. Frees `entry`. */
static void replace(struct desired_map *map, struct desired *there, struct desired *entry) {
    bool same = says_the_same(there, entry);
    there->rank = entry->rank;
    there->generation = entry->generation;
    if (!same) {
        struct blob *old = there->data;
        there->data = entry->data;
        entry->data = old;
        there->kind = entry->kind;
        there->partition_count = entry->partition_count;
        on_changed(map, there);
    }
    desired_destroy(entry);
}

enum status desired_put(struct desired_map *map, struct desired *entry) {
    struct desired **slot = slot_of(map, entry->path, entry->hash);
    if (*slot) {
        replace(map, *slot, entry);
        return STATUS_OK;
    }
    if (map->count >= map->count_max) {
        return STATUS_FULL;
    }
    *slot = entry;
    map->count++;
    move_to(map, entry, DESIRED_READY);
    return STATUS_OK;
}

void desired_erase(struct desired_map *map, struct desired *entry) {
    struct desired **slot = slot_of(map, entry->path, entry->hash);
    ASSERT(*slot == entry);
    *slot = entry->next_in_bucket;
    entry->next_in_bucket = NULL;
    map->count--;
    if (entry->state == DESIRED_TAKEN) {
        entry->erased = true;
        return;
    }
    move_to(map, entry, DESIRED_TAKEN);
    desired_destroy(entry);
}

void desired_clear(struct desired_map *map) {
    for (size_t i = 0; i < map->bucket_count; i++) {
        while (map->buckets[i]) {
            desired_erase(map, map->buckets[i]);
        }
    }
}

void desired_sweep(struct desired_map *map, uint64_t generation) {
    for (size_t i = 0; i < map->bucket_count; i++) {
        for (struct desired *entry = map->buckets[i]; entry; entry = entry->next_in_bucket) {
            if (entry->generation != generation && entry->kind != DESIRED_ABSENT) {
                blob_release(entry->data);
                entry->data = NULL;
                entry->kind = DESIRED_ABSENT;
                entry->partition_count = 0;
                on_changed(map, entry);
            }
        }
    }
}

struct desired *desired_take(struct desired_map *map) {
    if (list_empty(&map->ready)) {
        return NULL;
    }
    struct desired *entry = LIST_ENTRY(map->ready.next, struct desired, link);
    move_to(map, entry, DESIRED_TAKEN);
    entry->changed = false;
    return entry;
}

static bool give_back(struct desired_map *map, struct desired *entry, enum desired_state state) {
    ASSERT(entry->state == DESIRED_TAKEN);
    if (entry->erased) {
        desired_destroy(entry);
        return false;
    }
    move_to(map, entry, entry->changed ? DESIRED_READY : state);
    return true;
}

bool desired_settle(struct desired_map *map, struct desired *entry) {
    entry->backoff_ms = 0;
    return give_back(map, entry, DESIRED_SETTLED);
}

bool desired_again(struct desired_map *map, struct desired *entry) {
    return give_back(map, entry, DESIRED_READY);
}

bool desired_retry(struct desired_map *map, struct desired *entry, uint64_t now_ms) {
    entry->backoff_ms = backoff_next(entry->backoff_ms);
    entry->due_ms = now_ms + entry->backoff_ms;
    return give_back(map, entry, DESIRED_DELAYED);
}

void desired_promote(struct desired_map *map, uint64_t now_ms) {
    struct list *node = map->delayed.next;
    while (node != &map->delayed) {
        struct desired *entry = LIST_ENTRY(node, struct desired, link);
        node = node->next;
        if (entry->due_ms <= now_ms) {
            move_to(map, entry, DESIRED_READY);
        }
    }
}

void desired_review(struct desired_map *map, size_t count) {
    for (size_t i = 0; i < count && !list_empty(&map->settled); i++) {
        move_to(map, LIST_ENTRY(map->settled.next, struct desired, link), DESIRED_READY);
    }
}

void desired_review_all(struct desired_map *map) {
    desired_review(map, map->settled_count);
    desired_promote(map, UINT64_MAX);
}
