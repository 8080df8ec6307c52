#include "admin.h"

#include "operations.h"
#include "simulation.h"

#include <stdio.h>

enum { TURN_US = 50000, TIMEOUT_US = 1000000, COMMAND_BYTES_MAX = 64 * 1024, TOPIC_PARTITIONS_MAX = 3 };

/* Whoever takes itself for the leader of the group and takes writes; NULL: nobody. */
static struct broker *leader_of(struct simulation *simulation, uint64_t group) {
    size_t from = prng_below(&simulation->prng, simulation->profile.brokers);
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        struct broker *broker = &simulation->brokers[(from + i) % simulation->profile.brokers];
        struct node_status status;
        if (broker_is_up(broker) && !broker_is_paused(broker) && node_status(broker->node, group, &status) &&
            status.ready) {
            return broker;
        }
    }
    return NULL;
}

static void propose(struct simulation *simulation, struct broker *broker, enum attempt_kind kind,
                    struct node_proposal proposal) {
    uint64_t number =
        attempt_create(simulation, &(struct attempt){.kind = kind, .broker = broker, .client = UINT32_MAX});
    proposal.context = number;
    proposal.acks = NODE_ACKS_ALL;
    if (kind == ATTEMPT_COMMAND) {
        simulation->admin.attempt = number;
        simulation->admin.attempt_until_us = simulation->scheduler.now_us + TIMEOUT_US;
    }
    attempt_take(simulation, number, &proposal);
}

static void execute(struct simulation *simulation, struct broker *controller,
                    const struct metadata_command *command) {
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, COMMAND_BYTES_MAX);
    metadata_command_encode(command, &bytes);
    ASSERT(buffer_status(&bytes) == STATUS_OK);
    struct blob *blob = entry_blob_create(buffer_slice(&bytes));
    ASSERT(blob != NULL);
    trace_event(simulation, "command", controller->id, command->type, 0, 0);
    propose(simulation, controller, ATTEMPT_COMMAND,
            (struct node_proposal){.group = METADATA_GROUP, .type = RAFT_ENTRY_COMMAND, .blob = blob});
}

static void register_broker(struct simulation *simulation, struct broker *controller, struct broker *broker) {
    struct metadata_command command = {
        .type = METADATA_REGISTER_BROKER,
        .broker = {.id = broker->id, .disk_uuid = broker->disk_uuid},
    };
    snprintf(command.broker.rest_address, sizeof command.broker.rest_address, "host%u:8000", broker->id);
    snprintf(command.broker.peer_address, sizeof command.broker.peer_address, "host%u:8100", broker->id);
    simulation->admin.registering = broker;
    simulation->admin.registering_disk = broker->disk_uuid;
    execute(simulation, controller, &command);
}

/* Those that have a place in the cluster, be they up or not. One damaged disk may be among them where there
 * are enough others: it is as good as lost. */
static size_t pick_brokers(struct simulation *simulation, const struct metadata *metadata,
                           uint32_t replication_factor, raft_id ret_brokers[SIMULATION_BROKERS_MAX]) {
    size_t damaged_max = replication_factor >= 3 ? 1 : 0;
    size_t picked = 0;
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        struct broker *broker = &simulation->brokers[i];
        if (broker->incarnation == 0 || !metadata_broker_by_incarnation(metadata, broker->incarnation)) {
            continue;
        }
        if (disk_is_whole(&broker->disk)) {
            ret_brokers[picked++] = broker->incarnation;
        } else if (damaged_max > 0) {
            ret_brokers[picked++] = broker->incarnation;
            damaged_max--;
        }
    }
    return picked;
}

