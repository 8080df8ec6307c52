/*
 * The map of desired nodes: what this broker wants to stand in ZooKeeper, keyed by path. Pure.
 *
 * An entry is ready (to be looked at), taken (somebody is at it), delayed (failed, to be tried again) or
 * settled (seen to be as desired). Putting a path again replaces what was desired; an entry that was taken
 * meanwhile is looked at once more when it comes back.
 *
 * Threads: one at a time, under the room's lock.
 */
#ifndef COORDINATION_DESIRED_H
#define COORDINATION_DESIRED_H

#include "aviary/base/blob.h"
#include "aviary/base/list.h"
#include "aviary/base/status.h"
#include "nodes.h"

enum desired_kind {
    DESIRED_TOPIC,     /* /brokers/topics/T holds `data` */
    DESIRED_CONFIG,    /* /config/topics/T holds `data` */
    DESIRED_PARTITION, /* .../partitions/P/state holds `data`, of `rank` */
    DESIRED_ABSENT,    /* neither the node nor anything below it is there */
};

enum desired_state { DESIRED_READY, DESIRED_TAKEN, DESIRED_DELAYED, DESIRED_SETTLED };

struct desired {
    enum desired_kind kind;
    struct blob *data; /* owned; NULL for ABSENT */
    struct partition_rank rank;
    uint32_t partition_count; /* TOPIC */
    uint64_t generation;      /* of the full list it came with last; see desired_sweep */

    /* The map's own */
    enum desired_state state;
    bool changed; /* put again while taken */
    bool erased;  /* while taken: no longer in the map, freed when it comes back */
    uint32_t backoff_ms;
    uint64_t due_ms;
    uint32_t hash;
    struct desired *next_in_bucket;
    struct list link;

    /* For the one who took it */
    void *owner;
    char *cursor; /* owned, freed with the entry; where a removal stands */

    char path[];
};

struct desired_map {
    size_t count;
    size_t count_max;
    size_t settled_count;
    size_t bucket_count; /* a power of two */
    struct desired **buckets;
    struct list ready;
    struct list delayed;
    struct list settled; /* longest settled first */
};

/* An entry that is in no map yet; takes `data` over, also on failure. NULL: no memory. */
struct desired *desired_create(const char *path, enum desired_kind kind, struct blob *data, void *owner);
/* Only for an entry in no map. Takes NULL. */
void desired_destroy(struct desired *entry);

enum status desired_map_init(struct desired_map *map, size_t count_max) AVIARY_MUST_USE;
/* Frees all entries; none may be taken. */
void desired_map_finish(struct desired_map *map);

/* Takes the entry over, replacing one of the same path. FULL: the map is as before and the entry the
 * caller's. */
enum status desired_put(struct desired_map *map, struct desired *entry) AVIARY_MUST_USE;
/* NULL where there is none. */
struct desired *desired_find(const struct desired_map *map, const char *path);
/* A taken one lives on until it comes back. */
void desired_erase(struct desired_map *map, struct desired *entry);
void desired_clear(struct desired_map *map);
/* After a full list was put: every entry of another generation becomes ABSENT. */
void desired_sweep(struct desired_map *map, uint64_t generation);

/* The next ready one, which is taken thereby; NULL where none is. */
struct desired *desired_take(struct desired_map *map);
/*
 * Gives a taken entry back: as desired; not yet, look again; or failed, try again later. True where it is
 * still in the map, false where it was erased meanwhile and is freed now.
 */
bool desired_settle(struct desired_map *map, struct desired *entry);
bool desired_again(struct desired_map *map, struct desired *entry);
bool desired_retry(struct desired_map *map, struct desired *entry, uint64_t now_ms);

/* Delayed ones whose time has come become ready. */
void desired_promote(struct desired_map *map, uint64_t now_ms);
/* The `count` longest settled become ready, to be looked at again. */
void desired_review(struct desired_map *map, size_t count);
/* All settled and delayed become ready. */
void desired_review_all(struct desired_map *map);

#endif
