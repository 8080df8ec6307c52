#include "clients.h"

#include "operations.h"
#include "simulation.h"

enum {
    TIMEOUT_US = 1000000,
    LATENCY_US = 3000,
    TRIES_MAX = 30,
    RECORDS_MAX = 5,
    BURST_MAX = 8,
    ANSWER_LOST_PERCENT = 2,
    NO_CLIENT = PRODUCERS_MAX,
};

static void producer_turn(struct simulation *simulation, const struct event *event);

static void producer_think(struct simulation *simulation, struct producer *producer) {
    uint64_t wait_us = prng_below(&simulation->prng, 2000 * simulation->profile.think_ms);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us + wait_us,
                                                         .run = producer_turn,
                                                         .subject = producer});
}

static void propose(struct simulation *simulation, uint64_t number) {
    const struct attempt *attempt = attempt_at(simulation, number);
    const struct operation *operation = operation_at(simulation, attempt->operation);
    struct node_proposal proposal = {
        .group = operation->group,
        .type = RAFT_ENTRY_RECORDS,
        .blob = operation_blob(operation),
        .count = operation->count,
        .has_key = operation->key != 0,
        .payload = operation_payload_hash(operation),
        .expected_offset = operation->expected_offset,
        .acks = operation->acks,
        .context = number,
    };
    bytes_put_u64le(proposal.key.bytes, operation->key);
    attempt_take(simulation, number, &proposal);
}

static void request_arrives(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    if (!broker_is_up(broker)) {
        attempt_refuse(simulation, event->number);
    } else if (!broker_postpone(broker, event)) {
        propose(simulation, event->number);
    }
}

static uint64_t attempt_of(struct simulation *simulation, struct operation *operation, uint32_t client,
                           size_t broker) {
    operation->attempts++;
    return attempt_create(simulation, &(struct attempt){.kind = ATTEMPT_RECORDS,
                                                        .operation = operation->number,
                                                        .client = client,
                                                        .broker = &simulation->brokers[broker]});
}

static uint64_t send_request(struct simulation *simulation, uint64_t operation, uint32_t client,
                             size_t broker) {
    uint64_t attempt = attempt_of(simulation, operation_at(simulation, operation), client, broker);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us +
                                                                  prng_below(&simulation->prng, LATENCY_US),
                                                         .run = request_arrives,
                                                         .subject = &simulation->brokers[broker],
                                                         .number = attempt});
    return attempt;
}

static void producer_timeout(struct simulation *simulation, const struct event *event);

static void producer_send(struct simulation *simulation, struct producer *producer) {
    if (prng_chance(&simulation->prng, 1, 5)) {
        producer->broker = prng_below(&simulation->prng, simulation->profile.brokers);
    }
    producer->tries++;
    producer->attempt = send_request(simulation, producer->operation, producer->number, producer->broker);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us + TIMEOUT_US,
                                                         .run = producer_timeout,
                                                         .subject = producer,
                                                         .number = producer->attempt});
}

static void producer_done(struct simulation *simulation, struct producer *producer) {
    producer->operation = 0;
    producer->attempt = 0;
    producer_think(simulation, producer);
}

/* Not stored, or not known to be: again, where that cannot store it twice. */
static void producer_retry(struct simulation *simulation, struct producer *producer, bool refused) {
    const struct operation *operation = operation_at(simulation, producer->operation);
    bool doomed = history_group(simulation, operation->group)->doomed;
    producer->attempt = 0;
    if (doomed || producer->tries >= TRIES_MAX || (!refused && operation->key == 0)) {
        producer_done(simulation, producer);
    } else {
        producer_think(simulation, producer);
    }
}

static void producer_timeout(struct simulation *simulation, const struct event *event) {
    struct producer *producer = event->subject;
    if (producer->attempt == event->number) {
        producer->broker = prng_below(&simulation->prng, simulation->profile.brokers);
        producer_retry(simulation, producer, false);
    }
}

static struct operation draw_operation(struct simulation *simulation, uint64_t group) {
    struct prng *prng = &simulation->prng;
    uint64_t acks = prng_below(prng, 10);
    struct operation operation = {
        .group = group,
        .count = (uint32_t)prng_between(prng, 1, RECORDS_MAX),
        .payload_size = prng_between(prng, 8, simulation->profile.payload_max),
        .acks = acks == 0   ? NODE_ACKS_NONE
                : acks == 1 ? NODE_ACKS_LEADER
                            : NODE_ACKS_ALL,
        .expected_offset = -1,
    };
    if (prng_chance(prng, 1, 10)) {
        operation.expected_offset = history_group(simulation, group)->next_offset;
    }
    return operation;
}

/* Now and then a key is used again, with other records. */
static void draw_key(struct simulation *simulation, struct producer *producer, struct operation *operation) {
    struct prng *prng = &simulation->prng;
    bool again = producer->last_keyed != 0 && prng_chance(prng, 1, 20) &&
                 operation_at(simulation, producer->last_keyed)->group == operation->group;
    if (again) {
        operation->key = operation_at(simulation, producer->last_keyed)->key;
        operation_at(simulation, operation->key)->key_shared = true;
    } else if (prng_chance(prng, simulation->profile.key_percent, 100)) {
        operation->key = operation->number;
    }
}