static void create_topic(struct simulation *simulation, struct broker *controller) {
    struct prng *prng = &simulation->prng;
    raft_id brokers[SIMULATION_BROKERS_MAX];
    const struct metadata *metadata = node_metadata(controller->node);
    struct metadata_assignment assignments[TOPIC_PARTITIONS_MAX];
    struct metadata_command command = {
        .type = METADATA_CREATE_TOPIC,
        .topic_id = simulation_uuid(simulation),
        .partition_count = (uint32_t)prng_between(prng, 1, TOPIC_PARTITIONS_MAX),
        .replication_factor = prng_chance(prng, 1, 2)
                                  ? (uint32_t)simulation->profile.brokers
                                  : (uint32_t)prng_between(prng, simulation->profile.replication_min,
                                                           simulation->profile.brokers),
        .assignments = assignments,
    };
    snprintf(command.topic, sizeof command.topic, "topic-%lu", ++simulation->admin.topics_named);
    size_t picked = pick_brokers(simulation, metadata, command.replication_factor, brokers);
    if (metadata_place(metadata, brokers, picked, command.partition_count, command.replication_factor,
                       prng_next(prng), assignments) == STATUS_OK) {
        execute(simulation, controller, &command);
    }
}

static void doom(struct simulation *simulation, const struct metadata_topic *topic) {
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        history_group(simulation, topic->partitions[i].group)->doomed = true;
    }
}

static bool is_doomed(struct simulation *simulation, const struct metadata_topic *topic) {
    return history_group(simulation, topic->partitions[0].group)->doomed;
}

static void delete_topic(struct simulation *simulation, struct broker *controller,
                         const struct metadata_topic *topic) {
    struct metadata_command command = {.type = METADATA_DELETE_TOPIC};
    memcpy(command.topic, topic->name, sizeof command.topic);
    doom(simulation, topic);
    execute(simulation, controller, &command);
}

static void configure_topic(struct simulation *simulation, struct broker *controller,
                            const struct metadata_topic *topic) {
    struct metadata_config config = {.name = "retention.ms"};
    snprintf(config.value, sizeof config.value, "%lu", prng_below(&simulation->prng, 1000000));
    struct metadata_command command = {
        .type = METADATA_CONFIGURE_TOPIC, .config_count = 1, .configs = &config};
    memcpy(command.topic, topic->name, sizeof command.topic);
    execute(simulation, controller, &command);
}

/* From whoever has applied most. */
static void refresh_partitions(struct simulation *simulation) {
    const struct metadata *newest = NULL;
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        const struct broker *broker = &simulation->brokers[i];
        const struct metadata *metadata = broker_is_up(broker) ? node_metadata(broker->node) : NULL;
        if (metadata &&
            (newest == NULL || metadata_applied_index(metadata) > metadata_applied_index(newest))) {
            newest = metadata;
        }
    }
    struct admin *admin = &simulation->admin;
    admin->group_count = 0;
    for (size_t i = 0; newest && i < metadata_topic_count(newest); i++) {
        const struct metadata_topic *topic = metadata_topic_at(newest, i);
        for (uint32_t p = 0; p < topic->partition_count && !is_doomed(simulation, topic) &&
                             admin->group_count < ADMIN_PARTITIONS_MAX;
             p++) {
            admin->groups[admin->group_count++] = topic->partitions[p].group;
        }
    }
}

/* What must be done before anything else; false: nothing. */
static bool do_duty(struct simulation *simulation, struct broker *controller) {
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        struct broker *broker = &simulation->brokers[i];
        bool due = simulation->scheduler.now_us >= broker->joins_us || simulation->recovery.begun;
        if (broker->incarnation == 0 && due) {
            register_broker(simulation, controller, broker);
            return true;
        }
    }
    const struct metadata *metadata = node_metadata(controller->node);
    for (size_t i = 0; i < metadata_topic_count(metadata); i++) {
        const struct metadata_topic *topic = metadata_topic_at(metadata, i);
        if (is_doomed(simulation, topic)) {
            delete_topic(simulation, controller, topic);
            return true;
        }
    }
    return false;
}

static void change_something(struct simulation *simulation, struct broker *controller) {
    struct prng *prng = &simulation->prng;
    const struct metadata *metadata = node_metadata(controller->node);
    size_t topics = metadata_topic_count(metadata);
    if (metadata_partition_count(metadata) < simulation->profile.partitions_max) {
        create_topic(simulation, controller);
        return;
    }
    const struct metadata_topic *topic = metadata_topic_at(metadata, prng_below(prng, topics));
    if (prng_chance(prng, 1, 3)) {
        delete_topic(simulation, controller, topic);
    } else {
        configure_topic(simulation, controller, topic);
    }
}

