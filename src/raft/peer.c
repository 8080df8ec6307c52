#include "peer.h"

static void window_clear(struct raft_window *window) {
    window->start = 0;
    window->count = 0;
    window->bytes = 0;
}

static void window_push(struct raft_window *window, uint64_t last, uint64_t bytes) {
    ASSERT(window->count < RAFT_INFLIGHT_APPENDS_MAX);
    uint32_t end = (window->start + window->count) % RAFT_INFLIGHT_APPENDS_MAX;
    window->flights[end] = (struct raft_flight){.last = last, .bytes = bytes};
    window->count++;
    window->bytes += bytes;
}

/* The last one may go beyond the bytes: otherwise a large entry never would. */
static bool window_has_room(const struct raft_window *window, const struct raft_options *options) {
    return window->count < options->inflight_appends_max && window->bytes < options->inflight_bytes_max;
}

static void window_free_up_to(struct raft_window *window, uint64_t index) {
    while (window->count > 0 && window->flights[window->start].last <= index) {
        window->bytes -= window->flights[window->start].bytes;
        window->start = (window->start + 1) % RAFT_INFLIGHT_APPENDS_MAX;
        window->count--;
    }
}

void raft_peer_init(struct raft_peer *peer, raft_id id, uint64_t last_index) {
    *peer = (struct raft_peer){.id = id, .state = RAFT_PEER_PROBE, .next_index = last_index + 1};
}

void raft_peer_answered(struct raft_peer *peer, uint64_t now_ms) {
    peer->answered = true;
    peer->answered_ms = now_ms;
}

void raft_peer_probe(struct raft_peer *peer, uint64_t next_index) {
    peer->state = RAFT_PEER_PROBE;
    peer->next_index = next_index > peer->match_index ? next_index : peer->match_index + 1;
    peer->probe_sent = false;
    peer->ping = false;
    window_clear(&peer->window);
}

static void replicate(struct raft_peer *peer) {
    peer->state = RAFT_PEER_REPLICATE;
    peer->next_index = peer->match_index + 1;
    peer->probe_sent = false;
    peer->ping = false;
    window_clear(&peer->window);
}

void raft_peer_snapshot(struct raft_peer *peer) {
    raft_peer_probe(peer, peer->next_index);
    peer->state = RAFT_PEER_SNAPSHOT;
}

bool raft_peer_wants(const struct raft_peer *peer, uint64_t last_index, const struct raft_options *options,
                     bool *ret_empty) {
    if (peer->state == RAFT_PEER_SNAPSHOT) {
        return false;
    }
    bool full = peer->state == RAFT_PEER_PROBE
                    ? !peer->probe_sent
                    : peer->next_index <= last_index && window_has_room(&peer->window, options);
    if (!full && !peer->ping) {
        return false;
    }
    *ret_empty = !full;
    return true;
}

void raft_peer_sent(struct raft_peer *peer, uint64_t count, uint64_t bytes, uint64_t now_ms) {
    bool pinged = peer->ping && count == 0;
    peer->ping = false;
    switch (peer->state) {
    case RAFT_PEER_PROBE:
        peer->probe_sent = true;
        peer->moved_ms = now_ms;
        break;
    case RAFT_PEER_REPLICATE:
        if (count > 0) {
            if (peer->window.count == 0) {
                peer->moved_ms = now_ms;
            }
            peer->next_index += count;
            window_push(&peer->window, peer->next_index - 1, bytes);
        } else if (!pinged) {
            /* The driver had entries to attach and did not: wait for the next heartbeat's answer. */
            raft_peer_probe(peer, peer->match_index + 1);
            peer->probe_sent = true;
        }
        break;
    case RAFT_PEER_SNAPSHOT:
        break;
    }
}

bool raft_peer_acknowledged(struct raft_peer *peer, uint64_t index, uint64_t first_index, uint64_t now_ms) {
    bool advanced = index > peer->match_index;
    if (index < peer->match_index) {
        return false; /* late or twice */
    }
    peer->match_index = index;
    if (peer->next_index <= index) {
        peer->next_index = index + 1;
    }
    switch (peer->state) {
    case RAFT_PEER_PROBE:
        replicate(peer);
        break;
    case RAFT_PEER_REPLICATE:
        window_free_up_to(&peer->window, index);
        peer->moved_ms = now_ms;
        break;
    case RAFT_PEER_SNAPSHOT:
        if (index + 1 >= first_index) {
            replicate(peer);
        }
        break;
    }
    return advanced;
}

void raft_peer_refused(struct raft_peer *peer, uint64_t previous, uint64_t next_hint) {
    switch (peer->state) {
    case RAFT_PEER_REPLICATE:
        if (previous > peer->match_index) {
            raft_peer_probe(peer, peer->match_index + 1);
        }
        break;
    case RAFT_PEER_PROBE:
        if (previous + 1 == peer->next_index) {
            uint64_t before = peer->next_index;
            raft_peer_probe(peer, next_hint < previous ? next_hint : previous);
            /* No way further back: it denies what it had acknowledged. Ask again at the next heartbeat only.
             */
            peer->probe_sent = peer->next_index == before;
        }
        break;
    case RAFT_PEER_SNAPSHOT:
        break;
    }
}

void raft_peer_resume(struct raft_peer *peer, uint64_t now_ms, uint64_t patience_ms) {
    bool waits = peer->state == RAFT_PEER_PROBE ? peer->probe_sent : peer->match_index + 1 < peer->next_index;
    if (peer->state != RAFT_PEER_SNAPSHOT && waits && now_ms - peer->moved_ms >= patience_ms) {
        peer->ping = true;
    }
}

void raft_peer_check_stall(struct raft_peer *peer, uint64_t now_ms, uint64_t timeout_ms) {
    if (peer->state == RAFT_PEER_REPLICATE && peer->window.count > 0 &&
        now_ms - peer->moved_ms >= timeout_ms) {
        raft_peer_probe(peer, peer->match_index + 1);
    }
}
