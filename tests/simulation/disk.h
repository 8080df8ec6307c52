/*
 * A broker's disk: the memory implementation of storage behind a port that watches what is written, with
 * syncs that take time. One sync takes along all that was submitted before it began, as group commit does.
 *
 * A crash keeps a prefix of what was not yet synced: the write-ahead log is one file, written in order, so of
 * its batches no other subset can survive.
 */
#ifndef AVIARY_TESTS_SIMULATION_DISK_H
#define AVIARY_TESTS_SIMULATION_DISK_H

#include "aviary/storage.h"

struct broker;

struct disk {
    struct storage base;
    struct storage *memory;
    struct broker *broker;
    uint64_t sync_us; /* of now: the profile's, or slower */
    uint64_t jitter_us;
    bool syncing;
    size_t syncing_count; /* batches that the sync under way takes along */
    uint64_t done_token;  /* of this life */
    bool fails;           /* the next sync */
};

void disk_init(struct disk *disk, struct broker *broker);
void disk_finish(struct disk *disk);
void disk_calm(struct disk *disk);
/* A process opens it. */
void disk_open(struct disk *disk);
/* The process died: what was not synced is gone, but for a random prefix. */
void disk_crash(struct disk *disk);
void disk_wipe(struct disk *disk);
/* For looking at what is there, whether synced or not. */
enum status disk_peek(struct disk *disk, uint64_t group, uint64_t index, struct blob **ret_blob);
/* The completion that a node hands to its storage; context: the broker. */
void disk_completed(void *context, uint64_t token, enum status status);

#endif