static void move_log_start(struct simulation *simulation) {
    uint64_t group = simulation_pick_partition(simulation);
    struct broker *leader = group == METADATA_GROUP ? NULL : leader_of(simulation, group);
    struct node_status status;
    if (leader == NULL || !node_status(leader->node, group, &status)) {
        return;
    }
    uint8_t offset[8];
    bytes_put_u64le(offset, prng_between(&simulation->prng, (uint64_t)status.log_start_offset,
                                         (uint64_t)status.next_offset));
    struct blob *blob = entry_blob_create(slice_make(offset, sizeof offset));
    ASSERT(blob != NULL);
    propose(simulation, leader, ATTEMPT_LOG_START,
            (struct node_proposal){
                .group = group, .type = RAFT_ENTRY_LOG_START, .blob = blob, .expected_offset = -1});
}

static void admin_act(struct simulation *simulation) {
    struct admin *admin = &simulation->admin;
    uint64_t now_us = simulation->scheduler.now_us;
    struct prng *prng = &simulation->prng;
    if (admin->attempt != 0 && now_us >= admin->attempt_until_us) {
        admin->attempt = 0;
        admin->registering = NULL;
    }
    struct broker *controller = admin->attempt == 0 ? leader_of(simulation, METADATA_GROUP) : NULL;
    if (controller && !do_duty(simulation, controller) && now_us >= admin->next_change_us &&
        !simulation->recovery.begun) {
        change_something(simulation, controller);
        /* The first ones come at once. */
        bool few = admin->group_count < simulation->profile.partitions_max;
        admin->next_change_us = now_us + prng_below(prng, (few ? 200 : 2000) * simulation->profile.admin_ms);
    }
    if (simulation->profile.log_start_ms > 0 && now_us >= admin->next_log_start_us) {
        admin->next_log_start_us = now_us + prng_below(prng, 2000 * simulation->profile.log_start_ms);
        move_log_start(simulation);
    }
}

static void admin_turn(struct simulation *simulation, const struct event *event) {
    refresh_partitions(simulation);
    admin_act(simulation);
    struct event next = *event;
    next.at_us = simulation->scheduler.now_us + TURN_US;
    scheduler_add(&simulation->scheduler, next);
}

/* The broker learns its incarnation and comes up with it. */
static void registered(struct simulation *simulation, struct broker *broker, raft_id incarnation) {
    if (broker->incarnation != 0 || !uuid_equal(&broker->disk_uuid, &simulation->admin.registering_disk)) {
        return;
    }
    trace_event(simulation, "registered", broker->id, incarnation, 0, 0);
    count(simulation, broker->life == 0 ? STATISTIC_JOINS : STATISTIC_REPLACEMENTS);
    simulation_set_incarnation(simulation, broker, incarnation);
    broker_start(broker);
}

static void answer_arrives(struct simulation *simulation, const struct event *event) {
    struct admin *admin = &simulation->admin;
    if (event->number != admin->attempt) {
        return;
    }
    const struct node_answer *answer = &attempt_at(simulation, event->number)->answer;
    struct broker *registering = TAKE_POINTER(admin->registering);
    admin->attempt = 0;
    if (registering && answer->status == STATUS_OK && answer->result.status == STATUS_OK) {
        registered(simulation, registering, answer->result.incarnation);
    }
}

void admin_answer_later(struct simulation *simulation, uint64_t number) {
    scheduler_add(
        &simulation->scheduler,
        (struct event){.at_us = simulation->scheduler.now_us, .run = answer_arrives, .number = number});
}

void admin_start(struct simulation *simulation) {
    scheduler_add(&simulation->scheduler,
                  (struct event){.at_us = simulation->scheduler.now_us, .run = admin_turn});
}
