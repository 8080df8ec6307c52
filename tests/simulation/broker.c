#include "broker.h"

#include "operations.h"
#include "simulation.h"

enum { HEARTBEAT_MS = 50, ELECTION_MIN_MS = 300, ELECTION_MAX_MS = 600, CLOCK_DRIFT_PPM = 20000 };
#define WALL_EPOCH_MS INT64_C(1700000000000)

static struct broker *broker_of_transport(struct transport *transport) {
    return LIST_ENTRY(transport, struct broker, transport);
}

/* What a broker sends is a promise. */
static void check_promises(struct broker *broker, const struct raft_message *message) {
    struct group_history *group = history_group(broker->simulation, message->group);
    if (message->type == RAFT_MESSAGE_VOTE) {
        history_vote(broker->simulation, group, message->from, message->term, message->from);
    } else if (message->type == RAFT_MESSAGE_VOTE_RESPONSE && !message->reject) {
        history_vote(broker->simulation, group, message->from, message->term, message->to);
    } else if (message->type == RAFT_MESSAGE_HEARTBEAT || message->type == RAFT_MESSAGE_APPEND ||
               message->type == RAFT_MESSAGE_SNAPSHOT) {
        history_lead(broker->simulation, group, message->from, message->term);
    }
}

static void transport_carry(struct transport *transport, const struct raft_message *message) {
    struct broker *broker = broker_of_transport(transport);
    if (message->from != broker->incarnation) {
        violation(broker->simulation, "broker %u sends as %lu", broker->id, message->from);
    }
    check_promises(broker, message);
    readings_send(broker, message);
    network_send(broker->simulation, broker->position, message);
}

static void transport_end_burst(struct transport *transport) {
    struct broker *broker = broker_of_transport(transport);
    network_flush(broker->simulation, broker->position);
}

static const struct transport_operations transport_operations = {.send = transport_carry,
                                                                 .flush = transport_end_burst};

static void on_answered(void *context, const struct node_answer *answer) {
    operation_answered(context, answer);
}

static void on_read_ready(void *context, uint64_t read_context, enum status status) {
    reading_ready(context, read_context, status);
}

static void on_opened(void *context, uint64_t group) {
    replica_view_opened(context, group);
}

static void on_closed(void *context, uint64_t group) {
    struct broker *broker = context;
    trace_event(broker->simulation, "removed", broker->id, group, 0, 0);
    count(broker->simulation, STATISTIC_REPLICAS_REMOVED);
}

static void on_applied(void *context, uint64_t group, const struct raft_entry *entry,
                       const struct entry_header *header) {
    struct broker *broker = context;
    trace_event(broker->simulation, "applied", broker->id, group, header->index, header->term);
    const struct group_history *history = history_group(broker->simulation, group);
    simulation_check_entry(broker, group, history_find(history, header->index, header->term), entry->blob);
}

static void on_status(void *context, const struct node_status *status) {
    replica_view_status(context, status);
}

static void on_metadata_changing(void *context) {
    (void)context;
}

static void on_metadata_changed(void *context, const struct metadata_changes *changes) {
    struct broker *broker = context;
    if (changes == NULL && broker_is_up(broker)) {
        count(broker->simulation, STATISTIC_METADATA_INSTALLS);
    }
}

/* It fails again and again, until somebody gives it an empty disk. */
static void end_failed(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    if (event->number != broker->life) {
        return;
    }
    broker_crash(broker);
    if (prng_chance(&simulation->prng, 1, 2)) {
        broker_lose_disk(broker, DISK_UNREADABLE);
    } else {
        simulation_restart_later(simulation, broker);
    }
}

static void on_failed(void *context, uint64_t group, enum status status, const char *what) {
    struct broker *broker = context;
    struct simulation *simulation = broker->simulation;
    broker->failed = true;
    if (broker->failing) {
        return;
    }
    if (disk_is_whole(&broker->disk) || (status != STATUS_CORRUPT && status != STATUS_NOT_FOUND)) {
        violation(simulation, "broker %u failed in group %lu: %s (%s)", broker->id, group, what,
                  status_name(status));
    }
    trace_event(simulation, "met damage", broker->id, group, status, 0);
    count(simulation, STATISTIC_DAMAGE_MET);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us,
                                                         .run = end_failed,
                                                         .subject = broker,
                                                         .number = broker->life});
}

