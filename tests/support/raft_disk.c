#include "raft_disk.h"

#include <stdlib.h>

static void *checked(void *memory) {
    ASSERT(memory);
    return memory;
}

void disk_init(struct disk *disk, const struct raft_configuration *first) {
    *disk = (struct disk){.base_configuration = *first, .configuration_count = 1};
    disk->configurations[0].configuration = *first;
}

static void release(struct raft_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        blob_release(entries[i].blob);
    }
}

void disk_finish(struct disk *disk) {
    release(disk->entries, disk->entry_count);
    free(disk->entries);
    *disk = (struct disk){0};
}

struct raft_entry *disk_entries_copy(const struct raft_entry *entries, size_t count) {
    struct raft_entry *copy = checked(calloc(count + 1, sizeof *copy));
    for (size_t i = 0; i < count; i++) {
        copy[i] = entries[i];
        copy[i].blob = entries[i].blob ? blob_retain(entries[i].blob) : NULL;
    }
    return copy;
}

void disk_copy(struct disk *to, const struct disk *from) {
    disk_finish(to);
    *to = *from;
    to->entries = disk_entries_copy(from->entries, from->entry_count);
    to->entry_capacity = from->entry_count + 1;
}

uint64_t disk_last_index(const struct disk *disk) {
    return disk->base_index + disk->entry_count;
}

const struct raft_entry *disk_entry(const struct disk *disk, uint64_t index) {
    if (index <= disk->base_index || index > disk_last_index(disk)) {
        return NULL;
    }
    return &disk->entries[index - disk->base_index - 1];
}

static void truncate_from(struct disk *disk, uint64_t from) {
    ASSERT(from > disk->base_index && from <= disk_last_index(disk));
    size_t keep = (size_t)(from - disk->base_index - 1);
    release(disk->entries + keep, disk->entry_count - keep);
    disk->entry_count = keep;
}

static void drop_up_to(struct disk *disk, uint64_t index) {
    size_t gone = index < disk_last_index(disk) ? (size_t)(index - disk->base_index) : disk->entry_count;
    if (gone == 0) {
        return;
    }
    release(disk->entries, gone);
    disk->entry_count -= gone;
    memmove(disk->entries, disk->entries + gone, disk->entry_count * sizeof *disk->entries);
}

static void append(struct disk *disk, const struct raft_entry *entry) {
    ASSERT(entry->index == disk_last_index(disk) + 1);
    if (disk->entry_count == disk->entry_capacity) {
        disk->entry_capacity = disk->entry_capacity * 2 + 16;
        disk->entries = checked(realloc(disk->entries, disk->entry_capacity * sizeof *disk->entries));
    }
    disk->entries[disk->entry_count] = *entry;
    disk->entries[disk->entry_count].blob = blob_retain(entry->blob);
    disk->entry_count++;
}

void disk_apply(struct disk *disk, const struct disk_write *write) {
    if (write->hard_state) {
        disk->term = write->term;
        disk->vote = write->vote;
    }
    disk->commit_index = write->commit_index;
    if (write->rebase) {
        drop_up_to(disk, write->install ? UINT64_MAX : write->base_index);
        disk->base_index = write->base_index;
        disk->base_term = write->base_term;
        disk->base_digest = write->base_digest;
        disk->base_configuration = write->base_configuration;
    }
    if (write->truncate_from != 0) {
        truncate_from(disk, write->truncate_from);
    }
    for (size_t i = 0; i < write->entry_count; i++) {
        append(disk, &write->entries[i]);
    }
    if (write->configurations_changed) {
        memcpy(disk->configurations, write->configurations, sizeof disk->configurations);
        disk->configuration_count = write->configuration_count;
    }
}

struct raft *disk_start(const struct disk *disk, const struct raft_options *options) {
    _cleanup_free_ struct raft_term_run *runs = checked(calloc(disk->entry_count + 1, sizeof *runs));
    size_t run_count = 0;
    for (size_t i = 0; i < disk->entry_count; i++) {
        const struct raft_entry *entry = &disk->entries[i];
        if (run_count == 0 || runs[run_count - 1].term != entry->term) {
            runs[run_count++] = (struct raft_term_run){.first_index = entry->index, .term = entry->term};
        }
    }
    struct raft_restart restart = {
        .term = disk->term,
        .vote = disk->vote,
        .snapshot_index = disk->base_index,
        .snapshot_term = disk->base_term,
        .last_index = disk_last_index(disk),
        .runs = runs,
        .run_count = run_count,
        .configurations = disk->configurations,
        .configuration_count = disk->configuration_count,
        .commit_index = disk->commit_index,
    };
    struct raft *raft = NULL;
    ASSERT(raft_create(options, &restart, &raft) == STATUS_OK);
    return raft;
}

void disk_write_finish(struct disk_write *write) {
    release(write->entries, write->entry_count);
    free(write->entries);
    *write = (struct disk_write){0};
}
