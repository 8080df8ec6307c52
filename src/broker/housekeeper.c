#include "broker_private.h"

#include <stdlib.h>

void housekeeper_init(struct housekeeper *housekeeper) {
    mutex_init(&housekeeper->mutex);
    condition_init(&housekeeper->woken);
}

void housekeeper_finish(struct housekeeper *housekeeper) {
    publish_finish(housekeeper);
    condition_finish(&housekeeper->woken);
    mutex_finish(&housekeeper->mutex);
}

/* With the mutex held. */
static void housekeeper_wake(struct housekeeper *housekeeper) {
    housekeeper->wake = true;
    condition_signal(&housekeeper->woken);
}

bool housekeeper_is_stopping(struct broker *broker) {
    mutex_lock(&broker->housekeeper.mutex);
    bool stopping = broker->housekeeper.stopping;
    mutex_unlock(&broker->housekeeper.mutex);
    return stopping;
}

void housekeeper_wait(struct broker *broker, uint64_t ms) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    uint64_t deadline_ms = clock_monotonic_ms() + ms;
    mutex_lock(&housekeeper->mutex);
    while (!housekeeper->wake && !housekeeper->stopping) {
        if (!condition_wait_until(&housekeeper->woken, &housekeeper->mutex, deadline_ms)) {
            break;
        }
    }
    housekeeper->wake = false;
    mutex_unlock(&housekeeper->mutex);
}

void housekeeper_set_waiting(struct broker *broker, const char *format, ...) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    char text[sizeof housekeeper->waiting_for];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mutex_lock(&housekeeper->mutex);
    bool changed = strcmp(text, housekeeper->waiting_for) != 0;
    memcpy(housekeeper->waiting_for, text, sizeof text);
    mutex_unlock(&housekeeper->mutex);
    if (changed && text[0]) {
        log_info("broker", "first start", "%s", text);
    }
}

void housekeeper_metadata_changed(struct broker *broker) {
    mutex_lock(&broker->housekeeper.mutex);
    broker->housekeeper.metadata_changed = true;
    housekeeper_wake(&broker->housekeeper);
    mutex_unlock(&broker->housekeeper.mutex);
}

void housekeeper_leaders_changed(struct broker *broker) {
    mutex_lock(&broker->housekeeper.mutex);
    broker->housekeeper.leaders_changed = true;
    housekeeper_wake(&broker->housekeeper);
    mutex_unlock(&broker->housekeeper.mutex);
}

void housekeeper_heard(struct broker *broker, const struct transport_identity *identity) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    mutex_lock(&housekeeper->mutex);
    size_t i = 0;
    while (i < housekeeper->heard_count && housekeeper->heard[i].broker_id != identity->broker_id) {
        i++;
    }
    if (i < BROKERS_MAX) {
        housekeeper->heard[i] = *identity;
        housekeeper->heard_count += i == housekeeper->heard_count;
        housekeeper_wake(housekeeper);
    }
    mutex_unlock(&housekeeper->mutex);
}

static void event_id_taken(struct broker *broker, const struct coordination_broker *other) {
    char reason[ERROR_MESSAGE_MAX];
    snprintf(reason, sizeof reason,
             "broker id %u is taken in ZooKeeper by another running broker (%s:%u): give this one another "
             "--id, or stop "
             "that one",
             broker->options.id, other->host, (unsigned)other->peer_port);
    broker_fail(broker, reason);
}

void housekeeper_coordination_event(void *context, const struct coordination_event *event) {
    struct broker *broker = context;
    struct housekeeper *housekeeper = &broker->housekeeper;
    mutex_lock(&housekeeper->mutex);
    switch (event->type) {
    case COORDINATION_BROKERS_CHANGED:
        memcpy(housekeeper->announced, event->brokers.list,
               event->brokers.count * sizeof housekeeper->announced[0]);
        housekeeper->announced_count = event->brokers.count;
        break;
    case COORDINATION_CONTROLLER_CHANGED:
        housekeeper->controller = event->controller.broker_id;
        break;
    case COORDINATION_SESSION:
        if (event->session == COORDINATION_SESSION_DISCONNECTED) {
            housekeeper->controller = 0;
        }
        break;
    case COORDINATION_CLUSTER:
        housekeeper->cluster = event->cluster;
        housekeeper->cluster_known = true;
        break;
    case COORDINATION_FOREIGN_CLUSTER:
    case COORDINATION_ID_TAKEN:
        housekeeper->controller = 0; /* nothing more is heard of it */
        break;
    }
    housekeeper_wake(housekeeper);
    mutex_unlock(&housekeeper->mutex);
    if (event->type == COORDINATION_ID_TAKEN) {
        event_id_taken(broker, &event->id_taken_by);
    } else if (event->type == COORDINATION_FOREIGN_CLUSTER) {
        log_error(
            "broker", "foreign cluster",
            "ZooKeeper belongs to another cluster: serving on without it; give --zookeeper another path");
    }
}

