/*
 * What a broker remembers of its cluster (storage state META of STORAGE_GROUP_BROKER), byte by byte,
 * little-endian: u32 crc32c of what follows, u8 format 1, u8 phase, [16] cluster id, u32 own broker id (0 in
 * a proposal to others), u64 own incarnation (0 while only accepted), u8 count, then (u32 broker id, [16]
 * disk uuid) of each first voter, ascending by broker id.
 */
#ifndef BROKER_CLUSTER_FILE_H
#define BROKER_CLUSTER_FILE_H

#include "aviary/metadata.h"

enum { CLUSTER_FILE_BYTES_MAX = 256 };

enum cluster_phase {
    CLUSTER_NONE = 0,     /* never part of a cluster */
    CLUSTER_ACCEPTED = 1, /* agreed to a list of first voters that not everybody may have agreed to yet */
    CLUSTER_MEMBER = 2,
};

struct cluster_file {
    enum cluster_phase phase;
    struct uuid cluster_id;
    uint32_t broker_id; /* whose disk it is, whatever --id says later */
    raft_id incarnation;
    size_t voter_count;
    struct metadata_first_voter voters[FIRST_VOTERS_MAX];
};

void cluster_file_encode(const struct cluster_file *file, struct buffer *out);
/* CORRUPT, UNSUPPORTED. */
enum status cluster_file_decode(struct slice bytes, struct cluster_file *ret_file) AVIARY_MUST_USE;
/* Whether first voters are as incarnations are given to them: by broker id, from 1 on, none twice. */
bool cluster_voters_ascend(const struct metadata_first_voter *voters, size_t count);
/* The incarnation of a first voter: its place among them, from 1; 0: it is none. */
raft_id cluster_file_incarnation(const struct cluster_file *file, uint32_t broker_id,
                                 const struct uuid *disk_uuid);

#endif
