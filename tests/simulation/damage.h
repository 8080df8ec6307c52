/*
 * What is wrong with the bytes on a disk although its writes were synced: bits rot, writes land under a key
 * that is not theirs. A damaged disk counts as lost from then on (simulation.h): its broker may end and come
 * back as a new incarnation at any time, but must never take, send or show what is not right.
 *
 * Where the bytes themselves are spoilt, headers that are read alone are covered by the database's own
 * checksums only, which disk.c plays; entries and states have checksums of theirs.
 */
#ifndef AVIARY_TESTS_SIMULATION_DAMAGE_H
#define AVIARY_TESTS_SIMULATION_DAMAGE_H

#include "aviary/storage.h"

struct disk;

enum { DAMAGES_MAX = 2 };

struct damage {
    uint64_t group;
    uint64_t index;     /* of an entry; 0: a state */
    uint64_t term;      /* the entry's, as it was; 0: there was none */
    bool is_rot;        /* the bytes are spoilt; else it is another entry's, whole, or gone */
    struct blob *state; /* as damaged; NULL: an entry */
    enum storage_state kind;
};

struct damages {
    struct damage list[DAMAGES_MAX];
    size_t count;
};

/* Nothing is being written now. False: there was nothing to damage, or the disk is damaged already. */
bool damage_rot_entry(struct disk *disk);
bool damage_rot_state(struct disk *disk);
bool damage_misdirect(struct disk *disk);

/* What was damaged and neither removed nor overwritten since. */
bool disk_is_whole(struct disk *disk);
/* NULL: that entry is as it was written. */
const struct damage *damage_find(struct disk *disk, uint64_t group, uint64_t index);
/* Another disk. */
void damage_forget(struct disk *disk);

#endif
