/* A follower's side of the log (paper 5.3, figure 2 "AppendEntries RPC"). */
#include "core.h"

/*
 * What is left of an AppendEntries once the committed part is cut off: that part is the same in both logs, by
 * leader completeness (paper 5.4.3), and may be compacted here.
 */
struct remainder {
    uint64_t previous;
    uint64_t previous_term;
    const struct raft_entry *entries;
    size_t count;
};

static struct remainder cut_committed(const struct raft *raft, const struct raft_message *message) {
    struct remainder rest = {.previous = message->index,
                             .previous_term = message->log_term,
                             .entries = message->entries,
                             .count = message->entry_count};
    if (rest.previous < raft->commit_index) {
        uint64_t behind = raft->commit_index - rest.previous;
        size_t skip = behind < rest.count ? (size_t)behind : rest.count;
        if (skip > 0) {
            rest.previous_term = rest.entries[skip - 1].term;
            rest.entries += skip;
        }
        rest.previous += skip;
        rest.count -= skip;
    }
    return rest;
}

static void acknowledge(struct raft *raft, raft_id to, uint64_t index) {
    raft_send(raft, RAFT_SEND_AFTER_PERSIST,
              &(struct raft_message){.type = RAFT_MESSAGE_APPEND_RESPONSE, .to = to, .index = index});
}

/* Tells where the logs may still match: the last entry not above `previous` whose term is not above the
 * leader's. */
static void refuse(struct raft *raft, const struct raft_message *message) {
    uint64_t last = raft->log.last_index;
    uint64_t from = message->index < last ? message->index : last;
    uint64_t hint = raft_log_find_term(&raft->log, from, message->log_term);
    raft_reply(raft, &(struct raft_message){.type = RAFT_MESSAGE_APPEND_RESPONSE,
                                            .to = message->from,
                                            .index = message->index,
                                            .hint_index = hint,
                                            .hint_term = raft_log_term_at(&raft->log, hint),
                                            .reject = true});
}

/* How many of the entries are in the log already. */
static size_t count_known(const struct raft *raft, const struct remainder *rest) {
    size_t known = 0;
    while (known < rest->count && rest->entries[known].index <= raft->log.last_index &&
           raft_log_term_at(&raft->log, rest->entries[known].index) == rest->entries[known].term) {
        known++;
    }
    return known;
}

/* How many of the entries from `first` on fit into the bounded term runs and configurations. */
static size_t count_fitting(const struct raft *raft, const struct remainder *rest, size_t first) {
    size_t runs = raft_log_room(&raft->log);
    size_t configurations = raft_history_room(&raft->history);
    uint64_t term = raft_log_last_term(&raft->log);
    size_t fitting = first;
    for (; fitting < rest->count; fitting++) {
        const struct raft_entry *entry = &rest->entries[fitting];
        size_t run = entry->term != term ? 1 : 0;
        size_t configuration = entry->type == RAFT_ENTRY_CONFIGURATION ? 1 : 0;
        if (runs < run || configurations < configuration) {
            break;
        }
        runs -= run;
        configurations -= configuration;
        term = entry->term;
    }
    return fitting;
}

static void truncate_log(struct raft *raft, uint64_t from) {
    ASSERT(from > raft->commit_index);
    raft_log_truncate(&raft->log, from);
    raft->effects->truncate_from = from;
    if (raft_history_truncate(&raft->history, from)) {
        raft->effects->configurations_changed = true;
    }
}

static void append_one(struct raft *raft, const struct raft_entry *entry) {
    enum status status = raft_log_append(&raft->log, entry->term);
    struct raft_configuration configuration;
    if (status == STATUS_OK && entry->type == RAFT_ENTRY_CONFIGURATION &&
        raft_entry_configuration(entry, &configuration)) {
        status = raft_history_append(&raft->history, entry->index, &configuration);
        raft->effects->configurations_changed = true;
    }
    if (status != STATUS_OK) {
        raft_fail(raft, status);
    }
}

/* Returns the index of the last entry that is in the log now. */
static uint64_t store(struct raft *raft, const struct remainder *rest) {
    size_t known = count_known(raft, rest);
    if (known == rest->count) {
        return rest->previous + known;
    }
    if (rest->entries[known].index <= raft->log.last_index) {
        truncate_log(raft, rest->entries[known].index);
    }
    size_t end = count_fitting(raft, rest, known);
    for (size_t i = known; i < end && raft->failure == STATUS_OK; i++) {
        append_one(raft, &rest->entries[i]);
    }
    if (end > known) {
        raft_effects_append(raft, rest->entries + known, end - known);
    }
    return rest->previous + end;
}

void raft_on_append(struct raft *raft, const struct raft_message *message) {
    struct remainder rest = cut_committed(raft, message);
    if (rest.previous < raft->commit_index) {
        acknowledge(raft, message->from, raft->commit_index); /* all of it is old */
        return;
    }
    if (rest.previous > raft->log.last_index ||
        raft_log_term_at(&raft->log, rest.previous) != rest.previous_term) {
        refuse(raft, message);
        return;
    }
    uint64_t last = store(raft, &rest);
    if (raft->failure != STATUS_OK) {
        return;
    }
    raft_commit_to(raft, message->commit < last ? message->commit : last);
    acknowledge(raft, message->from, last);
}

void raft_on_heartbeat(struct raft *raft, const struct raft_message *message) {
    uint64_t last = raft->log.last_index;
    raft_commit_to(raft, message->commit < last ? message->commit : last);
    raft_reply(raft, &(struct raft_message){.type = RAFT_MESSAGE_HEARTBEAT_RESPONSE,
                                            .to = message->from,
                                            .context = message->context});
}
