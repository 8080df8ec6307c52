#include "operations.h"

#include "aviary/record.h"
#include "clients.h"
#include "simulation.h"

#include <stdlib.h>

void operations_finish(struct operations *operations) {
    free(operations->operations);
    free(operations->attempts);
    *operations = (struct operations){0};
}

/* Room for one more. */
static void *grown(void *array, size_t *capacity, size_t count, size_t element_size) {
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity * 2 + 64;
    void *memory = realloc(array, *capacity * element_size);
    ASSERT(memory != NULL);
    return memory;
}

struct operation *operation_at(struct simulation *simulation, uint64_t number) {
    ASSERT(number > 0 && number <= simulation->operations.count);
    return &simulation->operations.operations[number - 1];
}

struct attempt *attempt_at(struct simulation *simulation, uint64_t number) {
    ASSERT(number > 0 && number <= simulation->operations.attempt_count);
    return &simulation->operations.attempts[number - 1];
}

struct operation *operation_create(struct simulation *simulation, const struct operation *template) {
    struct operations *operations = &simulation->operations;
    operations->operations =
        grown(operations->operations, &operations->capacity, operations->count, sizeof(struct operation));
    struct operation *operation = &operations->operations[operations->count++];
    *operation = *template;
    operation->number = operations->count;
    return operation;
}

uint64_t attempt_create(struct simulation *simulation, const struct attempt *template) {
    struct operations *operations = &simulation->operations;
    operations->attempts = grown(operations->attempts, &operations->attempt_capacity,
                                 operations->attempt_count, sizeof(struct attempt));
    operations->attempts[operations->attempt_count++] = *template;
    return operations->attempt_count;
}

/* What stands at `at` of an operation's payload: its number, then bytes that follow from it. */
static uint8_t payload_byte(uint64_t number, size_t at) {
    uint64_t bits = at < 8 ? number >> (8 * at) : (number * 167 + at * 13) >> 3;
    return (uint8_t)bits;
}

struct blob *operation_blob(const struct operation *operation) {
    _cleanup_buffer_ struct buffer payload;
    buffer_init(&payload, RECORD_BATCH_HEADER_SIZE + operation->payload_size);
    uint8_t *bytes = buffer_extend(&payload, RECORD_BATCH_HEADER_SIZE + operation->payload_size);
    ASSERT(bytes != NULL);
    memset(bytes, 0, RECORD_BATCH_HEADER_SIZE);
    for (size_t i = 0; i < operation->payload_size; i++) {
        bytes[RECORD_BATCH_HEADER_SIZE + i] = payload_byte(operation->number, i);
    }
    struct blob *blob = entry_blob_create(buffer_slice(&payload));
    ASSERT(blob != NULL);
    return blob;
}

struct hash128 operation_payload_hash(const struct operation *operation) {
    uint8_t number[8];
    bytes_put_u64le(number, operation->number);
    return hash128_of(slice_make(number, sizeof number));
}

uint64_t operation_of_entry(struct simulation *simulation, uint64_t group, const struct blob *blob,
                            const struct entry_header *header) {
    if (header->type != RAFT_ENTRY_RECORDS) {
        return 0;
    }
    struct slice batch = entry_payload(blob_slice(blob));
    struct slice payload = slice_after(batch, RECORD_BATCH_HEADER_SIZE);
    uint64_t number = payload.size < 8 ? 0 : bytes_get_u64le(payload.data);
    if (number == 0 || number > simulation->operations.count) {
        violation(simulation, "group %lu index %lu holds records that nobody sent", group, header->index);
    }
    const struct operation *operation = operation_at(simulation, number);
    bool same = payload.size == operation->payload_size && header->count == operation->count &&
                operation->group == group && (int64_t)bytes_get_u64be(batch.data) == header->base_offset;
    for (size_t i = 0; same && i < payload.size; i++) {
        same = payload.data[i] == payload_byte(number, i);
    }
    if (!same) {
        violation(simulation, "group %lu index %lu: the records of operation %lu are altered", group,
                  header->index, number);
    }
    return number;
}

/* The table remembers so many keys; beyond, a repeat may be taken for new. */
static bool is_forgotten(const struct simulation *simulation, const struct group_history *group,
                         const struct operation *owner) {
    return group->keyed_count - owner->key_position >= simulation->profile.keys_max;
}

static void check_key(struct simulation *simulation, struct group_history *group,
                      const struct operation *operation) {
    struct operation *owner = operation_at(simulation, operation->key);
    if (owner->key_committed && !is_forgotten(simulation, group, owner)) {
        violation(simulation, "doubled: operation %lu is in group %lu again, under the key of operation %lu",
                  operation->number, group->id, owner->number);
    }
    group->keyed_count++;
    owner->key_committed = true;
    owner->key_position = group->keyed_count;
}

static void check_not_refused(const struct simulation *simulation, const struct operation *operation) {
    if (operation->committed && operation->refusals == operation->attempts) {
        violation(simulation,
                  "operation %lu is stored in group %lu at offset %ld, and every attempt was "
                  "told that it is not",
                  operation->number, operation->group, operation->base_offset);
    }
}

