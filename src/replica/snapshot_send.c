/*
 * Sends whole states to followers that need what is no longer in the log (Raft paper, section 7): one chunk
 * at a time, the next when the follower asks for it, the same again when it stays silent.
 */
#include "node_private.h"

enum { TRANSFER_RESEND_MS = 500, TRANSFER_TRIES_MAX = 20 };

static struct snapshot_transfer *transfer_find(struct group *group, raft_id peer) {
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        if (group->transfers[i].peer == peer) {
            return &group->transfers[i];
        }
    }
    return NULL;
}

static void transfer_finish(struct group *group, struct snapshot_transfer *transfer, bool ok) {
    struct raft_event event = {
        .type = RAFT_EVENT_SNAPSHOT_DONE, .peer = transfer->peer, .index = transfer->index, .ok = ok};
    blob_release(transfer->data);
    *transfer = (struct snapshot_transfer){0};
    (void)group_step(group, &event);
}

void transfer_finish_all(struct group *group) {
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        blob_release(group->transfers[i].data);
        group->transfers[i] = (struct snapshot_transfer){0};
    }
}

static void transfer_send_chunk(struct group *group, struct snapshot_transfer *transfer) {
    struct slice rest = slice_after(blob_slice(transfer->data), (size_t)transfer->offset);
    if (rest.size > group->node->options.snapshot_chunk_bytes) {
        rest.size = group->node->options.snapshot_chunk_bytes;
    }
    struct blob *chunk = blob_copy(rest);
    transfer->sent_ms = group->node->now_ms;
    transfer->tries++;
    if (chunk == NULL) {
        return; /* sent again by transfer_tick */
    }
    struct raft_message message = {
        .type = RAFT_MESSAGE_SNAPSHOT,
        .group = group->id,
        .from = group->node->options.self,
        .to = transfer->peer,
        .term = raft_term(group->raft),
        .index = transfer->index,
        .log_term = transfer->term,
        .configuration = transfer->configuration,
        .data = chunk,
        .data_offset = transfer->offset,
        .data_total = transfer->data->size,
    };
    transport_send(group->node->options.transport, &message);
    blob_release(chunk);
}

/*
 * The state to send. The metadata as it is now; a partition as it was at the log's start, since the follower
 * wants the records behind it too.
 */
static enum status transfer_take_state(struct group *group, struct snapshot_transfer *transfer) {
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, RAFT_SNAPSHOT_BYTES_MAX);
    if (group->machine.metadata) {
        transfer->index = machine_applied_index(&group->machine);
        transfer->term = raft_term_at(group->raft, transfer->index);
        metadata_snapshot(group->machine.metadata, &data);
    } else {
        transfer->index = group->base_index;
        transfer->term = group->base_term;
        struct entry_header next;
        enum status status = group_read_header(group, group->base_index + 1, &next);
        if (status != STATUS_OK) {
            return status;
        }
        partition_snapshot_at(group->machine.partition, group->base_index, next.base_offset,
                              next.append_time_ms, &data);
    }
    transfer->configuration = *group_configuration_for(group, transfer->index);
    if (buffer_status(&data) != STATUS_OK) {
        return buffer_status(&data);
    }
    transfer->data = blob_copy(buffer_slice(&data));
    return transfer->data ? STATUS_OK : STATUS_NO_MEMORY;
}

void transfer_start(struct group *group, raft_id peer) {
    if (transfer_find(group, peer)) {
        return;
    }
    struct snapshot_transfer *transfer = transfer_find(group, 0);
    if (transfer == NULL) {
        return;
    }
    transfer->peer = peer;
    enum status status = transfer_take_state(group, transfer);
    if (status == STATUS_NO_MEMORY) {
        transfer_finish(group, transfer, false); /* the core asks again */
        return;
    }
    if (status != STATUS_OK) {
        node_fail(group->node, group->id, status, "the state for a follower could not be read");
        return;
    }
    log_info("replica", "snapshot to follower", "group=%lu peer=%lu index=%lu bytes=%zu",
             (unsigned long)group->id, (unsigned long)peer, (unsigned long)transfer->index,
             transfer->data->size);
    transfer_send_chunk(group, transfer);
}

void transfer_response(struct group *group, const struct raft_message *message) {
    struct snapshot_transfer *transfer = transfer_find(group, message->from);
    if (message->from == 0 || transfer == NULL || message->index != transfer->index ||
        message->term != raft_term(group->raft)) {
        return;
    }
    transfer->tries = 0;
    if (message->data_offset >= transfer->data->size) {
        transfer_finish(group, transfer, true);
        return;
    }
    if (message->data_offset != transfer->offset) {
        transfer->offset = message->data_offset;
        transfer_send_chunk(group, transfer);
    }
}

void transfer_tick(struct group *group) {
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        struct snapshot_transfer *transfer = &group->transfers[i];
        if (transfer->peer == 0 || group->node->now_ms - transfer->sent_ms < TRANSFER_RESEND_MS) {
            continue;
        }
        if (transfer->tries >= TRANSFER_TRIES_MAX) {
            transfer_finish(group, transfer, false);
        } else {
            transfer_send_chunk(group, transfer);
        }
    }
}
