/*
 * The thread that looks after the disk beside the commits: refreshes the witness soon after a commit, and
 * watches free space.
 */
#ifndef AVIARY_STORAGE_KEEPER_H
#define AVIARY_STORAGE_KEEPER_H

#include "disk_guard.h"
#include "fault.h"
#include "witness.h"

struct keeper {
    struct disk_guard *guard;
    struct fault *fault;
    struct witness witness; /* the keeper's thread; after keeper_stop the caller of that */
    atomic_uint_least64_t commit;
    atomic_bool behind; /* the witness knows of fewer commits */
    struct mutex mutex; /* guards stopping */
    struct condition wake;
    bool stopping;
    struct thread thread;
};

/* Takes `witness` over, also on failure. `guard` and `fault` must outlive the keeper. */
enum status keeper_start(struct keeper *keeper, struct disk_guard *guard, struct fault *fault,
                         const struct witness *witness, struct error *error) AVIARY_MUST_USE;
/* `commit` is durable. Cheap; from one thread. */
void keeper_note(struct keeper *keeper, uint64_t commit);
/* Brings the witness up to date, ends the thread and closes the witness. */
void keeper_stop(struct keeper *keeper);

#endif
