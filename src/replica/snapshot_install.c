/*
 * Takes a whole state from the leader: gathers its chunks, checks that it can be restored before the core is
 * asked, and installs it in place of log and state in one batch. Term and vote stay as they are.
 */
#include "format.h"
#include "node_private.h"

static void arrival_reset(struct group *group) {
    buffer_finish(&group->arrival.data);
    group->arrival = (struct snapshot_arrival){0};
}

void arrival_finish(struct group *group) {
    arrival_reset(group);
}

static bool arrival_is_of(const struct snapshot_arrival *arrival, const struct raft_message *message) {
    return arrival->from == message->from && arrival->term == message->term &&
           arrival->index == message->index && arrival->log_term == message->log_term &&
           arrival->total == message->data_total;
}

/* Asks for what comes next; the total: everything is here. */
static void arrival_respond(struct group *group, const struct raft_message *message, uint64_t next) {
    struct raft_message response = {
        .type = RAFT_MESSAGE_SNAPSHOT_RESPONSE,
        .group = group->id,
        .from = group->node->options.self,
        .to = message->from,
        .term = message->term,
        .index = message->index,
        .data_offset = next,
    };
    transport_send(group->node->options.transport, &response);
}

/* Restores the arrived state into a machine beside the living one, which the caller finishes. */
static enum status arrival_restore(const struct group *group, struct machine *ret_machine) {
    const struct node_options *options = &group->node->options;
    if (group->machine.metadata) {
        /* Restoring replaces it, voters and all; there just is no metadata without one. */
        struct metadata_first_voter nobody = {.broker_id = 1};
        ret_machine->metadata = metadata_create(&options->cluster_id, &nobody, 1);
    } else {
        ret_machine->partition = partition_create(options->idempotency_keys_max);
    }
    if (ret_machine->metadata == NULL && ret_machine->partition == NULL) {
        return STATUS_NO_MEMORY;
    }
    return machine_restore(ret_machine, buffer_slice(&group->arrival.data));
}

/* Steps the core, which decides whether the state is newer than its own. */
static void arrival_complete(struct group *group, const struct raft_message *message) {
    struct machine machine = {0};
    if (arrival_restore(group, &machine) != STATUS_OK) {
        log_error("replica", "snapshot refused", "group=%lu from=%lu index=%lu", (unsigned long)group->id,
                  (unsigned long)message->from, (unsigned long)message->index);
        machine_finish(&machine);
        arrival_reset(group);
        return;
    }
    struct raft_message whole = *message;
    whole.data = NULL; /* the core has no use for it */
    whole.data_offset = 0;
    whole.data_total = 0;
    struct raft_event event = {.type = RAFT_EVENT_MESSAGE, .message = &whole};
    group->arriving = &machine;
    (void)group_step(group, &event);
    group->arriving = NULL;
    machine_finish(&machine);
    arrival_reset(group);
}

void arrival_receive(struct group *group, const struct raft_message *message) {
    struct snapshot_arrival *arrival = &group->arrival;
    struct slice chunk = blob_slice(message->data);
    if (message->term < raft_term(group->raft) || message->data_total > RAFT_SNAPSHOT_BYTES_MAX ||
        message->data_total == 0 || message->configuration.count == 0) {
        return;
    }
    if (!arrival_is_of(arrival, message)) {
        arrival_reset(group);
        *arrival = (struct snapshot_arrival){
            .from = message->from,
            .term = message->term,
            .index = message->index,
            .log_term = message->log_term,
            .total = message->data_total,
        };
        buffer_init(&arrival->data, (size_t)message->data_total);
    }
    if (message->data_offset == arrival->data.size) {
        buffer_append_slice(&arrival->data, chunk);
        if (buffer_status(&arrival->data) != STATUS_OK) {
            arrival_reset(group);
            return;
        }
    }
    arrival_respond(group, message, arrival->data.size);
    if (arrival->data.size == arrival->total) {
        arrival_complete(group, message);
    }
}

static void arrival_store(struct group *group, const struct raft_message *message) {
    struct storage_batch *batch = node_batch(group->node);
    if (batch == NULL) {
        return;
    }
    if (group->stored_last > group->base_index) {
        storage_batch_remove_entries(batch, group->id, group->base_index + 1, group->stored_last);
    }
    group->base_index = message->index;
    group->base_term = message->log_term;
    group->stored_last = message->index;
    group->persisted = message->index;
    group_store_hard(group);
    group_store_configurations(group);
}

void arrival_install(struct group *group, const struct raft_message *message) {
    struct node *node = group->node;
    const struct node_observer *observer = &node->options.observer;
    ASSERT(group->arriving != NULL);
    bool is_metadata = group->machine.metadata != NULL;
    if (is_metadata) {
        observer->metadata_changing(observer->context);
    }
    machine_finish(&group->machine);
    group->machine = *group->arriving;
    *group->arriving = (struct machine){0};
    tail_clear(&group->tail);
    arrival_store(group, message);
    checkpoint_save(group);
    if (is_metadata) {
        observer->metadata_changed(observer->context, NULL);
        node->assignments_changed = true;
    } else {
        observer->opened(observer->context, group->id);
    }
    group->status_dirty = true;
    log_info("replica", "snapshot installed", "group=%lu index=%lu from=%lu", (unsigned long)group->id,
             (unsigned long)message->index, (unsigned long)message->from);
}
