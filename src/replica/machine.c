#include "machine.h"

void machine_finish(struct machine *machine) {
    metadata_destroy(machine->metadata);
    partition_destroy(machine->partition);
    *machine = (struct machine){0};
}

uint64_t machine_applied_index(const struct machine *machine) {
    return machine->metadata ? metadata_applied_index(machine->metadata)
                             : partition_applied_index(machine->partition);
}

void machine_snapshot(const struct machine *machine, struct buffer *out) {
    if (machine->metadata) {
        metadata_snapshot(machine->metadata, out);
    } else {
        partition_snapshot(machine->partition, out);
    }
}

enum status machine_restore(struct machine *machine, struct slice snapshot) {
    return machine->metadata ? metadata_restore(machine->metadata, snapshot)
                             : partition_restore(machine->partition, snapshot);
}

uint32_t machine_digest(const struct machine *machine) {
    return machine->metadata ? metadata_digest(machine->metadata) : partition_digest(machine->partition);
}