void broker_init(struct broker *broker, struct simulation *simulation, size_t position) {
    *broker = (struct broker){
        .simulation = simulation,
        .transport.operations = &transport_operations,
        .id = (uint32_t)position + 1,
        .position = position,
        .disk_uuid = simulation_uuid(simulation),
        .clock_offset_us = prng_below(&simulation->prng, 1000000000),
        .clock_rate_ppm =
            prng_between(&simulation->prng, 1000000 - CLOCK_DRIFT_PPM, 1000000 + CLOCK_DRIFT_PPM),
    };
    disk_init(&broker->disk, broker);
}

void broker_finish(struct broker *broker) {
    broker->life++;
    node_destroy(TAKE_POINTER(broker->node));
    disk_finish(&broker->disk);
    replica_views_finish(&broker->views);
}

bool broker_is_up(const struct broker *broker) {
    return broker->node != NULL;
}

bool broker_is_paused(const struct broker *broker) {
    return broker->paused_until_us > broker->simulation->scheduler.now_us;
}

bool broker_postpone(struct broker *broker, const struct event *event) {
    if (!broker_is_paused(broker)) {
        return false;
    }
    struct event later = *event;
    later.at_us = broker->paused_until_us;
    scheduler_add(&broker->simulation->scheduler, later);
    return true;
}

uint64_t broker_now_ms(const struct broker *broker) {
    uint64_t run_us = broker->simulation->scheduler.now_us * broker->clock_rate_ppm / 1000000;
    return (run_us + broker->clock_offset_us) / 1000;
}

int64_t broker_wall_ms(const struct broker *broker) {
    return WALL_EPOCH_MS + (int64_t)(broker->simulation->scheduler.now_us / 1000) + broker->wall_offset_ms;
}

static void flush_now(struct broker *broker) {
    node_flush(broker->node, broker_now_ms(broker));
    if (!broker->failed) {
        replica_views_check(broker);
    }
}

static void flush(struct simulation *simulation, const struct event *event) {
    (void)simulation;
    struct broker *broker = event->subject;
    if (event->number != broker->life || broker_postpone(broker, event)) {
        return;
    }
    broker->flush_due = false;
    flush_now(broker);
    if (node_has_work(broker->node)) {
        broker_wants_flush(broker);
    }
}

void broker_wants_flush(struct broker *broker) {
    struct simulation *simulation = broker->simulation;
    if (broker->flush_due || !broker_is_up(broker)) {
        return;
    }
    broker->flush_due = true;
    uint64_t wait_us = prng_below(&simulation->prng, simulation->profile.flush_delay_us + 1);
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us + wait_us,
                                                         .run = flush,
                                                         .subject = broker,
                                                         .number = broker->life});
}

static void tick(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    if (event->number != broker->life || broker_postpone(broker, event)) {
        return;
    }
    node_tick(broker->node, broker_now_ms(broker));
    broker_wants_flush(broker);
    struct event next = *event;
    next.at_us = simulation->scheduler.now_us + simulation->profile.tick_ms * 1000;
    scheduler_add(&simulation->scheduler, next);
}

static struct node_options node_options_of(struct broker *broker) {
    struct simulation *simulation = broker->simulation;
    const struct profile *profile = &simulation->profile;
    return (struct node_options){
        .self = broker->incarnation,
        .cluster_id = simulation->cluster_id,
        .first_voters = simulation->first_voters,
        .first_voter_count = profile->first_voters,
        .storage = &broker->disk.base,
        .transport = &broker->transport,
        .observer =
            {
                .context = broker,
                .answered = on_answered,
                .read_ready = on_read_ready,
                .opened = on_opened,
                .closed = on_closed,
                .applied = on_applied,
                .status = on_status,
                .metadata_changing = on_metadata_changing,
                .metadata_changed = on_metadata_changed,
                .failed = on_failed,
            },
        .persisted = disk_completed,
        .persisted_context = broker,
        .heartbeat_ms = HEARTBEAT_MS,
        .election_min_ms = ELECTION_MIN_MS,
        .election_max_ms = ELECTION_MAX_MS,
        .inflight_appends_max = profile->inflight_appends_max,
        .inflight_bytes_max = profile->inflight_bytes_max,
        .append_entries_max = profile->append_entries_max,
        .tail_bytes_max = profile->tail_bytes_max,
        .backlog_bytes_max = profile->backlog_bytes_max,
        .metadata_voters_max = profile->metadata_voters,
        .pending_max = profile->pending_max,
        .apply_entries_max = profile->apply_entries_max,
        .checkpoint_entries = profile->checkpoint_entries,
        .checkpoint_bytes = profile->checkpoint_bytes,
        .metadata_log_keep = profile->metadata_log_keep,
        .idempotency_keys_max = profile->keys_max,
        .snapshot_chunk_bytes = profile->snapshot_chunk_bytes,
        .seed = prng_next(&simulation->prng),
        .now_ms = broker_now_ms(broker),
    };
}

