/*
 * The content of a disk in memory: groups in order of their ids, each with its log in order of the index and
 * its states. A batch is applied in two steps, so that it happens whole or not at all: `reserve` may fail and
 * changes nothing that can be read, `apply` cannot fail.
 */
#ifndef AVIARY_STORAGE_MEMORY_IMAGE_H
#define AVIARY_STORAGE_MEMORY_IMAGE_H

#include "batch.h"

struct image_entry {
    uint64_t index;
    struct blob *blob;
};

struct image_log {
    struct image_entry *slots;
    size_t start; /* of the entries in slots; grows when the log's head is removed */
    size_t count;
    size_t capacity;
};

struct image_group {
    uint64_t id;
    struct image_log log;
    struct blob *states[STORAGE_STATE_META + 1];
};

struct memory_image {
    struct image_group *groups;
    size_t count;
    size_t capacity;
};

/* A zeroed image is empty. Leaves it empty. */
void memory_image_finish(struct memory_image *image);
/* `ret_copy` shares the blobs. NO_MEMORY. */
enum status memory_image_copy(const struct memory_image *image,
                              struct memory_image *ret_copy) AVIARY_MUST_USE;
enum status memory_image_reserve(struct memory_image *image,
                                 const struct storage_batch *batch) AVIARY_MUST_USE;
void memory_image_apply(struct memory_image *image, const struct storage_batch *batch);

/* NULL where nothing was ever written to it. */
const struct image_group *memory_image_find(const struct memory_image *image, uint64_t group);
/* Position of the first entry whose index is not below `index`; `log->count` where there is none. */
size_t image_log_position(const struct image_log *log, uint64_t index);
/* Entry at a position below `log->count`. */
const struct image_entry *image_log_at(const struct image_log *log, size_t position);
bool image_group_has_state(const struct image_group *group);

#endif
