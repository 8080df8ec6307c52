/*
 * How much is on its way: entries that stay in memory until a disk or a majority has them.
 */
#include "node_private.h"

size_t node_backlog_bytes(const struct node *node) {
    size_t unsaved = node->backlog.unsaved, unapplied = node->backlog.unapplied;
    return unsaved > unapplied ? unsaved : unapplied;
}

bool backlog_is_unsaved(const struct node *node) {
    return node->backlog.unsaved >= node->options.backlog_bytes_max;
}

bool backlog_is_full(const struct node *node) {
    return node_backlog_bytes(node) >= node->options.backlog_bytes_max;
}

void backlog_appended(struct node *node, const struct blob *entry) {
    node->backlog.open += entry->size;
    node->backlog.unsaved += entry->size;
}

void backlog_submitted(struct node *node, struct batch_record *record) {
    record->entry_bytes = node->backlog.open;
    node->backlog.open = 0;
}

void backlog_saved(struct node *node, const struct batch_record *record) {
    ASSERT(node->backlog.unsaved >= record->entry_bytes);
    node->backlog.unsaved -= record->entry_bytes;
}

void backlog_proposed(struct group *group, const struct blob *entry) {
    group->unapplied_bytes += entry->size;
    group->node->backlog.unapplied += entry->size;
}

/* Of its own term a leader has proposed all but what its core appends by itself. */
static bool is_own_proposal(const struct group *group, const struct entry_header *header) {
    return raft_role(group->raft) == RAFT_LEADER && header->term == raft_term(group->raft) &&
           header->type != RAFT_ENTRY_NOOP && header->type != RAFT_ENTRY_CONFIGURATION;
}

void backlog_applied(struct group *group, const struct entry_header *header, const struct blob *entry) {
    if (is_own_proposal(group, header)) {
        ASSERT(group->unapplied_bytes >= entry->size);
        group->unapplied_bytes -= entry->size;
        group->node->backlog.unapplied -= entry->size;
    }
}

void backlog_forget(struct group *group) {
    ASSERT(group->node->backlog.unapplied >= group->unapplied_bytes);
    group->node->backlog.unapplied -= group->unapplied_bytes;
    group->unapplied_bytes = 0;
}
