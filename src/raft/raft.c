/* Making a core, stepping it, and looking at it. */
#include "core.h"

#include <stdlib.h>

static bool options_are_valid(const struct raft_options *options) {
    return options->self != 0 && options->heartbeat_ms > 0 &&
           options->election_min_ms >= options->heartbeat_ms &&
           options->election_max_ms >= options->election_min_ms && options->inflight_appends_max > 0 &&
           options->inflight_appends_max <= RAFT_INFLIGHT_APPENDS_MAX && options->inflight_bytes_max > 0 &&
           options->append_entries_max > 0 && options->append_entries_max <= RAFT_APPEND_ENTRIES_MAX;
}

static bool configurations_are_valid(const struct raft_restart *restart) {
    if (restart->configuration_count == 0 || restart->configuration_count > RAFT_CONFIGURATIONS_MAX) {
        return false;
    }
    for (size_t i = 0; i < restart->configuration_count; i++) {
        const struct raft_indexed_configuration *item = &restart->configurations[i];
        if (!raft_configuration_is_valid(&item->configuration) || item->index > restart->last_index ||
            (i > 0 && item->index <= restart->configurations[i - 1].index)) {
            return false;
        }
    }
    return true;
}

static uint64_t greater(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

enum status raft_create(const struct raft_options *options, const struct raft_restart *restart,
                        struct raft **ret_raft) {
    if (!options_are_valid(options) || !configurations_are_valid(restart) ||
        restart->commit_index > restart->last_index) {
        return STATUS_INVALID;
    }
    struct raft *raft = calloc(1, sizeof *raft);
    if (!raft) {
        return STATUS_NO_MEMORY;
    }
    enum status status = raft_log_init(&raft->log, restart);
    if (status == STATUS_OK && raft_log_last_term(&raft->log) > restart->term) {
        status = STATUS_INVALID;
    }
    if (status == STATUS_OK) {
        status = raft_history_init(&raft->history, restart->configurations, restart->configuration_count);
    }
    if (status != STATUS_OK) {
        raft_destroy(raft);
        return status;
    }
    raft->options = *options;
    raft->now_ms = options->now_ms;
    raft->term = restart->term;
    raft->vote = restart->vote;
    /* A snapshot covers only what is committed, and so was the first configuration when they were stored. */
    raft->commit_index =
        greater(restart->commit_index, greater(restart->snapshot_index, restart->configurations[0].index));
    raft_history_prune(&raft->history, raft->commit_index);
    prng_init(&raft->prng, options->seed ^ options->self);
    raft_election_init(raft);
    *ret_raft = raft;
    return STATUS_OK;
}

void raft_destroy(struct raft *raft) {
    if (!raft) {
        return;
    }
    free(raft->leadership.peers);
    free(raft->leadership.reads);
    raft_history_finish(&raft->history);
    raft_log_finish(&raft->log);
    free(raft);
}

static enum status handle(struct raft *raft, const struct raft_event *event) {
    switch (event->type) {
    case RAFT_EVENT_TICK:
        if (raft->role == RAFT_LEADER) {
            raft_leader_tick(raft);
        } else {
            raft_election_tick(raft);
        }
        return STATUS_OK;
    case RAFT_EVENT_MESSAGE:
        raft_receive(raft, event->message);
        return STATUS_OK;
    case RAFT_EVENT_PROPOSE:
        return raft_propose(raft, event);
    case RAFT_EVENT_PERSISTED:
        raft_on_persisted(raft, event->index, event->term);
        return STATUS_OK;
    case RAFT_EVENT_COMPACTED:
        raft_on_compacted(raft, event->index);
        return STATUS_OK;
    case RAFT_EVENT_TRANSFER:
        return raft_transfer_start(raft, event->peer);
    case RAFT_EVENT_CHANGE_CONFIGURATION:
        return raft_membership_change(raft, event->configuration);
    case RAFT_EVENT_READ_INDEX:
        return raft_read_start(raft, event->context);
    case RAFT_EVENT_PEER_CLOSED:
        raft_election_peer_closed(raft, event->peer);
        return STATUS_OK;
    case RAFT_EVENT_SNAPSHOT_DONE:
        raft_on_snapshot_done(raft, event);
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

enum status raft_step(struct raft *raft, const struct raft_event *event, struct raft_effects *effects) {
    ASSERT(event->now_ms >= raft->now_ms);
    raft_effects_clear(effects);
    raft->now_ms = event->now_ms;
    raft->effects = effects;
    raft->failure = STATUS_OK;
    enum status status = handle(raft, event);
    raft->effects = NULL;
    return raft->failure != STATUS_OK ? raft->failure : status;
}
