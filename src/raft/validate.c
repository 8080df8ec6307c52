/* What a peer may send. Whatever passes here cannot make an assertion fail, however wrong its sender is. */
#include "core.h"

#include "aviary/raft/entry.h"

bool raft_entry_configuration(const struct raft_entry *entry, struct raft_configuration *ret) {
    if (!entry->blob) {
        return false;
    }
    struct reader reader = reader_make(entry_payload(blob_slice(entry->blob)));
    return raft_configuration_decode(&reader, ret) == STATUS_OK && reader_done(&reader);
}

/* Index 0 is the empty history; every entry has a term, and none above its sender's. */
static bool position_is_valid(const struct raft_message *message) {
    return message->index <= RAFT_INDEX_MAX && (message->index == 0) == (message->log_term == 0) &&
           message->log_term <= message->term;
}

static bool entry_is_valid(const struct raft_entry *entry, uint64_t index, uint64_t term_low,
                           uint64_t term_high) {
    struct raft_configuration configuration;
    return entry->index == index && entry->term >= term_low && entry->term <= term_high && entry->term > 0 &&
           entry->type <= RAFT_ENTRY_TYPE_MAX &&
           (entry->type != RAFT_ENTRY_CONFIGURATION || raft_entry_configuration(entry, &configuration));
}

static bool append_is_valid(const struct raft_message *message) {
    if (!position_is_valid(message) || message->entry_count > RAFT_APPEND_ENTRIES_MAX) {
        return false;
    }
    uint64_t term = message->log_term;
    for (size_t i = 0; i < message->entry_count; i++) {
        if (!entry_is_valid(&message->entries[i], message->index + 1 + i, term, message->term)) {
            return false;
        }
        term = message->entries[i].term;
    }
    return true;
}

/* Whole, not a chunk: the driver puts those together. */
static bool snapshot_is_valid(const struct raft_message *message) {
    return position_is_valid(message) && message->index > 0 &&
           raft_configuration_is_valid(&message->configuration) &&
           raft_configuration_voters(&message->configuration) > 0 && message->data_offset == 0 &&
           message->data_total == (message->data ? message->data->size : 0);
}

bool raft_message_is_valid(const struct raft *raft, const struct raft_message *message) {
    if (message->from == 0 || message->from == raft->options.self || message->to != raft->options.self ||
        message->term == 0 || message->term > RAFT_TERM_MAX) {
        return false;
    }
    switch (message->type) {
    case RAFT_MESSAGE_PRE_VOTE:
    case RAFT_MESSAGE_VOTE:
        return position_is_valid(message) && message->log_term < message->term;
    case RAFT_MESSAGE_APPEND:
        return append_is_valid(message);
    case RAFT_MESSAGE_SNAPSHOT:
        return snapshot_is_valid(message);
    case RAFT_MESSAGE_APPEND_RESPONSE:
        return message->index <= RAFT_INDEX_MAX && message->hint_index <= RAFT_INDEX_MAX;
    case RAFT_MESSAGE_PRE_VOTE_RESPONSE:
    case RAFT_MESSAGE_VOTE_RESPONSE:
    case RAFT_MESSAGE_HEARTBEAT:
    case RAFT_MESSAGE_HEARTBEAT_RESPONSE:
    case RAFT_MESSAGE_TIMEOUT_NOW:
        return true;
    case RAFT_MESSAGE_SNAPSHOT_RESPONSE: /* between drivers */
        return false;
    }
    return false;
}
