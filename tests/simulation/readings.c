#include "readings.h"

#include "simulation.h"

#include <stdlib.h>

void readings_finish(struct readings *readings) {
    free(readings->readings);
    *readings = (struct readings){0};
}

static struct reading *reading_at(struct simulation *simulation, uint64_t number) {
    ASSERT(number > 0 && number <= simulation->readings.count);
    return &simulation->readings.readings[number - 1];
}

/* Its number. */
static uint64_t reading_create(struct simulation *simulation, const struct reading *template) {
    struct readings *readings = &simulation->readings;
    if (readings->count == readings->capacity) {
        readings->capacity = readings->capacity * 2 + 64;
        readings->readings = realloc(readings->readings, readings->capacity * sizeof *readings->readings);
        ASSERT(readings->readings != NULL);
    }
    readings->readings[readings->count++] = *template;
    return readings->count;
}

void readings_send(struct broker *broker, const struct raft_message *message) {
    if (message->type != RAFT_MESSAGE_HEARTBEAT) {
        return;
    }
    struct heartbeat_rounds *rounds = &replica_view_of(broker, message->group)->rounds;
    if (rounds->term != message->term) {
        *rounds = (struct heartbeat_rounds){.term = message->term};
    }
    rounds->sent = message->context > rounds->sent ? message->context : rounds->sent;
}

void readings_hear(struct broker *broker, const struct raft_message *message) {
    if (message->type != RAFT_MESSAGE_HEARTBEAT_RESPONSE || message->reject ||
        message->to != broker->incarnation) {
        return;
    }
    struct heartbeat_rounds *rounds = &replica_view_of(broker, message->group)->rounds;
    ASSERT(message->from < SIMULATION_INCARNATIONS_MAX);
    uint64_t *answered = &rounds->answered[message->from];
    if (rounds->term == message->term && *answered < message->context) {
        *answered = message->context;
    }
}

void reading_saw(struct simulation *simulation, const struct node_status *status) {
    struct group_history *group = history_group(simulation, status->group);
    if (status->next_offset > group->next_offset) {
        violation(simulation, "group %lu shows a high watermark of %ld, and %ld are committed", group->id,
                  status->next_offset, group->next_offset);
    }
    if (group->acked_index < status->applied_index) {
        group->acked_index = status->applied_index;
    }
    if (group->seen_offset < status->next_offset) {
        group->seen_offset = status->next_offset;
    }
}

void reading_start(struct simulation *simulation, struct broker *broker, uint64_t group_id) {
    const struct group_history *group = history_group(simulation, group_id);
    const struct replica_view *view = replica_view_of(broker, group_id);
    struct node_status status;
    ASSERT(node_status(broker->node, group_id, &status));
    uint64_t number =
        reading_create(simulation, &(struct reading){
                                       .group = group_id,
                                       .broker = broker,
                                       .life = broker->life,
                                       .floor_index = group->acked_index,
                                       .floor_offset = group->seen_offset,
                                       .term = status.term,
                                       .configuration = view->configuration,
                                       .round = view->rounds.term == status.term ? view->rounds.sent : 0,
                                   });
    trace_event(simulation, "read index", broker->id, group_id, number, 0);
    node_read_index(broker->node, broker_now_ms(broker), group_id, number);
    broker_wants_flush(broker);
}

/* Only where term and members are still those of then: it may have been confirmed a while ago. */
static void check_confirmed(const struct reading *reading) {
    struct broker *broker = reading->broker;
    const struct replica_view *view = replica_view_of(broker, reading->group);
    struct node_status status;
    if (!node_status(broker->node, reading->group, &status) || status.term != reading->term ||
        view->configuration != reading->configuration) {
        return;
    }
    struct node_member members[RAFT_MEMBERS_MAX];
    size_t count = node_members(broker->node, reading->group, members);
    size_t voters = 0;
    size_t confirmed = 0;
    for (size_t i = 0; i < count; i++) {
        bool agrees = members[i].id == broker->incarnation ||
                      (view->rounds.term == reading->term && members[i].id < SIMULATION_INCARNATIONS_MAX &&
                       view->rounds.answered[members[i].id] > reading->round);
        voters += members[i].voter;
        confirmed += members[i].voter && agrees;
    }
    if (confirmed <= voters / 2) {
        violation(broker->simulation,
                  "broker %u reads group %lu, and %zu of %zu voters have answered since it was asked",
                  broker->id, reading->group, confirmed, voters);
    }
}

static void reading_check(struct simulation *simulation, const struct event *event) {
    const struct reading *reading = reading_at(simulation, event->number);
    const struct broker *broker = reading->broker;
    struct node_status status;
    if (broker->life != reading->life || !node_status(broker->node, reading->group, &status)) {
        return;
    }
    if (status.applied_index < reading->floor_index || status.next_offset < reading->floor_offset) {
        violation(simulation,
                  "stale read: broker %u reads group %lu up to index %lu, offset %ld; known were %lu, %ld",
                  broker->id, reading->group, status.applied_index, status.next_offset, reading->floor_index,
                  reading->floor_offset);
    }
    count(simulation, STATISTIC_READS);
    reading_saw(simulation, &status);
}

void reading_ready(struct broker *broker, uint64_t context, enum status status) {
    struct simulation *simulation = broker->simulation;
    struct reading *reading = reading_at(simulation, context);
    if (reading->broker != broker || reading->life != broker->life) {
        return;
    }
    if (reading->ended) {
        violation(simulation, "broker %u ends reading %lu twice", broker->id, context);
    }
    reading->ended = true;
    trace_event(simulation, "read", broker->id, reading->group, context, status);
    if (status == STATUS_OK) {
        check_confirmed(reading);
        scheduler_add(
            &simulation->scheduler,
            (struct event){.at_us = simulation->scheduler.now_us, .run = reading_check, .number = context});
    }
}

void readings_check_ended(const struct simulation *simulation) {
    for (size_t i = 0; i < simulation->readings.count; i++) {
        const struct reading *reading = &simulation->readings.readings[i];
        if (!reading->ended && reading->life == reading->broker->life) {
            violation(simulation, "broker %u never ended reading %zu of group %lu", reading->broker->id,
                      i + 1, reading->group);
        }
    }
}
