/*
 * Putting together what read_entries gives: dense, checked, bounded in bytes. Or the same without keeping
 * any of it, for verify_entries.
 */
#ifndef AVIARY_STORAGE_ENTRIES_H
#define AVIARY_STORAGE_ENTRIES_H

#include "aviary/storage.h"

struct entries_builder {
    struct storage_entries entries;
    size_t capacity;
    size_t count; /* of those checked, kept or not */
    size_t bytes;
    size_t bytes_max;
    bool keep;
    bool full; /* the next entry would pass bytes_max */
};

void entries_builder_init(struct entries_builder *builder, size_t bytes_max);
/* Checks only. */
void entries_builder_init_verifier(struct entries_builder *builder, size_t bytes_max);
/* Releases what was not taken. */
void entries_builder_finish(struct entries_builder *builder);
/* Adds a copy of `bytes`, or a reference to `blob` where there is one. CORRUPT, NO_MEMORY. */
enum status entries_builder_add(struct entries_builder *builder, uint64_t group, uint64_t index,
                                struct slice bytes, struct blob *blob) AVIARY_MUST_USE;
struct storage_entries entries_builder_take(struct entries_builder *builder);
/* What a verifier saw of entries from `first` on. */
struct storage_verified entries_builder_verified(const struct entries_builder *builder, uint64_t first);

#endif
