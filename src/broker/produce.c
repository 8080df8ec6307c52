/*
 * Writes: handed to the shard, which answers once they are as safe as asked for.
 */
#include "broker_private.h"

#include <stdlib.h>

const uint32_t broker_commit_bounds_us[16] = {100,  200,  300,  400,   500,   600,    800,     1000,
                                              1500, 2500, 5000, 10000, 25000, 100000, 1000000, UINT32_MAX};

/* Takes `proposal->blob` over, on failure too. */
static enum status propose_begin(struct broker *broker, const struct node_proposal *proposal,
                                 struct broker_pending **ret_pending) {
    struct mail *mail = mail_create(MAIL_PROPOSAL);
    struct broker_pending *pending = pending_create();
    enum status status = mail && pending ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        mail->proposal = *proposal;
        mail->proposal.context = (uint64_t)(uintptr_t)pending;
        pending->counted = proposal->type == RAFT_ENTRY_RECORDS && proposal->acks == NODE_ACKS_ALL;
        status = mailbox_add(&broker->shard.mailbox, mail); /* broker_produce_end drives */
    }
    if (status == STATUS_OK) {
        *ret_pending = pending;
        return STATUS_OK;
    }
    blob_release(proposal->blob);
    free(mail);
    pending_release(pending);
    pending_release(pending);
    return status == STATUS_CLOSED ? STATUS_UNAVAILABLE : status;
}

enum status broker_produce_begin(struct broker *broker, const struct broker_produce_request *request,
                                 struct broker_pending **ret_pending) {
    if (!broker_is_running(broker)) {
        blob_release(request->batch);
        return STATUS_UNAVAILABLE;
    }
    atomic_fetch_add_explicit(&broker->counters.produce_batches, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&broker->counters.produce_records, request->count, memory_order_relaxed);
    atomic_fetch_add_explicit(&broker->counters.produce_bytes, request->batch->size, memory_order_relaxed);
    struct node_proposal proposal = {
        .group = request->group,
        .type = RAFT_ENTRY_RECORDS,
        .blob = request->batch,
        .count = request->count,
        .has_key = request->has_key,
        .key = request->key,
        .payload = request->payload,
        .expected_offset = request->expected_offset,
        .acks = request->acks,
    };
    return propose_begin(broker, &proposal, ret_pending);
}

static void produce_count_latency(struct broker *broker, uint64_t us) {
    size_t bucket = 0;
    while (us > broker_commit_bounds_us[bucket] && bucket < 15) {
        bucket++;
    }
    atomic_fetch_add_explicit(&broker->counters.commit_buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&broker->counters.commit_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&broker->counters.commit_us, us, memory_order_relaxed);
}

void broker_produce_end(struct broker *broker, struct broker_pending *pending, uint64_t deadline_ms,
                        struct node_answer *ret_answer) {
    shard_drive_write(&broker->shard);
    if (pending_wait(pending, deadline_ms)) {
        *ret_answer = pending->answer;
        if (ret_answer->status == STATUS_OK && pending->counted) {
            produce_count_latency(broker, clock_monotonic_us() - pending->begun_us);
        }
    } else {
        *ret_answer = (struct node_answer){.status = STATUS_UNKNOWN};
    }
    pending_release(pending);
}

enum status metadata_execute(struct broker *broker, const struct metadata_command *command,
                             uint64_t deadline_ms, struct metadata_result *ret_result, struct error *error) {
    enum status status = broker_check_running(broker, error);
    if (status != STATUS_OK) {
        return status;
    }
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, RECORD_BATCH_BYTES_MAX);
    metadata_command_encode(command, &bytes);
    struct blob *blob = buffer_status(&bytes) == STATUS_OK ? entry_blob_create(buffer_slice(&bytes)) : NULL;
    if (blob == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a metadata command");
    }
    struct node_proposal proposal = {
        .group = METADATA_GROUP,
        .type = RAFT_ENTRY_COMMAND,
        .blob = blob,
        .expected_offset = -1,
        .acks = NODE_ACKS_ALL,
    };
    struct broker_pending *pending;
    status = propose_begin(broker, &proposal, &pending);
    if (status != STATUS_OK) {
        return error_set(error, status, "the metadata group cannot take changes now (%s): try again",
                         status_name(status));
    }
    struct node_answer answer;
    broker_produce_end(broker, pending, deadline_ms, &answer);
    if (answer.status == STATUS_OK) {
        *ret_result = answer.result;
        return STATUS_OK;
    }
    return error_set(
        error, answer.status,
        answer.status == STATUS_UNKNOWN
            ? "the metadata group did not confirm in time: look whether it happened, then try again"
            : "the metadata group cannot take changes now: try again, or look at /v1/cluster");
}
