#include "write.h"

#include "aviary/base/clock.h"

#include <inttypes.h>

#include "write_there.h"

enum { RETRY_PAUSE_MIN_MS = 10, RETRY_PAUSE_MAX_MS = 50 };

void write_key_set(struct write_key *key, struct slice text, const struct hash128 *payload) {
    ASSERT(text.size <= IDEMPOTENCY_KEY_SIZE_MAX);
    *key = (struct write_key){.present = true, .key = hash128_of(text), .payload = *payload};
    memcpy(key->text, text.data, text.size);
}

bool write_may_retry(enum status status, bool has_key) {
    switch (status) {
    case STATUS_NOT_LEADER:
    case STATUS_UNAVAILABLE:
    case STATUS_TIMEOUT:
        return true;
    case STATUS_UNKNOWN:
        return has_key;
    case STATUS_OK:
    case STATUS_INVALID:
    case STATUS_NOT_FOUND:
    case STATUS_EXISTS:
    case STATUS_CONFLICT:
    case STATUS_OUT_OF_RANGE:
    case STATUS_TOO_LARGE:
    case STATUS_CORRUPT:
    case STATUS_UNSUPPORTED:
    case STATUS_NO_MEMORY:
    case STATUS_FULL:
    case STATUS_NO_SPACE:
    case STATUS_IO:
    case STATUS_CLOSED:
        return false;
    }
    return false;
}

/* What an answer of the replica here means to the client. */
static enum status explain(struct write *write, const struct node_answer *answer) {
    struct error *error = &write->error;
    switch (answer->status) {
    case STATUS_CONFLICT:
        return error_set(error, STATUS_CONFLICT, "the partition's next offset is %" PRId64 ", not %" PRId64,
                         answer->base_offset, write->expected_offset);
    case STATUS_EXISTS:
        return error_set(
            error, STATUS_EXISTS,
            "this Idempotency-Key came before with another payload: use a new key for a new payload");
    case STATUS_UNAVAILABLE:
        return error_set(
            error, STATUS_UNAVAILABLE,
            "the partition has no majority of its replicas now: nothing was appended, try again");
    case STATUS_NOT_LEADER:
    case STATUS_NOT_FOUND: /* the replica is gone: who leads will be asked again */
        return error_set(error, STATUS_NOT_LEADER, "leadership moved: nothing was appended, try again");
    case STATUS_NO_SPACE:
        return error_set(error, STATUS_NO_SPACE,
                         "the disk of broker %u, which leads, is full: nothing was appended; free some space",
                         write->call->api->broker_id);
    case STATUS_FULL:
        return error_set(error, STATUS_FULL,
                         "too many writes are waiting: nothing was appended, try again later");
    case STATUS_OK:
    case STATUS_INVALID:
    case STATUS_OUT_OF_RANGE:
    case STATUS_TOO_LARGE:
    case STATUS_CORRUPT:
    case STATUS_UNSUPPORTED:
    case STATUS_NO_MEMORY:
    case STATUS_TIMEOUT:
    case STATUS_CLOSED:
    case STATUS_UNKNOWN: /* settle says more */
        break;
    case STATUS_IO: /* of a write that fails on disk nobody can say what is left of it */
        return error_set(error, STATUS_UNKNOWN, "the disk of broker %u failed", write->call->api->broker_id);
    }
    return error_set(error, answer->status, "the partition refused the write: %s",
                     status_name(answer->status));
}

static enum status begin_here(struct write *write) {
    struct blob *blob = entry_blob_create(write->batch);
    if (blob == NULL) {
        return error_set(&write->error, STATUS_NO_MEMORY, "no memory for the batch: nothing was appended");
    }
    struct write_key *key = write->key;
    struct broker_produce_request request = {
        .group = write->group,
        .batch = blob,
        .count = write->count,
        .has_key = key->present,
        .key = key->key,
        .payload = key->payload,
        .expected_offset = write->expected_offset,
        .acks = write->acks,
    };
    write->pending_has_key = key->present;
    enum status status = broker_produce_begin(write->call->api->broker, &request, &write->pending);
    if (status != STATUS_OK) {
        return explain(write, &(struct node_answer){.status = status});
    }
    return STATUS_OK;
}

static enum status end_here(struct write *write) {
    struct node_answer answer;
    broker_produce_end(write->call->api->broker, TAKE_POINTER(write->pending), write->call->deadline_ms,
                       &answer);
    write->term = answer.term;
    write->served_by = write->call->api->broker_id;
    if (answer.status != STATUS_OK) {
        return explain(write, &answer);
    }
    write->base_offset = answer.base_offset;
    write->timestamp_ms = answer.append_time_ms;
    write->duplicate = answer.duplicate && !write->key->minted; /* what we sent twice the client sent once */
    return STATUS_OK;
}

static enum status attempt(struct write *write) {
    struct call *call = write->call;
    struct broker_route route;
    enum status status =
        broker_find_leader(call->api->broker, write->group, call->deadline_ms, &route, &write->error);
    if (status != STATUS_OK) {
        return status;
    }
    write->term = route.term;
    if (route.here) {
        status = begin_here(write);
        return status == STATUS_OK ? end_here(write) : status;
    }
    if (call->forwarded) {
        write->leader = route.leader;
        return error_set(&write->error, STATUS_NOT_LEADER, "broker %u does not lead this partition",
                         call->api->broker_id);
    }
    return write_there(write, &route);
}

void write_begin(struct write *write) {
    struct broker_partition_position position;
    if (broker_partition_position(write->call->api->broker, write->group, &position) && position.here) {
        (void)begin_here(write); /* where it fails, write_run tries again and reports */
    }
}

static unsigned code_of(enum status status) {
    return status == STATUS_CONFLICT ? (unsigned)ERROR_EXPECTED_OFFSET : error_code_of(status);
}

bool write_says_of_all(enum status status) {
    return status == STATUS_OK || status == STATUS_EXISTS || status == STATUS_CONFLICT;
}

/* The last attempt's status as the answer; after one that did not say, only what says of that one, too. */
static void settle(struct write *write, enum status status) {
    if (write->may_be_appended && !write_says_of_all(status)) {
        const struct write_key *key = write->key;
        status = error_set(&write->error, STATUS_UNKNOWN,
                           "it may have been appended, but nobody could say so in time: %s",
                           key->present && !key->minted
                               ? "send it again with the same Idempotency-Key to learn what became of it"
                               : "without an Idempotency-Key, look for it before you send it again");
    }
    write->error_code = status == STATUS_OK ? 0 : code_of(status);
}

void write_run(struct write *write) {
    struct call *call = write->call;
    uint32_t pause_ms = RETRY_PAUSE_MIN_MS;
    enum status status;
    for (;;) {
        bool begun = write->pending != NULL;
        status = begun ? end_here(write) : attempt(write);
        bool has_key = begun ? write->pending_has_key : write->key->present;
        write->may_be_appended |= status == STATUS_UNKNOWN;
        if (!write_may_retry(status, has_key) || call->forwarded) {
            break;
        }
        broker_forget_leader(call->api->broker, write->group);
        if (!call_pause(call, pause_ms)) {
            break;
        }
        pause_ms = pause_ms < RETRY_PAUSE_MAX_MS / 2 ? pause_ms * 2 : RETRY_PAUSE_MAX_MS;
    }
    settle(write, status);
}
