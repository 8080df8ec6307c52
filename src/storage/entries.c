#include "entries.h"

#include <stdlib.h>

enum { ENTRIES_FIRST_CAPACITY = 16 };

void storage_entries_finish(struct storage_entries *entries) {
    for (size_t i = 0; i < entries->count; i++) {
        blob_release(entries->entries[i].blob);
    }
    free(entries->entries);
    *entries = (struct storage_entries){0};
}

void entries_builder_init(struct entries_builder *builder, size_t bytes_max) {
    *builder = (struct entries_builder){.bytes_max = bytes_max, .keep = true};
}

void entries_builder_init_verifier(struct entries_builder *builder, size_t bytes_max) {
    *builder = (struct entries_builder){.bytes_max = bytes_max};
}

void entries_builder_finish(struct entries_builder *builder) {
    storage_entries_finish(&builder->entries);
}

static enum status make_room(struct entries_builder *builder) {
    if (builder->entries.count < builder->capacity) {
        return STATUS_OK;
    }
    size_t capacity = builder->capacity == 0 ? ENTRIES_FIRST_CAPACITY : builder->capacity * 2;
    struct raft_entry *grown = realloc(builder->entries.entries, capacity * sizeof *grown);
    if (!grown) {
        return STATUS_NO_MEMORY;
    }
    builder->entries.entries = grown;
    builder->capacity = capacity;
    return STATUS_OK;
}

static enum status keep_entry(struct entries_builder *builder, const struct entry_header *header,
                              struct slice bytes, struct blob *blob) {
    enum status status = make_room(builder);
    if (status != STATUS_OK) {
        return status;
    }
    struct blob *kept = blob ? blob_retain(blob) : blob_copy(bytes);
    if (!kept) {
        return STATUS_NO_MEMORY;
    }
    builder->entries.entries[builder->entries.count++] = (struct raft_entry){
        .index = header->index,
        .term = header->term,
        .type = header->type,
        .blob = kept,
    };
    return STATUS_OK;
}

enum status entries_builder_add(struct entries_builder *builder, uint64_t group, uint64_t index,
                                struct slice bytes, struct blob *blob) {
    if (builder->count > 0 &&
        (bytes.size > builder->bytes_max || builder->bytes > builder->bytes_max - bytes.size)) {
        builder->full = true;
        return STATUS_OK;
    }
    struct entry_header header;
    enum status status = entry_check(bytes, group, index, &header);
    if (status == STATUS_OK && builder->keep) {
        status = keep_entry(builder, &header, bytes, blob);
    }
    if (status != STATUS_OK) {
        return status;
    }
    builder->count++;
    builder->bytes += bytes.size;
    return STATUS_OK;
}

struct storage_entries entries_builder_take(struct entries_builder *builder) {
    struct storage_entries taken = builder->entries;
    builder->entries = (struct storage_entries){0};
    return taken;
}

struct storage_verified entries_builder_verified(const struct entries_builder *builder, uint64_t first) {
    return (struct storage_verified){.next = first + builder->count, .bytes = builder->bytes};
}
