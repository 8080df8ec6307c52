/*
 * The states a replica keeps in storage, byte by byte (docs/storage-format.md, "Replica states").
 * Little-endian. Each begins with u32 crc32c of all that follows it, then u8 format (1).
 *
 *   HARD            u64 term, u64 vote, u64 base index, u64 base term, u64 commit hint, u64 last index
 *   CONFIGURATIONS  u32 count, then (u64 index, configuration) each
 *   SNAPSHOT        u64 index, u64 term, configuration, u64 size, then the state machine's bytes
 */
#ifndef REPLICA_FORMAT_H
#define REPLICA_FORMAT_H

#include "aviary/raft/types.h"

struct hard_state {
    uint64_t term;
    raft_id vote;
    uint64_t base_index; /* the last index before the log's first */
    uint64_t base_term;
    uint64_t commit_hint; /* known committed when this was written; may lag */
    uint64_t last_index;  /* of the log, as the same write left it: a log that ends before it is damaged */
};

void format_hard_encode(const struct hard_state *hard, struct buffer *out);
enum status format_hard_decode(struct slice bytes, struct hard_state *ret_hard) AVIARY_MUST_USE;

void format_configurations_encode(const struct raft_indexed_configuration *configurations, size_t count,
                                  struct buffer *out);
/* `*ret_configurations` is malloc'ed: the caller frees. */
enum status format_configurations_decode(struct slice bytes,
                                         struct raft_indexed_configuration **ret_configurations,
                                         size_t *ret_count) AVIARY_MUST_USE;

struct snapshot_state {
    uint64_t index;
    uint64_t term;
    struct raft_configuration configuration;
    struct slice data; /* borrowed */
};

void format_snapshot_encode(const struct snapshot_state *snapshot, struct buffer *out);
enum status format_snapshot_decode(struct slice bytes, struct snapshot_state *ret_snapshot) AVIARY_MUST_USE;

#endif
