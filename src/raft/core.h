/*
 * The core's state, and who does what with it. Private to this room.
 *
 * raft.c takes events; message.c says which messages count and what their term does; election.c has the timer
 * and the votes; role.c changes roles; leader.c leads from tick to tick; replication.c is a leader's side of
 * the log and follower.c a follower's; commit.c moves the commit index; read_index.c, transfer.c,
 * membership.c and snapshot.c are one concept each. effects.c collects what the driver is to do.
 *
 * Memory that runs out inside a step is remembered in `failure` and told once, at the step's end: by contract
 * the driver then drops the core with the step's effects, so what follows inside that step does not matter.
 */
#ifndef RAFT_CORE_H
#define RAFT_CORE_H

#include "configuration.h"
#include "log.h"
#include "peer.h"

/* Far from overflow. Messages beyond are dropped, and nobody campaigns beyond. */
#define RAFT_TERM_MAX (UINT64_C(1) << 62)
#define RAFT_INDEX_MAX (UINT64_C(1) << 62)

/* After a closed stream, so that brokers of one rank do not meet. */
enum { RAFT_CLOSE_JITTER_MS = 10 };

struct raft_election {
    uint64_t deadline_ms; /* of waiting for the leader, for pre-votes or for votes */
    uint64_t heard_ms;    /* the leader was heard last; counts while raft->leader is another's id */
    raft_id closed;       /* the leader whose stream closed last */
    uint64_t closed_ms;
    uint32_t granted; /* (pre-)votes: a bit per member of the latest configuration */
    bool gave_way;    /* to another pre-candidate, since the term began or a leader was heard */
    bool holding;     /* the pre-vote is won; campaigns at hold_until_ms */
    uint64_t hold_until_ms;
    bool ranked; /* raft_set_preference was called */
    uint32_t rank;
    uint64_t hold_ms;
};

struct raft_pending_read {
    uint64_t context;
    uint64_t index;
    uint64_t round; /* confirmed by a quorum that answered this heartbeat round or a later one */
};

/* What only a leader has; empty otherwise. */
struct raft_leadership {
    struct raft_peer *peers; /* every other member of the latest configuration */
    uint32_t peer_count;
    uint64_t since_ms;
    uint64_t heartbeat_at_ms;
    uint64_t term_start_index;
    bool announced;                  /* the term is known to be durable here: messages may show it */
    uint64_t round;                  /* of the heartbeats sent last */
    struct raft_pending_read *reads; /* ascending by round */
    size_t read_count;
    size_t read_capacity;
    raft_id transfer_to; /* 0: none under way */
    bool transfer_told;
    uint64_t transfer_until_ms;
};

struct raft {
    struct raft_options options;
    struct prng prng;
    uint64_t now_ms; /* of the latest event */
    uint64_t term;
    raft_id vote;
    enum raft_role role;
    raft_id leader;
    uint64_t commit_index;
    struct raft_log log;
    struct raft_history history;
    struct raft_election election;
    struct raft_leadership leadership;
    struct raft_effects *effects; /* of the step under way */
    enum status failure;          /* of the step under way */
};

/* state.c */
static inline const struct raft_configuration *raft_members(const struct raft *raft) {
    return &raft_history_latest(&raft->history)->configuration;
}
bool raft_is_voter(const struct raft *raft);

/* quorum.c: over the voters of the latest configuration. */
/* The value that a majority of voters has reached; 0 where there is no voter. */
uint64_t raft_quorum_value(const struct raft *raft, uint64_t self_value,
                           uint64_t (*value_of)(const struct raft *raft, const struct raft_peer *peer));
/* Whether the members in `bits` (by position) hold a majority of the voters. */
bool raft_quorum_of(const struct raft *raft, uint32_t bits);

/* effects.c */
void raft_fail(struct raft *raft, enum status status);
void raft_effects_clear(struct raft_effects *effects);
/* Sends a copy; `from` is filled in, and `term` where it is 0. */
void raft_send(struct raft *raft, enum raft_send when, const struct raft_message *message);
/* An answer: never before a hard state that this very step changed. */
void raft_reply(struct raft *raft, const struct raft_message *message);
void raft_effects_append(struct raft *raft, const struct raft_entry *entries, size_t count);
void raft_effects_read(struct raft *raft, uint64_t context, uint64_t index, enum status status);