void broker_start(struct broker *broker) {
    struct simulation *simulation = broker->simulation;
    ASSERT(!broker_is_up(broker) && broker->incarnation != 0);
    broker->life++;
    broker->flush_due = false;
    broker->failed = false;
    broker->failing = false;
    broker->paused_until_us = 0;
    disk_open(&broker->disk);
    replica_views_reload(broker);
    trace_event(simulation, "start", broker->id, broker->incarnation, broker->life, 0);
    struct node_options options = node_options_of(broker);
    struct error error;
    enum status status = node_open(&options, &broker->node, &error);
    if (status == STATUS_CORRUPT && !disk_is_whole(&broker->disk)) {
        count(simulation, STATISTIC_DAMAGE_AT_START);
        broker_lose_disk(broker, DISK_UNREADABLE);
        return;
    }
    if (status != STATUS_OK) {
        violation(simulation, "broker %u cannot start: %s", broker->id, error.message);
    }
    scheduler_add(&simulation->scheduler, (struct event){.at_us = simulation->scheduler.now_us,
                                                         .run = tick,
                                                         .subject = broker,
                                                         .number = broker->life});
}

/* Others see its streams end; not all of them, where the machine dies with the process. */
static void tell_others(struct broker *broker) {
    struct simulation *simulation = broker->simulation;
    for (size_t i = 0; i < simulation->profile.brokers; i++) {
        if (i != broker->position && prng_chance(&simulation->prng, 3, 4)) {
            network_close_streams(simulation, broker->position, i);
        }
    }
}

static void end(struct broker *broker) {
    trace_event(broker->simulation, "crash", broker->id, storage_memory_pending(broker->disk.memory), 0, 0);
    broker->life++; /* what the dying node still says reaches nobody */
    node_destroy(TAKE_POINTER(broker->node));
    disk_crash(&broker->disk);
    network_end_broker(broker->simulation, broker->position);
    tell_others(broker);
}

void broker_crash(struct broker *broker) {
    if (broker_is_up(broker)) {
        count(broker->simulation, STATISTIC_CRASHES);
        end(broker);
    }
}

void broker_stop(struct broker *broker) {
    trace_event(broker->simulation, "stop", broker->id, 0, 0, 0);
    node_checkpoint(broker->node);
    flush_now(broker);
    disk_close(&broker->disk);
    count(broker->simulation, STATISTIC_STOPS);
    end(broker);
}

void broker_lose_disk(struct broker *broker, enum disk_fate fate) {
    broker_crash(broker);
    trace_event(broker->simulation, "disk lost", broker->id, broker->incarnation, fate, 0);
    disk_lose(&broker->disk, fate);
    replica_views_forget(broker);
    broker->disk_uuid = simulation_uuid(broker->simulation);
    simulation_set_lost(broker->simulation, broker);
}

void broker_pause(struct broker *broker, uint64_t for_us) {
    trace_event(broker->simulation, "pause", broker->id, for_us, 0, 0);
    broker->paused_until_us = broker->simulation->scheduler.now_us + for_us;
}

void broker_write_failed(struct broker *broker, uint64_t token, enum status status) {
    broker->failing = true;
    node_persisted(broker->node, broker_now_ms(broker), token, status);
    ASSERT(broker->failed);
    broker_crash(broker);
    simulation_restart_later(broker->simulation, broker);
}
