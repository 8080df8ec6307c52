/*
 * What Raft promises (paper, figure 3), checked while a cluster runs. A broken promise aborts.
 */
#ifndef AVIARY_TESTS_SUPPORT_RAFT_INVARIANTS_H
#define AVIARY_TESTS_SUPPORT_RAFT_INVARIANTS_H

#include "raft_disk.h"

/* What was committed at an index, as the first who applied it had it. */
struct committed {
    uint64_t term;
    uint64_t value;
    uint64_t digest; /* of the state machine after it */
};

struct invariants {
    raft_id *leaders; /* by term; 0: nobody yet */
    size_t leader_capacity;
    struct committed *committed; /* by index - 1 */
    size_t committed_count;
    size_t committed_capacity;
};

void invariants_init(struct invariants *invariants);
void invariants_finish(struct invariants *invariants);
/* Election safety, and leader completeness: all that was committed is in the log of `id`, which leads now. */
void invariants_leads(struct invariants *invariants, raft_id id, uint64_t term, const struct disk *log);
/* State machine safety. Returns the digest after applying. */
uint64_t invariants_applies(struct invariants *invariants, uint64_t digest_before,
                            const struct raft_entry *entry);
/* A state machine taken from a snapshot is one that others had. */
void invariants_installs(const struct invariants *invariants, uint64_t index, uint64_t digest);
/* Log matching between two replicas. */
void invariants_logs_match(const struct disk *a, const struct disk *b);

uint64_t invariants_value_of(const struct raft_entry *entry);

#endif
