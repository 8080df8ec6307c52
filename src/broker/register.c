/*
 * A broker tells the metadata group its disk and its addresses, and gets its incarnation;
 * docs/peer-protocol.md, "Calls".
 */
#include "broker_private.h"

enum {
    REGISTER_MS = 2000,
    REGISTER_INTERVAL_MS = 300,
    REGISTER_ANSWER_MAX = 64 * 1024,
    REGISTER_ALIVE_MS = 2000
};

/* In a turn: is the incarnation that now has this broker id alive? */
static void task_is_alive(struct shard *shard, struct broker_pending *pending) {
    struct node_member members[RAFT_MEMBERS_MAX];
    size_t count = node_members(shard->node, METADATA_GROUP, members);
    for (size_t i = 0; i < count; i++) {
        uint64_t answered_ms = members[i].progress.answered_ms;
        if (members[i].id == pending->peer && answered_ms != 0 &&
            shard->now_ms - answered_ms <= REGISTER_ALIVE_MS) {
            pending->found = true;
        }
    }
    pending_finish(pending);
}

static bool register_is_alive(struct broker *broker, raft_id incarnation, uint64_t deadline_ms) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return true; /* not known: then nobody is replaced */
    }
    pending->task = task_is_alive;
    pending->peer = incarnation;
    bool alive = !shard_run(&broker->shard, pending) || !pending_wait(pending, deadline_ms) || pending->found;
    pending_release(pending);
    return alive || incarnation == broker->cluster.incarnation;
}

