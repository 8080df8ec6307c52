/* From role to role (paper figure 4, with pre-candidates between followers and candidates). */
#include "core.h"

static void set_role(struct raft *raft, enum raft_role role, raft_id leader) {
    if (raft->role != role || raft->leader != leader) {
        raft->effects->role_changed = true;
    }
    raft->role = role;
    raft->leader = leader;
    raft->election.holding = false;
}

static void set_term(struct raft *raft, uint64_t term, raft_id vote) {
    ASSERT(term > raft->term);
    raft->term = term;
    raft->vote = vote;
    raft->election.closed = 0;
    raft->election.gave_way = false;
    raft->effects->hard_state_changed = true;
    raft->effects->role_changed = true;
}

/* Its own vote, and nobody else's yet. */
static void count_own_vote(struct raft *raft) {
    const struct raft_configuration *members = raft_members(raft);
    const struct raft_member *self = raft_configuration_find(members, raft->options.self);
    ASSERT(self);
    raft->election.granted = UINT32_C(1) << (self - members->members);
}

void raft_become_follower(struct raft *raft, uint64_t term, raft_id leader) {
    ASSERT(term >= raft->term);
    bool was_follower = raft->role == RAFT_FOLLOWER;
    if (raft->role == RAFT_LEADER) {
        raft_leader_end(raft);
    }
    if (term > raft->term) {
        set_term(raft, term, 0);
    }
    set_role(raft, RAFT_FOLLOWER, leader);
    /* A follower's timer goes on: a candidate whose log is too old must not keep the others from campaigning.
     */
    if (!was_follower) {
        raft_election_restart_timer(raft);
    }
}

void raft_become_pre_candidate(struct raft *raft) {
    ASSERT(raft->role != RAFT_LEADER);
    set_role(raft, RAFT_PRE_CANDIDATE, 0);
    count_own_vote(raft);
    uint64_t wait_ms = raft->options.election_min_ms;
    raft->election.deadline_ms = raft->now_ms + prng_between(&raft->prng, wait_ms / 2, wait_ms);
}

void raft_become_candidate(struct raft *raft) {
    ASSERT(raft->role != RAFT_LEADER);
    set_term(raft, raft->term + 1, raft->options.self);
    set_role(raft, RAFT_CANDIDATE, 0);
    count_own_vote(raft);
    raft->election.deadline_ms = raft->now_ms + prng_between(&raft->prng, raft->options.election_min_ms,
                                                             raft->options.election_max_ms);
}

void raft_become_leader(struct raft *raft) {
    ASSERT(raft->role == RAFT_CANDIDATE);
    set_role(raft, RAFT_LEADER, raft->options.self);
    raft_leader_start(raft);
}

void raft_forget_leader(struct raft *raft) {
    ASSERT(raft->role != RAFT_LEADER);
    set_role(raft, raft->role, 0);
}
