/*
 * A broker's disk: the memory implementation of storage behind a port that watches what is written, with
 * syncs that take time. One sync takes along all that was submitted before it began, as group commit does.
 *
 * A crash keeps a prefix of what was not yet synced: the write-ahead log is one file, written in order, so of
 * its batches no other subset can survive. Where synced writes are missing, it is for storage to know: every
 * start is judged by the shipping code of storage/trust.h, from a count of commits and a witness as it has
 * them.
 */
#ifndef AVIARY_TESTS_SIMULATION_DISK_H
#define AVIARY_TESTS_SIMULATION_DISK_H

#include "damage.h"

struct broker;

/* What became of a disk while its broker was down. */
enum disk_fate {
    DISK_KEPT,
    DISK_WIPED,
    DISK_TAIL_LOST,   /* of what the witness saw: the last of it */
    DISK_MIDDLE_LOST, /* a log file of several */
    DISK_UNREADABLE,
    DISK_FATES
};

struct disk {
    struct storage base;
    struct storage *memory;
    struct broker *broker;
    uint64_t sync_us; /* of now: the profile's, or slower */
    uint64_t jitter_us;
    bool syncing;
    size_t syncing_count; /* batches that the sync under way takes along */
    uint64_t done_token;  /* of this life */
    enum status fails;    /* of the next sync; OK: it does not */
    uint64_t commits;     /* synced writes, as the database counts them */
    uint64_t witnessed;   /* as its witness file has it */
    uint64_t witness_us;  /* when that follows; 0: it is exact */
    struct damages damages;
};

void disk_init(struct disk *disk, struct broker *broker);
void disk_finish(struct disk *disk);
void disk_calm(struct disk *disk);
/* A process opens it. */
void disk_open(struct disk *disk);
/* The process ends as it should: everything is synced, and the witness knows. */
void disk_close(struct disk *disk);
/* The process died: what was not synced is gone, but for a random prefix. */
void disk_crash(struct disk *disk);
/* Nothing is under way: what is on it may be looked at or spoilt. */
bool disk_is_idle(const struct disk *disk);
/* Whether a tail that the witness knows of can be lost. */
bool disk_has_witness(const struct disk *disk);
/* The process is down; whatever is left, it cannot be trusted: storage begins anew. */
void disk_lose(struct disk *disk, enum disk_fate fate);
/* For looking at what is there, whether synced or not. */
enum status disk_peek(struct disk *disk, uint64_t group, uint64_t index, struct blob **ret_blob);
/* The completion that a node hands to its storage; context: the broker. */
void disk_completed(void *context, uint64_t token, enum status status);

#endif
