/*
 * What a partition is made of; shared by its files only.
 */
#ifndef AVIARY_PARTITION_STATE_H
#define AVIARY_PARTITION_STATE_H

#include "key_table.h"

struct partition_applied {
    uint64_t index;
    int64_t next_offset;
    int64_t log_start_offset;
    int64_t last_append_time_ms;
    struct key_table keys;
};

/* Holds only while last_index lies above the applied index; outdated, and not read, else. */
struct partition_pending {
    uint64_t last_index; /* of the newest proposed batch */
    int64_t next_offset;
    int64_t last_append_time_ms;
    struct key_table keys; /* those of applied entries are taken out at apply */
};

struct partition {
    struct partition_applied applied;
    struct partition_pending pending;
};

#endif
