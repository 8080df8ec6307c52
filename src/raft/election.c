/* Elections: the timer, pre-votes (thesis 9.6), votes (paper 5.2, 5.4.1), and loyalty to a living leader
 * (thesis 4.2.3). */
#include "core.h"

static bool is_sole_voter(const struct raft *raft) {
    return raft_is_voter(raft) && raft_configuration_voters(raft_members(raft)) == 1;
}

static bool may_campaign(const struct raft *raft) {
    return raft_is_voter(raft) && raft->term < RAFT_TERM_MAX && raft->log.last_index < RAFT_INDEX_MAX &&
           raft_log_room(&raft->log) > 0;
}

/* Without a preference, the voters' order in the configuration. */
static uint64_t rank_delay_ms(const struct raft *raft) {
    uint64_t rank = 0;
    if (raft->election.ranked) {
        rank = raft->election.rank;
    } else {
        const struct raft_configuration *members = raft_members(raft);
        for (uint32_t i = 0; i < members->count && members->members[i].id != raft->options.self; i++) {
            rank += members->members[i].voter ? 1 : 0;
        }
    }
    return rank * RAFT_RANK_DELAY_MS;
}

/* When to campaign where it is known that there is no leader. */
static uint64_t leaderless_deadline_ms(struct raft *raft) {
    return raft->now_ms + rank_delay_ms(raft) + prng_between(&raft->prng, 0, RAFT_CLOSE_JITTER_MS);
}

void raft_election_restart_timer(struct raft *raft) {
    if (is_sole_voter(raft)) {
        raft->election.deadline_ms = raft->now_ms; /* there is nobody to hear from */
        return;
    }
    raft->election.deadline_ms =
        raft->now_ms + rank_delay_ms(raft) +
        prng_between(&raft->prng, raft->options.election_min_ms, raft->options.election_max_ms);
}

void raft_election_init(struct raft *raft) {
    raft_election_restart_timer(raft);
    if (raft->term == 0) {
        raft->election.deadline_ms = leaderless_deadline_ms(raft); /* a new group has no leader yet */
    }
}

void raft_set_preference(struct raft *raft, uint32_t rank, uint64_t hold_ms) {
    uint64_t before_ms = rank_delay_ms(raft);
    raft->election.ranked = true;
    raft->election.rank = rank;
    raft->election.hold_ms = hold_ms;
    /* What it waits for now moves along. A pre-candidate's or candidate's wait has no rank in it. */
    if (raft->role == RAFT_FOLLOWER && !is_sole_voter(raft) && raft->election.deadline_ms >= before_ms) {
        raft->election.deadline_ms += rank_delay_ms(raft) - before_ms;
    }
}

bool raft_election_is_loyal(const struct raft *raft) {
    return raft->role == RAFT_LEADER ||
           (raft->leader != 0 && raft->now_ms - raft->election.heard_ms < raft->options.election_min_ms);
}

void raft_election_heard(struct raft *raft, raft_id leader) {
    if (raft->role != RAFT_FOLLOWER || raft->leader != leader) {
        raft_become_follower(raft, raft->term, leader);
    }
    raft->election.heard_ms = raft->now_ms;
    raft->election.gave_way = false;
    raft_election_restart_timer(raft);
}

void raft_election_peer_closed(struct raft *raft, raft_id peer) {
    if (raft->role != RAFT_FOLLOWER || peer == 0 || raft->leader != peer) {
        return;
    }
    raft_forget_leader(raft);
    raft->election.closed = peer;
    raft->election.closed_ms = raft->now_ms;
    uint64_t deadline_ms = leaderless_deadline_ms(raft);
    if (deadline_ms < raft->election.deadline_ms) {
        raft->election.deadline_ms = deadline_ms;
    }
}

/*
 * A peer has more than one stream: after one closed, what the others still held must not bring the dead
 * leader back to life for a whole election timeout. To a living one it is as if that got lost; its next
 * heartbeat counts again.
 */
bool raft_election_is_late(const struct raft *raft, raft_id leader) {
    return raft->election.closed == leader &&
           raft->now_ms - raft->election.closed_ms < raft->options.heartbeat_ms;
}

/* To every other voter. */
static void ask_voters(struct raft *raft, enum raft_send when, struct raft_message message) {
    const struct raft_configuration *members = raft_members(raft);
    message.index = raft->log.last_index;
    message.log_term = raft_log_last_term(&raft->log);
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->members[i].voter && members->members[i].id != raft->options.self) {
            message.to = members->members[i].id;
            raft_send(raft, when, &message);
        }
    }
}

static void campaign(struct raft *raft, bool forced) {
    raft_become_candidate(raft);
    if (raft_quorum_of(raft, raft->election.granted)) {
        raft_become_leader(raft);
        return;
    }
    /* The vote for itself counts as soon as others come in, so it must be durable before they are asked. */
    ask_voters(raft, RAFT_SEND_AFTER_PERSIST,
               (struct raft_message){.type = RAFT_MESSAGE_VOTE, .forced = forced});
}

