/*
 * The state machine of a replica: the metadata for group 0, a partition for every other group.
 */
#ifndef REPLICA_MACHINE_H
#define REPLICA_MACHINE_H

#include "aviary/metadata.h"
#include "aviary/partition.h"

struct machine {
    struct metadata *metadata; /* exactly one of the two is set */
    struct partition *partition;
};

void machine_finish(struct machine *machine);
uint64_t machine_applied_index(const struct machine *machine);
void machine_snapshot(const struct machine *machine, struct buffer *out);
enum status machine_restore(struct machine *machine, struct slice snapshot) AVIARY_MUST_USE;
uint32_t machine_digest(const struct machine *machine);

#endif
