/*
 * The open storage batch, shared by all groups of one flush, and the messages that wait for batches to be
 * durable.
 */
#include "node_private.h"

#include <stdlib.h>

struct storage_batch *node_batch(struct node *node) {
    if (node->batch == NULL && !node->failed) {
        node->batch =
            storage_batch_create(node->options.persisted, node->options.persisted_context, node->next_token);
        if (node->batch == NULL) {
            node_fail(node, METADATA_GROUP, STATUS_NO_MEMORY, "no memory for a storage batch");
        }
    }
    return node->batch;
}

void node_send(struct node *node, enum raft_send when, const struct raft_message *message) {
    if (node->failed) {
        return;
    }
    uint64_t token = node->batch ? node->next_token : node->next_token - 1;
    if (when == RAFT_SEND_NOW || token <= node->done_token) {
        transport_send(node->options.transport, message);
        return;
    }
    struct held_message *held = malloc(sizeof *held);
    if (held == NULL) {
        return; /* a message may be lost at any time; Raft repeats what matters */
    }
    held->token = token;
    held->message = *message;
    list_append(&node->held, &held->node);
}

/* Notes the last entry of each group that put some into the open batch. */
static enum status batch_collect_marks(struct node *node, struct batch_record *record) {
    size_t count = 0;
    for (struct list *at = node->dirty.next; at != &node->dirty; at = at->next) {
        count += LIST_ENTRY(at, struct group, dirty_node)->marked;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    record->marks = calloc(count, sizeof *record->marks);
    if (record->marks == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (struct list *at = node->dirty.next; at != &node->dirty; at = at->next) {
        struct group *group = LIST_ENTRY(at, struct group, dirty_node);
        if (!group->marked) {
            continue;
        }
        group->marked = false;
        record->marks[record->mark_count++] = (struct batch_mark){
            .group = group->id,
            .index = group->stored_last,
            .term = raft_term_at(group->raft, group->stored_last),
        };
    }
    return STATUS_OK;
}

void node_submit(struct node *node) {
    if (node->batch == NULL || node->failed) {
        return;
    }
    struct batch_record *record = calloc(1, sizeof *record);
    if (record == NULL || batch_collect_marks(node, record) != STATUS_OK) {
        free(record);
        node_fail(node, METADATA_GROUP, STATUS_NO_MEMORY, "no memory for a storage batch");
        return;
    }
    backlog_submitted(node, record);
    record->token = node->next_token++;
    list_append(&node->records, &record->node);
    node->record_count++;
    storage_submit(node->options.storage, TAKE_POINTER(node->batch));
}

static void batch_release_held(struct node *node) {
    while (!list_empty(&node->held)) {
        struct held_message *held = LIST_ENTRY(node->held.next, struct held_message, node);
        if (held->token > node->done_token) {
            return;
        }
        list_remove(&held->node);
        if (!node->failed) {
            transport_send(node->options.transport, &held->message);
        }
        free(held);
    }
}

static void batch_step_marks(struct node *node, const struct batch_record *record) {
    for (size_t i = 0; i < record->mark_count && !node->failed; i++) {
        const struct batch_mark *mark = &record->marks[i];
        struct group *group = node_find(node, mark->group);
        if (group == NULL) {
            continue;
        }
        if (raft_term_at(group->raft, mark->index) == mark->term && mark->index > group->persisted) {
            group->persisted = mark->index;
            group_answer_persisted(group);
        }
        struct raft_event event = {.type = RAFT_EVENT_PERSISTED, .index = mark->index, .term = mark->term};
        (void)group_step(group, &event);
    }
}

void node_persisted(struct node *node, uint64_t now_ms, uint64_t token, enum status status) {
    node->now_ms = now_ms;
    if (list_empty(&node->records)) {
        return; /* told after the node failed */
    }
    struct batch_record *record = LIST_ENTRY(node->records.next, struct batch_record, node);
    ASSERT(record->token == token);
    list_remove(&record->node);
    node->record_count--;
    backlog_saved(node, record);
    if (status != STATUS_OK) {
        node_fail(node, METADATA_GROUP, status, "the storage could not write");
    } else {
        node->done_token = token;
        batch_release_held(node);
        batch_step_marks(node, record);
    }
    free(record->marks);
    free(record);
}

size_t node_writes_pending(const struct node *node) {
    return node->record_count;
}
