/*
 * The unanimous first start of a static list of peers. The peer with the lowest id proposes a cluster; every
 * peer must say that it was never part of one, and durably accept the same list of ids and disks; then the
 * proposer is a member, and the others follow when they see one. A peer that finds members, and is not on
 * their list, joins them.
 */
#include "broker_private.h"

enum { HELLO_MS = 1000, ACCEPT_MS = 5000, CALL_BYTES_MAX = 4096 };

/* What a peer says of itself. */
struct hello {
    uint32_t broker_id;
    struct uuid disk_uuid;
    struct cluster_file cluster;
};

static bool static_ask_hello(struct broker *broker, const char *address, struct hello *ret_hello) {
    _cleanup_buffer_ struct buffer answer;
    buffer_init(&answer, CALL_BYTES_MAX);
    const struct broker_caller *caller = &broker->options.caller;
    if (caller->call(caller->context, address, "hello", (struct slice){0}, clock_monotonic_ms() + HELLO_MS,
                     &answer, NULL) != STATUS_OK) {
        return false;
    }
    struct reader reader = reader_make(buffer_slice(&answer));
    struct hello hello = {.broker_id = reader_u32(&reader)};
    reader_copy(&reader, hello.disk_uuid.bytes, UUID_SIZE);
    if (!reader_ok(&reader) || cluster_file_decode(reader.rest, &hello.cluster) != STATUS_OK) {
        return false;
    }
    *ret_hello = hello;
    return true;
}

static bool static_ask_accept(struct broker *broker, const char *address,
                              const struct cluster_file *cluster) {
    _cleanup_buffer_ struct buffer request;
    _cleanup_buffer_ struct buffer answer;
    buffer_init(&request, CALL_BYTES_MAX);
    buffer_init(&answer, CALL_BYTES_MAX);
    cluster_file_encode(cluster, &request);
    const struct broker_caller *caller = &broker->options.caller;
    struct error error;
    enum status status = caller->call(caller->context, address, "accept", buffer_slice(&request),
                                      clock_monotonic_ms() + ACCEPT_MS, &answer, &error);
    if (status != STATUS_OK) {
        log_warn("broker", "first start not accepted", "peer=%s %s", address, error.message);
    }
    return status == STATUS_OK;
}

/* Whether the list still names exactly the disks that are here. */
static bool static_same_voters(const struct cluster_file *a, const struct cluster_file *b) {
    bool same = a->voter_count == b->voter_count;
    for (size_t i = 0; same && i < a->voter_count; i++) {
        same = cluster_file_incarnation(a, b->voters[i].broker_id, &b->voters[i].disk_uuid) == i + 1;
    }
    return same;
}

/* The lowest id's part: everybody answered, nobody is a member. */
static bool static_propose(struct broker *broker, const struct coordination_broker *peers, size_t count,
                           struct cluster_file *ret_cluster) {
    struct cluster_file proposal = {.phase = CLUSTER_ACCEPTED};
    start_choose_voters(peers, count, &proposal);
    struct cluster_file before = broker->cluster;
    if (before.phase == CLUSTER_ACCEPTED && static_same_voters(&before, &proposal)) {
        proposal.cluster_id = before.cluster_id;
    } else if (uuid_generate(&proposal.cluster_id) != STATUS_OK) {
        return false;
    }
    if (start_accept(broker, &proposal) != STATUS_OK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char address[ADDRESS_SIZE_MAX];
        peers_format_address(&peers[i], address);
        if (peers[i].id != broker->options.id && !static_ask_accept(broker, address, &proposal)) {
            return false;
        }
    }
    *ret_cluster = proposal;
    return true;
}

static bool static_follow(struct broker *broker, const struct cluster_file *member,
                          struct cluster_file *ret_cluster) {
    struct cluster_file own = broker->cluster;
    if (own.phase == CLUSTER_ACCEPTED && uuid_equal(&own.cluster_id, &member->cluster_id) &&
        cluster_file_incarnation(&own, broker->options.id, &broker->options.disk_uuid) != 0) {
        *ret_cluster = own;
        return true;
    }
    housekeeper_set_waiting(broker, "waiting for the controller to take this broker into the cluster");
    return join_cluster(broker, &member->cluster_id, ret_cluster);
}

bool start_static_try(struct broker *broker, struct cluster_file *ret_cluster) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    struct coordination_broker peers[BROKERS_MAX];
    mutex_lock(&housekeeper->mutex);
    size_t count = housekeeper->announced_count;
    memcpy(peers, housekeeper->announced, count * sizeof peers[0]);
    mutex_unlock(&housekeeper->mutex);
    size_t answered = 0;
    for (size_t i = 0; i < count; i++) {
        struct hello hello = {.disk_uuid = broker->options.disk_uuid};
        if (peers[i].id != broker->options.id) {
            char address[ADDRESS_SIZE_MAX];
            peers_format_address(&peers[i], address);
            if (!static_ask_hello(broker, address, &hello) || hello.broker_id != peers[i].id) {
                continue;
            }
            if (hello.cluster.phase == CLUSTER_MEMBER) {
                bool followed = static_follow(broker, &hello.cluster, ret_cluster);
                ret_cluster->phase = CLUSTER_MEMBER;
                if (followed && ret_cluster->incarnation == 0) {
                    ret_cluster->incarnation =
                        cluster_file_incarnation(ret_cluster, broker->options.id, &broker->options.disk_uuid);
                }
                return followed;
            }
        }
        peers[i].disk_uuid = hello.disk_uuid;
        answered++;
    }
    if (answered < count || count == 0) {
        housekeeper_set_waiting(broker, "waiting for %zu of %zu brokers", count - answered, count);
        return false;
    }
    housekeeper_set_waiting(broker, "waiting for broker %u to start the cluster", peers[0].id);
    if (peers[0].id != broker->options.id || !static_propose(broker, peers, count, ret_cluster)) {
        return false;
    }
    ret_cluster->phase = CLUSTER_MEMBER;
    ret_cluster->incarnation =
        cluster_file_incarnation(ret_cluster, broker->options.id, &broker->options.disk_uuid);
    return ret_cluster->incarnation != 0;
}

enum status start_accept(struct broker *broker, const struct cluster_file *proposal) {
    struct cluster_file accepted = *proposal;
    accepted.phase = CLUSTER_ACCEPTED;
    accepted.incarnation = 0;
    mutex_lock(&broker->start_mutex);
    enum status status = STATUS_CONFLICT;
    if (broker->cluster.phase != CLUSTER_MEMBER) {
        status = broker_save_cluster(broker, &accepted);
    }
    if (status == STATUS_OK) {
        mutex_lock(&broker->housekeeper.mutex);
        broker->cluster = accepted;
        mutex_unlock(&broker->housekeeper.mutex);
    }
    mutex_unlock(&broker->start_mutex);
    return status;
}
