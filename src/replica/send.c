/*
 * Pulls entries for followers: as many as the Raft core allows, from the tail or from storage.
 */
#include "node_private.h"

/*
 * Gathers up to `count_max` entries from `first` on, up to RAFT_APPEND_BYTES_MAX (but one entry at least).
 * From the tail they are borrowed; `ret_read` owns what came from storage.
 */
static size_t send_gather(struct group *group, uint64_t first, uint64_t count_max, struct raft_entry *entries,
                          struct storage_entries *ret_read) {
    size_t count = 0;
    size_t bytes = 0;
    while (count < count_max) {
        const struct raft_entry *entry = tail_find(&group->tail, first + count);
        if (entry == NULL || (count > 0 && bytes + entry->blob->size > RAFT_APPEND_BYTES_MAX)) {
            break;
        }
        bytes += entry->blob->size;
        entries[count++] = *entry;
    }
    if (count > 0 || count_max == 0) {
        return count;
    }
    uint64_t last = first + count_max - 1;
    if (last >= tail_first(&group->tail)) {
        last = tail_first(&group->tail) - 1;
    }
    struct storage *storage = group->node->options.storage;
    enum status status =
        storage->operations->read_entries(storage, group->id, first, last, RAFT_APPEND_BYTES_MAX, ret_read);
    if (status != STATUS_OK) {
        node_fail(group->node, group->id, status, "an entry of the log could not be read");
        return 0;
    }
    for (; count < ret_read->count && count < count_max; count++) {
        entries[count] = ret_read->entries[count];
    }
    return count;
}

static void send_append(struct group *group, struct raft_message *message, uint64_t count_max) {
    struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX];
    struct storage_entries read = {0};
    if (count_max > RAFT_APPEND_ENTRIES_MAX) {
        count_max = RAFT_APPEND_ENTRIES_MAX;
    }
    message->entry_count = send_gather(group, message->index + 1, count_max, entries, &read);
    message->entries = entries;
    if (!group->node->failed) {
        raft_append_sent(group->raft, message->to, message->entry_count, raft_message_bytes(message));
        transport_send(group->node->options.transport, message);
    }
    storage_entries_finish(&read);
}

void group_send_appends(struct group *group) {
    if (raft_role(group->raft) != RAFT_LEADER) {
        return;
    }
    const struct raft_configuration *configuration = raft_latest_configuration(group->raft);
    for (uint32_t i = 0; i < configuration->count; i++) {
        raft_id peer = configuration->members[i].id;
        struct raft_message message;
        uint64_t count_max;
        while (!group->node->failed && peer != group->node->options.self &&
               raft_next_append(group->raft, peer, &message, &count_max)) {
            message.group = group->id;
            if (message.type == RAFT_MESSAGE_SNAPSHOT) {
                transfer_start(group, peer);
                break;
            }
            send_append(group, &message, count_max);
        }
    }
}
