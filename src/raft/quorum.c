#include "core.h"

/* Descending; RAFT_MEMBERS_MAX values at most. */
static void sort_descending(uint64_t *values, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] < value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
}

uint64_t raft_quorum_value(const struct raft *raft, uint64_t self_value,
                           uint64_t (*value_of)(const struct raft *raft, const struct raft_peer *peer)) {
    const struct raft_configuration *members = raft_members(raft);
    uint64_t values[RAFT_MEMBERS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (!members->members[i].voter) {
            continue;
        }
        raft_id id = members->members[i].id;
        values[count++] = id == raft->options.self ? self_value : value_of(raft, raft_leader_peer(raft, id));
    }
    if (count == 0) {
        return 0;
    }
    sort_descending(values, count);
    return values[count / 2]; /* this one and the count / 2 before it: a majority */
}

bool raft_quorum_of(const struct raft *raft, uint32_t bits) {
    const struct raft_configuration *members = raft_members(raft);
    uint32_t granted = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        granted += members->members[i].voter && (bits >> i & 1) != 0 ? 1 : 0;
    }
    return granted > raft_configuration_voters(members) / 2;
}