enum status register_broker(struct broker *broker, const struct registration *registration,
                            uint64_t deadline_ms, raft_id *ret_incarnation, struct error *error) {
    uint32_t id = registration->broker.id;
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    const struct metadata_broker *before = metadata_broker_by_id(broker->metadata, id);
    raft_id replaced =
        before && !uuid_equal(&before->disk_uuid, &registration->broker.disk_uuid) ? before->incarnation : 0;
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    if (replaced != 0 && register_is_alive(broker, replaced, deadline_ms)) {
        return error_set(
            error, STATUS_CONFLICT,
            "broker id %u belongs to another disk whose broker is running: give one of them another --id",
            id);
    }
    struct metadata_command command = {.type = METADATA_REGISTER_BROKER, .broker = registration->broker};
    struct metadata_result result;
    enum status status = metadata_execute(broker, &command, deadline_ms, &result, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (result.status != STATUS_OK) {
        return error_set(error, result.status, "the cluster did not take broker %u: %s", id,
                         status_name(result.status));
    }
    *ret_incarnation = result.incarnation;
    return STATUS_OK;
}

static void registration_of_self(struct broker *broker, const struct uuid *cluster_id,
                                 struct registration *ret_registration) {
    *ret_registration = (struct registration){
        .cluster_id = *cluster_id,
        .broker = {.id = broker->options.id, .disk_uuid = broker->options.disk_uuid},
    };
    memcpy(ret_registration->broker.rest_address, broker->options.rest_address, ADDRESS_SIZE_MAX);
    memcpy(ret_registration->broker.peer_address, broker->options.peer_address, ADDRESS_SIZE_MAX);
}

/* Asks one address, and the controller that it names. OK: `ret_answer` is filled. */
static enum status register_ask(struct broker *broker, const char *address,
                                const struct registration *registration, struct call_registered *ret_answer,
                                struct error *error) {
    _cleanup_buffer_ struct buffer request;
    _cleanup_buffer_ struct buffer answer;
    buffer_init(&request, REGISTER_ANSWER_MAX);
    buffer_init(&answer, REGISTER_ANSWER_MAX);
    call_encode_registration(registration, &request);
    const struct broker_caller *caller = &broker->options.caller;
    enum status status = caller->call(caller->context, address, "register", buffer_slice(&request),
                                      clock_monotonic_ms() + REGISTER_MS, &answer, error);
    if (status == STATUS_OK) {
        status = call_decode_registered(buffer_slice(&answer), ret_answer);
    }
    if (status == STATUS_OK && ret_answer->ask[0] != '\0') {
        buffer_clear(&answer);
        char leader[ADDRESS_SIZE_MAX];
        memcpy(leader, ret_answer->ask, sizeof leader);
        status = caller->call(caller->context, leader, "register", buffer_slice(&request),
                              clock_monotonic_ms() + REGISTER_MS, &answer, error);
        if (status == STATUS_OK) {
            status = call_decode_registered(buffer_slice(&answer), ret_answer);
        }
        if (status == STATUS_OK && ret_answer->ask[0] != '\0') {
            status = STATUS_UNAVAILABLE;
        }
    }
    return status;
}

/* Where nobody takes the registration, `ret_refused` says why one refused it, or is empty. */
static bool register_anywhere(struct broker *broker, const struct uuid *cluster_id,
                              struct call_registered *ret_answer, struct error *ret_refused) {
    char addresses[BROKERS_MAX][ADDRESS_SIZE_MAX];
    size_t count = peers_addresses(broker, addresses, BROKERS_MAX);
    struct registration registration;
    registration_of_self(broker, cluster_id, &registration);
    ret_refused->message[0] = '\0';
    for (size_t i = 0; i < count && !housekeeper_is_stopping(broker); i++) {
        struct error error = {.message = ""};
        enum status status = register_ask(broker, addresses[i], &registration, ret_answer, &error);
        if (status == STATUS_OK) {
            return true;
        }
        log_debug("broker", "not registered", "at=%s status=%s %s", addresses[i], status_name(status),
                  error.message);
        if (status == STATUS_CONFLICT) {
            *ret_refused = error;
        }
    }
    return false;
}

bool join_cluster(struct broker *broker, const struct uuid *cluster_id, struct cluster_file *ret_cluster) {
    struct call_registered answer;
    struct error refused;
    if (!register_anywhere(broker, cluster_id, &answer, &refused)) {
        housekeeper_set_waiting(broker, "%.220s",
                                refused.message[0]
                                    ? refused.message
                                    : "waiting for the controller to take this broker into the cluster");
        return false;
    }
    *ret_cluster = (struct cluster_file){
        .phase = CLUSTER_MEMBER,
        .cluster_id = *cluster_id,
        .incarnation = answer.incarnation,
        .voter_count = answer.voter_count,
    };
    memcpy(ret_cluster->voters, answer.voters, sizeof ret_cluster->voters);
    memcpy(broker->housekeeper.joined, answer.brokers, answer.broker_count * sizeof answer.brokers[0]);
    broker->housekeeper.joined_count = answer.broker_count;
    return true;
}

/* Whether the metadata has this broker as it is; fails the broker where another disk has taken its id. */
static bool register_is_true(struct broker *broker) {
    const struct broker_options *options = &broker->options;
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    const struct metadata_broker *self = metadata_broker_by_id(broker->metadata, options->id);
    bool superseded = self && self->incarnation > broker->cluster.incarnation;
    bool same = self && self->incarnation == broker->cluster.incarnation &&
                strcmp(self->rest_address, options->rest_address) == 0 &&
                strcmp(self->peer_address, options->peer_address) == 0;
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    if (superseded) {
        broker_fail(
            broker,
            "another disk has taken this broker's id: move this data directory away to come back empty");
    }
    return same || superseded;
}

void register_self(struct broker *broker) {
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms < broker->housekeeper.registered_ms + REGISTER_INTERVAL_MS || register_is_true(broker)) {
        return;
    }
    broker->housekeeper.registered_ms = now_ms;
    struct broker_route route;
    if (route_known(broker, METADATA_GROUP, &route) && route.here) {
        struct registration registration;
        raft_id incarnation;
        registration_of_self(broker, &broker->cluster.cluster_id, &registration);
        enum status status = register_broker(broker, &registration, now_ms + REGISTER_MS, &incarnation, NULL);
        log_debug("broker", "registered here", "status=%s", status_name(status));
    } else {
        struct call_registered answer;
        struct error refused;
        (void)register_anywhere(broker, &broker->cluster.cluster_id, &answer, &refused);
    }
}