/* In a turn. */
static void task_preference(struct shard *shard, struct broker_pending *pending) {
    node_set_metadata_preference(shard->node, pending->rank, pending->hold_ms);
    pending_finish(pending);
}

/* The holder of /controller campaigns at once, any other an election timeout later; without one, by
 * incarnation. */
static void housekeeper_prefer(struct broker *broker, uint32_t controller) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return; /* an order of candidates is a nicety */
    }
    bool holder = controller == broker->options.id;
    pending->task = task_preference;
    pending->rank = holder ? 0 : (uint32_t)broker->cluster.incarnation % RAFT_MEMBERS_MAX;
    pending->hold_ms = controller != 0 && !holder ? broker->options.election_max_ms : 0;
    (void)shard_run(&broker->shard, pending);
    pending_release(pending);
}

static void housekeeper_turn(struct broker *broker, uint32_t *preferred) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    mutex_lock(&housekeeper->mutex);
    uint32_t controller = housekeeper->controller;
    mutex_unlock(&housekeeper->mutex);
    if (controller != *preferred) {
        *preferred = controller;
        housekeeper_prefer(broker, controller);
    }
    peers_refresh(broker);
    register_self(broker);
    lost_refresh(broker);
    publish_view(broker);
}

static void housekeeper_main(void *argument) {
    struct broker *broker = argument;
    uint32_t preferred = UINT32_MAX;
    start_until_running(broker);
    while (broker_is_running(broker) && !housekeeper_is_stopping(broker)) {
        housekeeper_turn(broker, &preferred);
        housekeeper_wait(broker, HOUSEKEEPER_INTERVAL_MS);
    }
}

/* "host:port" into its parts; the address was checked by the configuration. */
static void housekeeper_split(const char *address, char *ret_host, size_t host_size, uint16_t *ret_port) {
    const char *colon = strrchr(address, ':');
    ASSERT(colon != NULL);
    snprintf(ret_host, host_size, "%.*s", (int)(colon - address), address);
    *ret_port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

enum status housekeeper_start(struct broker *broker, struct error *error) {
    struct coordination_start start = {.on_event = housekeeper_coordination_event, .context = broker};
    struct coordination_cluster cluster = {.id = broker->cluster.cluster_id};
    start.self.id = broker->options.id;
    start.self.disk_uuid = broker->options.disk_uuid;
    /* Nobody who waits for a first start counts one that founds nothing. */
    start.self.expect = broker->options.founds_nothing ? 0 : broker->options.expect;
    start.self.timestamp_ms = clock_wall_ms();
    housekeeper_split(broker->options.rest_address, start.self.host, sizeof start.self.host,
                      &start.self.rest_port);
    housekeeper_split(broker->options.peer_address, start.self.host, sizeof start.self.host,
                      &start.self.peer_port);
    if (broker->cluster.phase == CLUSTER_MEMBER) {
        cluster.first_voter_count = broker->cluster.voter_count;
        for (size_t i = 0; i < cluster.first_voter_count; i++) {
            cluster.first_voters[i].broker_id = broker->cluster.voters[i].broker_id;
            cluster.first_voters[i].disk_uuid = broker->cluster.voters[i].disk_uuid;
        }
        start.self.cluster_id = cluster.id;
        start.cluster = &cluster;
    }
    enum status status = coordination_start(broker->options.coordination, &start, error);
    if (status == STATUS_OK) {
        status = thread_start(&broker->housekeeper.thread, "housekeeper", housekeeper_main, broker, error);
    }
    return status;
}

void housekeeper_tell_stop(struct broker *broker) {
    mutex_lock(&broker->housekeeper.mutex);
    broker->housekeeper.stopping = true;
    condition_broadcast(&broker->housekeeper.woken);
    mutex_unlock(&broker->housekeeper.mutex);
}

void housekeeper_join(struct broker *broker) {
    thread_join(&broker->housekeeper.thread);
}