/* Several at once, whose answers nobody waits for. */
static void burst(struct simulation *simulation, const struct producer *producer, uint64_t group) {
    uint64_t count = prng_between(&simulation->prng, 1, BURST_MAX);
    for (uint64_t i = 0; i < count; i++) {
        struct operation drawn = draw_operation(simulation, group);
        uint64_t number = operation_create(simulation, &drawn)->number;
        send_request(simulation, number, NO_CLIENT, producer->broker);
    }
}

static void producer_turn(struct simulation *simulation, const struct event *event) {
    struct producer *producer = event->subject;
    if (simulation->recovery.begun) {
        return;
    }
    if (producer->operation != 0) {
        producer_send(simulation, producer);
        return;
    }
    uint64_t group = simulation_pick_partition(simulation);
    if (group == METADATA_GROUP) {
        producer_think(simulation, producer);
        return;
    }
    if (prng_chance(&simulation->prng, 1, 10)) {
        burst(simulation, producer, group);
    }
    struct operation drawn = draw_operation(simulation, group);
    struct operation *operation = operation_create(simulation, &drawn);
    draw_key(simulation, producer, operation);
    producer->operation = operation->number;
    producer->tries = 0;
    producer_send(simulation, producer);
}

static void producer_answer(struct simulation *simulation, struct producer *producer,
                            const struct attempt *attempt) {
    enum status status = attempt->answer.status;
    struct operation *operation = operation_at(simulation, producer->operation);
    const struct broker *leader = simulation_broker_of(simulation, attempt->answer.leader);
    if (status == STATUS_OK) {
        if (operation->key == operation->number) {
            producer->last_keyed = operation->number;
        }
        producer_done(simulation, producer);
        return;
    }
    producer->broker = leader ? leader->position : prng_below(&simulation->prng, simulation->profile.brokers);
    if (status == STATUS_CONFLICT || status == STATUS_EXISTS) {
        producer_done(simulation, producer);
        return;
    }
    producer_retry(simulation, producer, status_is_refusal(status));
}

static void answer_arrives(struct simulation *simulation, const struct event *event) {
    struct attempt attempt = *attempt_at(simulation, event->number);
    if (attempt.answer.status == STATUS_OK) {
        operation_acknowledged(simulation, &attempt);
    }
    if (attempt.client < simulation->profile.producers) {
        struct producer *producer = &simulation->clients.producers[attempt.client];
        if (producer->attempt == event->number) {
            producer_answer(simulation, producer, &attempt);
        }
    }
}

void clients_answer_later(struct simulation *simulation, uint64_t number) {
    struct prng *prng = &simulation->prng;
    if (attempt_at(simulation, number)->kind != ATTEMPT_RECORDS) {
        admin_answer_later(simulation, number);
        return;
    }
    uint64_t wait_us = prng_below(prng, LATENCY_US);
    if (!prng_chance(prng, ANSWER_LOST_PERCENT, 100)) {
        scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us + wait_us,
                                                             .run = answer_arrives,
                                                             .number = number});
    }
}

uint64_t clients_probe(struct simulation *simulation, size_t broker, uint64_t group) {
    struct operation drawn = {.group = group, .count = 1, .payload_size = 8, .expected_offset = -1};
    drawn.acks = NODE_ACKS_ALL;
    struct operation *operation = operation_create(simulation, &drawn);
    uint64_t number = operation->number;
    propose(simulation, attempt_of(simulation, operation, NO_CLIENT, broker));
    return number;
}

/* What a replica shows is what was committed. */
static void peek(struct simulation *simulation, struct broker *broker, uint64_t group_id) {
    struct node_status status;
    if (!node_status(broker->node, group_id, &status)) {
        return;
    }
    reading_saw(simulation, &status);
    if (status.applied_index >= status.first_index) {
        uint64_t index = prng_between(&simulation->prng, status.first_index, status.applied_index);
        if (!simulation_check_stored(simulation, broker, group_id, index)) {
            count(simulation, STATISTIC_DAMAGE_READ);
        }
    }
}

static void reader_turn(struct simulation *simulation, const struct event *event) {
    if (simulation->recovery.begun) {
        return;
    }
    struct prng *prng = &simulation->prng;
    struct broker *broker = &simulation->brokers[prng_below(prng, simulation->profile.brokers)];
    if (broker_is_up(broker) && !broker_is_paused(broker)) {
        uint64_t group = node_group_at(broker->node, prng_below(prng, node_group_count(broker->node)));
        if (prng_chance(prng, 1, 2)) {
            reading_start(simulation, broker, group);
        } else {
            peek(simulation, broker, group);
        }
    }
    struct event next = *event;
    next.at_us = simulation->scheduler.now_us + prng_below(prng, 1000 * simulation->profile.think_ms);
    scheduler_add(&simulation->scheduler, next);
}

void clients_start(struct simulation *simulation) {
    for (uint32_t i = 0; i < simulation->profile.producers; i++) {
        simulation->clients.producers[i] = (struct producer){.number = i};
        producer_think(simulation, &simulation->clients.producers[i]);
    }
    for (size_t i = 0; i < simulation->profile.readers; i++) {
        scheduler_add(&simulation->scheduler,
                      (struct event){.at_us = simulation->scheduler.now_us, .run = reader_turn});
    }
}
