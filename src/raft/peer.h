/*
 * A leader's view of one follower: how far its log matches, what to send next, what is under way.
 *
 * Probe: where the logs part is being looked for; one AppendEntries at a time.
 * Replicate: they match up to next - 1 if nothing got lost; a window of AppendEntries is under way.
 * Snapshot: the follower needs what was compacted; nothing is sent until the snapshot has ended.
 *
 * What got lost is found by a ping: a heartbeat's answer asks for an empty AppendEntries at next - 1, which
 * travels behind the others on the same stream. If it is refused, something before it got lost; if not, it
 * acknowledges everything before it. So nothing is ever sent twice for slowness alone.
 */
#ifndef RAFT_PEER_H
#define RAFT_PEER_H

#include "aviary/raft.h"

enum raft_peer_state { RAFT_PEER_PROBE, RAFT_PEER_REPLICATE, RAFT_PEER_SNAPSHOT };

/* One AppendEntries under way: its last index, and the size of its entries. */
struct raft_flight {
    uint64_t last;
    uint64_t bytes;
};

/* Those under way, oldest first. */
struct raft_window {
    struct raft_flight flights[RAFT_INFLIGHT_APPENDS_MAX];
    uint32_t start;
    uint32_t count;
    uint64_t bytes; /* of all of them */
};

struct raft_peer {
    raft_id id;
    enum raft_peer_state state;
    uint64_t match_index; /* never goes back within a term */
    uint64_t next_index;  /* above match_index */
    bool probe_sent;      /* PROBE: waits for the answer, or for a heartbeat's */
    bool ping;            /* an empty AppendEntries is due */
    bool answered;        /* anything of this term */
    uint64_t answered_ms;
    uint64_t moved_ms;    /* when the probe was sent; when the window began or was last answered */
    uint64_t acked_round; /* the newest heartbeat round it answered */
    struct raft_window window;
};

void raft_peer_init(struct raft_peer *peer, raft_id id, uint64_t last_index);
void raft_peer_answered(struct raft_peer *peer, uint64_t now_ms);
/* To PROBE, from `next_index` or from behind match, whichever is further. */
void raft_peer_probe(struct raft_peer *peer, uint64_t next_index);
void raft_peer_snapshot(struct raft_peer *peer);
/* Whether an AppendEntries may leave now; it is empty where `*ret_empty`. */
bool raft_peer_wants(const struct raft_peer *peer, uint64_t last_index, const struct raft_options *options,
                     bool *ret_empty);
/* One with `count` entries of `bytes` together, from next_index on, was sent. */
void raft_peer_sent(struct raft_peer *peer, uint64_t count, uint64_t bytes, uint64_t now_ms);
/* The follower has all up to `index`. True where match went up. `first_index`: of the leader's log. */
bool raft_peer_acknowledged(struct raft_peer *peer, uint64_t index, uint64_t first_index, uint64_t now_ms);
/* It refused an AppendEntries behind `previous`; the logs may match below `next_hint`. */
void raft_peer_refused(struct raft_peer *peer, uint64_t previous, uint64_t next_hint);
/* A heartbeat was answered: what has stood still for `patience_ms` may go on. */
void raft_peer_resume(struct raft_peer *peer, uint64_t now_ms, uint64_t patience_ms);
/* Back to PROBE where the window had no answer for `timeout_ms`. */
void raft_peer_check_stall(struct raft_peer *peer, uint64_t now_ms, uint64_t timeout_ms);

#endif