/* message.c */
void raft_receive(struct raft *raft, const struct raft_message *message);
/* validate.c: whether a message can be meant; nothing that fails here has any effect. */
bool raft_message_is_valid(const struct raft *raft, const struct raft_message *message);
/* The configuration in a CONFIGURATION entry; false where its bytes do not hold. */
bool raft_entry_configuration(const struct raft_entry *entry, struct raft_configuration *ret);

/* role.c */
/* `term` at least the own one. Fails what only a leader can finish. */
void raft_become_follower(struct raft *raft, uint64_t term, raft_id leader);
void raft_become_pre_candidate(struct raft *raft);
void raft_become_candidate(struct raft *raft);
void raft_become_leader(struct raft *raft);
void raft_forget_leader(struct raft *raft);

/* election.c */
/* Sets the timer for a first start, for a restart, or after a change of role. */
void raft_election_init(struct raft *raft);
void raft_election_restart_timer(struct raft *raft);
void raft_election_tick(struct raft *raft);
void raft_election_heard(struct raft *raft, raft_id leader);
/* Whether this replica holds to a leader it has heard lately, or is one (thesis 4.2.3). */
bool raft_election_is_loyal(const struct raft *raft);
void raft_election_peer_closed(struct raft *raft, raft_id peer);
/* Whether what comes from this leader was under way when its stream closed. */
bool raft_election_is_late(const struct raft *raft, raft_id leader);
void raft_on_pre_vote(struct raft *raft, const struct raft_message *message);
void raft_on_pre_vote_response(struct raft *raft, const struct raft_message *message);
void raft_on_vote(struct raft *raft, const struct raft_message *message);
void raft_on_vote_response(struct raft *raft, const struct raft_message *message);
void raft_on_timeout_now(struct raft *raft, const struct raft_message *message);

/* leader.c */
void raft_leader_start(struct raft *raft);
void raft_leader_end(struct raft *raft);
void raft_leader_tick(struct raft *raft);
/* Makes the peers those of the latest configuration. */
void raft_leader_sync_peers(struct raft *raft);
struct raft_peer *raft_leader_peer(const struct raft *raft, raft_id id);
/* A round of heartbeats, to everybody. */
void raft_leader_send_heartbeats(struct raft *raft);
/* An entry of the core's own making. */
void raft_leader_append(struct raft *raft, enum raft_entry_type type);
void raft_on_heartbeat_response(struct raft *raft, const struct raft_message *message);

/* replication.c */
enum status raft_propose(struct raft *raft, const struct raft_event *event) AVIARY_MUST_USE;
void raft_on_append_response(struct raft *raft, const struct raft_message *message);
void raft_on_persisted(struct raft *raft, uint64_t index, uint64_t term);

/* follower.c */
void raft_on_append(struct raft *raft, const struct raft_message *message);
void raft_on_heartbeat(struct raft *raft, const struct raft_message *message);

/* commit.c */
/* Raises the commit index where `index` is above it. */
void raft_commit_to(struct raft *raft, uint64_t index);
/* Leader: by counting (paper 5.3, 5.4.2). May end the leadership: see raft_role afterwards. */
void raft_commit_by_counting(struct raft *raft);
bool raft_has_committed_in_term(const struct raft *raft);

/* read_index.c */
enum status raft_read_start(struct raft *raft, uint64_t context) AVIARY_MUST_USE;
/* Ends the reads that are confirmed. */
void raft_read_confirm(struct raft *raft);
void raft_read_fail_all(struct raft *raft);

/* transfer.c */
enum status raft_transfer_start(struct raft *raft, raft_id to) AVIARY_MUST_USE;
/* Tells the target to campaign once it has everything, and everything is committed. */
void raft_transfer_advance(struct raft *raft);
void raft_transfer_tick(struct raft *raft);
/* The voter, other than this one, with the longest matching log among those that answer; 0: none. */
raft_id raft_transfer_best(const struct raft *raft);

/* membership.c */
enum status raft_membership_change(struct raft *raft,
                                   const struct raft_configuration *configuration) AVIARY_MUST_USE;

/* snapshot.c */
void raft_on_snapshot(struct raft *raft, const struct raft_message *message);
void raft_on_compacted(struct raft *raft, uint64_t index);
void raft_on_snapshot_done(struct raft *raft, const struct raft_event *event);

#endif
