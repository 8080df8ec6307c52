/*
 * Takes writes at the leader. What can be refused is refused before anything is appended.
 */
#include "node_private.h"

#include "aviary/record.h"

static void propose_answer(struct group *group, const struct node_answer *answer) {
    const struct node_observer *observer = &group->node->options.observer;
    observer->answered(observer->context, answer);
}

/* OK where this replica may append now. */
static enum status propose_admit(const struct group *group, const struct node_proposal *proposal) {
    if (raft_role(group->raft) != RAFT_LEADER) {
        return STATUS_NOT_LEADER;
    }
    if (!group_is_ready(group) || !raft_has_quorum(group->raft, group->node->now_ms)) {
        return STATUS_UNAVAILABLE;
    }
    if (waiters_count(&group->waiters) >= group->node->options.pending_max) {
        return STATUS_FULL;
    }
    bool records = proposal->type == RAFT_ENTRY_RECORDS;
    bool fits = group->machine.metadata ? proposal->type == RAFT_ENTRY_COMMAND
                                        : records || proposal->type == RAFT_ENTRY_LOG_START;
    if (!fits) {
        return STATUS_INVALID;
    }
    if (records && backlog_is_full(group->node)) {
        return STATUS_FULL;
    }
    struct storage *storage = group->node->options.storage;
    return records ? storage->operations->writable(storage) : STATUS_OK;
}

/*
 * A key that was seen before is answered from the first append, or waits for it. True where the proposal has
 * been taken care of.
 */
static bool propose_known_key(struct group *group, const struct node_proposal *proposal,
                              struct node_answer *answer) {
    if (!proposal->has_key || group->machine.partition == NULL) {
        return false;
    }
    struct partition_answer first;
    enum partition_key_state state =
        partition_find_key(group->machine.partition, &proposal->key, &proposal->payload, &first);
    if (state == PARTITION_KEY_NEW) {
        return false;
    }
    answer->duplicate = state != PARTITION_KEY_MISMATCH;
    if (state == PARTITION_KEY_MISMATCH) {
        answer->status = STATUS_EXISTS;
        propose_answer(group, answer);
        return true;
    }
    answer->index = first.index;
    answer->base_offset = first.base_offset;
    answer->count = first.count;
    answer->append_time_ms = first.append_time_ms;
    bool durable = proposal->acks == NODE_ACKS_LEADER && first.index <= group->persisted;
    if (state == PARTITION_KEY_DUPLICATE || proposal->acks == NODE_ACKS_NONE || durable) {
        answer->status = STATUS_OK;
        propose_answer(group, answer);
    } else {
        waiters_add_repeat(&group->waiters, &(struct waiter){.acks = proposal->acks, .answer = *answer});
    }
    return true;
}

/* Fills the entry's place: in the log from Raft, in the partition from its pending view. */
static enum status propose_place(struct group *group, int64_t wall_ms, const struct node_proposal *proposal,
                                 struct entry_header *ret_header) {
    struct entry_header header = {
        .type = proposal->type,
        .flags = proposal->has_key ? ENTRY_HAS_KEY : 0,
        .group = group->id,
        .index = raft_next_index(group->raft),
        .term = raft_term(group->raft),
        .count = proposal->count,
        .append_time_ms = wall_ms,
        .key = proposal->key,
        .payload = proposal->payload,
    };
    struct partition *partition = group->machine.partition;
    if (partition && proposal->type == RAFT_ENTRY_RECORDS) {
        enum status status = partition_propose(partition, &header, wall_ms);
        if (status != STATUS_OK) {
            return status;
        }
        record_batch_set_position(proposal->blob->data + ENTRY_HEADER_SIZE, header.base_offset,
                                  (int32_t)header.term);
    } else {
        enum status status =
            group_read_position(group, header.index, &header.base_offset, &header.append_time_ms);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *ret_header = header;
    return STATUS_OK;
}

static void propose_append(struct group *group, int64_t wall_ms, const struct node_proposal *proposal,
                           struct node_answer *answer) {
    struct entry_header header;
    enum status status = propose_place(group, wall_ms, proposal, &header);
    if (status != STATUS_OK) {
        answer->status = status;
        propose_answer(group, answer);
        return;
    }
    entry_seal(proposal->blob, &header);
    answer->index = header.index;
    answer->base_offset = header.base_offset;
    answer->count = header.count;
    answer->append_time_ms = header.append_time_ms;
    if (proposal->acks != NODE_ACKS_NONE) {
        waiters_add(&group->waiters, &(struct waiter){.acks = proposal->acks, .answer = *answer});
    }
    struct raft_entry entry = {
        .index = header.index, .term = header.term, .type = header.type, .blob = proposal->blob};
    struct raft_event event = {.type = RAFT_EVENT_PROPOSE, .entries = &entry, .entry_count = 1};
    status = group_step(group, &event);
    if (status == STATUS_OK) {
        backlog_proposed(group, proposal->blob);
    }
    if (status != STATUS_OK && !group->node->failed) {
        node_fail(group->node, group->id, status, "the Raft core refused what it had admitted");
    } else if (proposal->acks == NODE_ACKS_NONE) {
        answer->status = STATUS_OK;
        propose_answer(group, answer);
    }
}

void group_propose(struct group *group, int64_t wall_ms, const struct node_proposal *proposal) {
    struct node_answer answer = {
        .context = proposal->context,
        .group = group->id,
        .leader = raft_leader(group->raft),
        .term = raft_term(group->raft),
    };
    answer.status = propose_admit(group, proposal);
    if (answer.status == STATUS_OK && raft_is_transferring(group->raft)) {
        answer.status = STATUS_UNAVAILABLE;
    }
    if (answer.status == STATUS_OK) {
        answer.status = waiters_reserve(&group->waiters);
    }
    if (answer.status != STATUS_OK) {
        propose_answer(group, &answer);
        return;
    }
    if (propose_known_key(group, proposal, &answer)) {
        return;
    }
    struct partition *partition = group->machine.partition;
    if (partition && proposal->expected_offset >= 0 &&
        partition_pending_next_offset(partition) != proposal->expected_offset) {
        answer.status = STATUS_CONFLICT;
        answer.base_offset = partition_pending_next_offset(partition);
        propose_answer(group, &answer);
        return;
    }
    propose_append(group, wall_ms, proposal, &answer);
}