static void check_pre_vote(struct raft *raft) {
    if (!raft_quorum_of(raft, raft->election.granted)) {
        return;
    }
    if (raft->election.hold_ms == 0 || is_sole_voter(raft)) {
        campaign(raft, false);
        return;
    }
    raft->election.holding = true;
    raft->election.hold_until_ms = raft->now_ms + raft->election.hold_ms;
}

static void start_pre_vote(struct raft *raft) {
    raft_become_pre_candidate(raft);
    ask_voters(raft, RAFT_SEND_NOW,
               (struct raft_message){.type = RAFT_MESSAGE_PRE_VOTE, .term = raft->term + 1});
    check_pre_vote(raft);
}

void raft_election_tick(struct raft *raft) {
    if (raft->election.holding) {
        if (raft->now_ms >= raft->election.hold_until_ms) {
            campaign(raft, false);
        }
        return;
    }
    if (raft->now_ms < raft->election.deadline_ms) {
        return;
    }
    if (may_campaign(raft)) {
        start_pre_vote(raft);
    } else {
        raft_forget_leader(raft);
        raft_election_restart_timer(raft);
    }
}

/* Marks that `from` granted; false where it is no member. */
static bool count_grant(struct raft *raft, raft_id from) {
    const struct raft_configuration *members = raft_members(raft);
    const struct raft_member *member = raft_configuration_find(members, from);
    if (!member) {
        return false;
    }
    raft->election.granted |= UINT32_C(1) << (member - members->members);
    return true;
}

/*
 * Two that campaign side by side split the votes, which costs an election timeout: who granted a pre-vote
 * lets the other go first, and of two pre-candidates the one of the lower id goes. Only once, for the other
 * may not get its majority.
 */
static void give_way(struct raft *raft, raft_id other) {
    bool asks_too = raft->role == RAFT_PRE_CANDIDATE;
    if (raft->election.gave_way || raft->election.holding || (raft->role != RAFT_FOLLOWER && !asks_too) ||
        (asks_too && raft->options.self < other)) {
        return;
    }
    if (asks_too) {
        raft_become_follower(raft, raft->term, 0);
    }
    raft->election.gave_way = true;
    uint64_t wait_ms = raft->options.election_min_ms;
    uint64_t deadline_ms = raft->now_ms + prng_between(&raft->prng, wait_ms / 2, wait_ms);
    if (asks_too || raft->election.deadline_ms < deadline_ms) {
        raft->election.deadline_ms = deadline_ms;
    }
}

void raft_on_pre_vote(struct raft *raft, const struct raft_message *message) {
    bool grant = message->term > raft->term && !raft_election_is_loyal(raft) &&
                 raft_log_is_up_to_date(&raft->log, message->index, message->log_term);
    if (grant) {
        give_way(raft, message->from);
    }
    /* Nothing is promised, so nothing needs to be durable. A refusal tells the own term, for the asker to
     * catch up. */
    raft_send(raft, RAFT_SEND_NOW,
              &(struct raft_message){.type = RAFT_MESSAGE_PRE_VOTE_RESPONSE,
                                     .to = message->from,
                                     .term = grant ? message->term : raft->term,
                                     .reject = !grant});
}

void raft_on_pre_vote_response(struct raft *raft, const struct raft_message *message) {
    if (raft->role == RAFT_PRE_CANDIDATE && !raft->election.holding && !message->reject &&
        message->term == raft->term + 1 && count_grant(raft, message->from)) {
        check_pre_vote(raft);
    }
}

void raft_on_vote(struct raft *raft, const struct raft_message *message) {
    bool free_to = raft->vote == message->from || (raft->vote == 0 && raft->leader == 0);
    struct raft_message response = {.type = RAFT_MESSAGE_VOTE_RESPONSE, .to = message->from};
    if (!free_to || !raft_log_is_up_to_date(&raft->log, message->index, message->log_term)) {
        response.reject = true;
        raft_reply(raft, &response);
        return;
    }
    if (raft->vote == 0) {
        raft->vote = message->from;
        raft->effects->hard_state_changed = true;
    }
    if (raft->role != RAFT_FOLLOWER) {
        raft_become_follower(raft, raft->term, 0);
    }
    raft_election_restart_timer(raft);
    raft_send(raft, RAFT_SEND_AFTER_PERSIST, &response);
}

void raft_on_vote_response(struct raft *raft, const struct raft_message *message) {
    if (raft->role == RAFT_CANDIDATE && !message->reject && count_grant(raft, message->from) &&
        raft_quorum_of(raft, raft->election.granted)) {
        raft_become_leader(raft);
    }
}

void raft_on_timeout_now(struct raft *raft, const struct raft_message *message) {
    ASSERT(raft->role == RAFT_FOLLOWER);
    ASSERT(raft->leader == message->from);
    if (may_campaign(raft)) {
        campaign(raft, true);
    }
}
