/*
 * A replica's disk in memory, for tests of the Raft core: what it holds, and writes that may be lost in a
 * crash.
 */
#ifndef AVIARY_TESTS_SUPPORT_RAFT_DISK_H
#define AVIARY_TESTS_SUPPORT_RAFT_DISK_H

#include "aviary/raft.h"

struct disk {
    uint64_t term;
    raft_id vote;
    uint64_t commit_index;
    uint64_t base_index; /* the snapshot's, before the first entry */
    uint64_t base_term;
    uint64_t base_digest; /* of the state machine at base_index */
    struct raft_configuration base_configuration;
    struct raft_entry *entries; /* each with a reference to its blob */
    size_t entry_count;
    size_t entry_capacity;
    struct raft_indexed_configuration configurations[RAFT_CONFIGURATIONS_MAX];
    size_t configuration_count;
};

/* One atomic write: everything that one step asked for. */
struct disk_write {
    uint64_t sequence;
    bool hard_state;
    uint64_t term;
    raft_id vote;
    uint64_t commit_index;
    bool configurations_changed;
    struct raft_indexed_configuration configurations[RAFT_CONFIGURATIONS_MAX];
    size_t configuration_count;
    uint64_t truncate_from;
    struct raft_entry *entries; /* each with a reference to its blob */
    size_t entry_count;
    bool rebase; /* a snapshot: of an own state (compaction) or another's (install) */
    bool install;
    uint64_t base_index;
    uint64_t base_term;
    uint64_t base_digest;
    struct raft_configuration base_configuration;
};

void disk_init(struct disk *disk, const struct raft_configuration *first);
void disk_finish(struct disk *disk);
void disk_copy(struct disk *to, const struct disk *from);
void disk_apply(struct disk *disk, const struct disk_write *write);
uint64_t disk_last_index(const struct disk *disk);
/* NULL where it is not there. */
const struct raft_entry *disk_entry(const struct disk *disk, uint64_t index);
/* A core that starts from what the disk holds. */
struct raft *disk_start(const struct disk *disk, const struct raft_options *options);

void disk_write_finish(struct disk_write *write);
/* Entries with references of their own. */
struct raft_entry *disk_entries_copy(const struct raft_entry *entries, size_t count);

#endif
