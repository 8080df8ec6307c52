/* Which messages count, and what their term does before their content does anything (paper figure 2, "all
 * servers"). */
#include "core.h"

static bool is_from_leader(enum raft_message_type type) {
    return type == RAFT_MESSAGE_APPEND || type == RAFT_MESSAGE_HEARTBEAT || type == RAFT_MESSAGE_SNAPSHOT ||
           type == RAFT_MESSAGE_TIMEOUT_NOW;
}

/* A term that its sender only would have does not count as one that exists. */
static bool has_prospective_term(const struct raft_message *message) {
    return message->type == RAFT_MESSAGE_PRE_VOTE ||
           (message->type == RAFT_MESSAGE_PRE_VOTE_RESPONSE && !message->reject);
}

/* So that a leader or candidate of an old term learns of this one. Others of an old term get nothing. */
static void answer_old_term(struct raft *raft, const struct raft_message *message) {
    enum raft_message_type type;
    if (message->type == RAFT_MESSAGE_VOTE) {
        type = RAFT_MESSAGE_VOTE_RESPONSE;
    } else if (message->type == RAFT_MESSAGE_HEARTBEAT) {
        type = RAFT_MESSAGE_HEARTBEAT_RESPONSE;
    } else if (message->type == RAFT_MESSAGE_APPEND || message->type == RAFT_MESSAGE_SNAPSHOT) {
        type = RAFT_MESSAGE_APPEND_RESPONSE;
    } else {
        return;
    }
    raft_reply(raft, &(struct raft_message){
                         .type = type, .to = message->from, .index = message->index, .reject = true});
}

/* The sender leads the message's term, which is the own one. False where that cannot be, or is over. */
static bool accept_leader(struct raft *raft, const struct raft_message *message) {
    if (raft->role == RAFT_LEADER || (raft->leader != 0 && raft->leader != message->from)) {
        return false;
    }
    if (message->type != RAFT_MESSAGE_TIMEOUT_NOW && raft_election_is_late(raft, message->from)) {
        return false;
    }
    raft_election_heard(raft, message->from);
    return true;
}

static void dispatch(struct raft *raft, const struct raft_message *message) {
    switch (message->type) {
    case RAFT_MESSAGE_PRE_VOTE:
        raft_on_pre_vote(raft, message);
        break;
    case RAFT_MESSAGE_PRE_VOTE_RESPONSE:
        raft_on_pre_vote_response(raft, message);
        break;
    case RAFT_MESSAGE_VOTE:
        raft_on_vote(raft, message);
        break;
    case RAFT_MESSAGE_VOTE_RESPONSE:
        raft_on_vote_response(raft, message);
        break;
    case RAFT_MESSAGE_APPEND:
        raft_on_append(raft, message);
        break;
    case RAFT_MESSAGE_APPEND_RESPONSE:
        raft_on_append_response(raft, message);
        break;
    case RAFT_MESSAGE_HEARTBEAT:
        raft_on_heartbeat(raft, message);
        break;
    case RAFT_MESSAGE_HEARTBEAT_RESPONSE:
        raft_on_heartbeat_response(raft, message);
        break;
    case RAFT_MESSAGE_SNAPSHOT:
        raft_on_snapshot(raft, message);
        break;
    case RAFT_MESSAGE_TIMEOUT_NOW:
        raft_on_timeout_now(raft, message);
        break;
    case RAFT_MESSAGE_SNAPSHOT_RESPONSE:
        break;
    }
}

void raft_receive(struct raft *raft, const struct raft_message *message) {
    if (!raft_message_is_valid(raft, message)) {
        return;
    }
    if (has_prospective_term(message)) {
        dispatch(raft, message);
        return;
    }
    if (message->term < raft->term) {
        answer_old_term(raft, message);
        return;
    }
    if (message->type == RAFT_MESSAGE_VOTE && !message->forced && raft_election_is_loyal(raft)) {
        return; /* not even its term counts: a replica that cannot hear the leader must not end its term */
    }
    if (message->term > raft->term) {
        raft_become_follower(raft, message->term, 0);
    }
    if (is_from_leader(message->type) && !accept_leader(raft, message)) {
        return;
    }
    dispatch(raft, message);
}