void operation_committed(struct simulation *simulation, struct group_history *group,
                         const struct history_entry *entry) {
    struct operation *operation = operation_at(simulation, entry->operation);
    count(simulation, STATISTIC_COMMITTED);
    if (operation->key != 0) {
        check_key(simulation, group, operation);
    } else if (operation->committed) {
        violation(simulation, "doubled: operation %lu is in group %lu at offsets %ld and %ld",
                  operation->number, group->id, operation->base_offset, entry->base_offset);
    } else {
        count(simulation, STATISTIC_KEYLESS);
    }
    if (operation->expected_offset >= 0 && operation->expected_offset != entry->base_offset) {
        violation(simulation, "operation %lu wanted offset %ld of group %lu and got %ld", operation->number,
                  operation->expected_offset, group->id, entry->base_offset);
    }
    operation->committed = true;
    operation->index = entry->index;
    operation->base_offset = entry->base_offset;
    check_not_refused(simulation, operation);
}

bool status_is_refusal(enum status status) {
    return status != STATUS_OK && status != STATUS_UNKNOWN;
}

/* Only another payload makes a key one that exists. */
static void check_conflict(struct simulation *simulation, const struct operation *operation) {
    if (operation->key == 0 || !operation_at(simulation, operation->key)->key_shared) {
        violation(simulation, "operation %lu is refused for its key, which nobody else used",
                  operation->number);
    }
    count(simulation, STATISTIC_KEY_CONFLICTS);
}

static void records_end(struct simulation *simulation, const struct attempt *attempt) {
    const struct node_answer *answer = &attempt->answer;
    struct operation *operation = operation_at(simulation, attempt->operation);
    if (status_is_refusal(answer->status)) {
        operation->refusals++;
        check_not_refused(simulation, operation);
    }
    if (answer->status == STATUS_EXISTS) {
        check_conflict(simulation, operation);
    } else if (answer->status == STATUS_CONFLICT) {
        count(simulation, STATISTIC_OFFSET_CONFLICTS);
    } else if (answer->status == STATUS_OK && answer->duplicate) {
        count(simulation, STATISTIC_DUPLICATES);
    }
}

static void attempt_end(struct simulation *simulation, uint64_t number, const struct node_answer *answer) {
    struct attempt *attempt = attempt_at(simulation, number);
    attempt->state = ATTEMPT_ENDED;
    attempt->answer = *answer;
    if (attempt->kind == ATTEMPT_RECORDS) {
        records_end(simulation, attempt);
    } else if (attempt->kind == ATTEMPT_LOG_START && answer->status == STATUS_OK) {
        count(simulation, STATISTIC_LOG_STARTS);
    }
    trace_event(simulation, status_name(answer->status), attempt->client, answer->group, attempt->operation,
                answer->index);
    clients_answer_later(simulation, number);
}

void attempt_refuse(struct simulation *simulation, uint64_t number) {
    attempt_end(simulation, number, &(struct node_answer){.context = number, .status = STATUS_UNAVAILABLE});
}

void attempt_take(struct simulation *simulation, uint64_t number, const struct node_proposal *proposal) {
    struct attempt *attempt = attempt_at(simulation, number);
    struct broker *broker = attempt->broker;
    attempt->state = ATTEMPT_TAKEN;
    attempt->life = broker->life;
    node_propose(broker->node, broker_now_ms(broker), broker_wall_ms(broker), proposal);
    broker_wants_flush(broker);
}

void operation_answered(struct broker *broker, const struct node_answer *answer) {
    struct simulation *simulation = broker->simulation;
    struct attempt *attempt = attempt_at(simulation, answer->context);
    if (attempt->broker != broker || attempt->life != broker->life) {
        return; /* a dying node's */
    }
    if (attempt->state != ATTEMPT_TAKEN) {
        violation(simulation, "broker %u answers attempt %lu twice", broker->id, answer->context);
    }
    attempt_end(simulation, answer->context, answer);
}

void operation_acknowledged(struct simulation *simulation, const struct attempt *attempt) {
    const struct node_answer *answer = &attempt->answer;
    const struct operation *operation = operation_at(simulation, attempt->operation);
    if (operation->acks != NODE_ACKS_ALL) {
        return;
    }
    struct group_history *group = history_group(simulation, answer->group);
    const struct history_entry *entry = answer->index > 0 && answer->index <= group->commit_count
                                            ? history_committed(group, answer->index)
                                            : NULL;
    if (entry == NULL || entry->operation != operation->number || entry->base_offset != answer->base_offset ||
        entry->count != answer->count || entry->append_time_ms != answer->append_time_ms) {
        violation(
            simulation,
            "lost: operation %lu was acknowledged at index %lu, offset %ld of group %lu, and is not there",
            operation->number, answer->index, answer->base_offset, answer->group);
    }
    count(simulation, STATISTIC_ACKNOWLEDGED);
    if (group->acked_index < answer->index) {
        group->acked_index = answer->index;
    }
    int64_t behind = answer->base_offset + answer->count;
    if (group->seen_offset < behind) {
        group->seen_offset = behind;
    }
}

void operations_check_answered(struct simulation *simulation) {
    const struct operations *operations = &simulation->operations;
    for (size_t i = 0; i < operations->attempt_count; i++) {
        const struct attempt *attempt = &operations->attempts[i];
        if (attempt->state == ATTEMPT_TAKEN && attempt->life == attempt->broker->life) {
            violation(simulation, "broker %u never answered attempt %zu", attempt->broker->id, i + 1);
        }
    }
}
