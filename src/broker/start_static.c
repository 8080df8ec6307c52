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
    struct error error = {.message = ""};
    enum status status = caller->call(caller->context, address, "accept", buffer_slice(&request),
                                      clock_monotonic_ms() + ACCEPT_MS, &answer, &error);
    if (status != STATUS_OK) {
        housekeeper_set_waiting(broker, "waiting for %.40s to accept the first voters: %.60s", address,
                                error.message[0] ? error.message : status_name(status));
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
    struct cluster_file before;
    broker_get_cluster(broker, &before);
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
        if (peers[i].id != broker->options.id &&
            (housekeeper_is_stopping(broker) || !static_ask_accept(broker, address, &proposal))) {
            return false;
        }
    }
    *ret_cluster = proposal;
    return true;
}

static bool static_follow(struct broker *broker, const struct cluster_file *member,
                          struct cluster_file *ret_cluster) {
    struct cluster_file own;
    broker_get_cluster(broker, &own);
    own.incarnation = cluster_file_incarnation(&own, broker->options.id, &broker->options.disk_uuid);
    if (own.phase == CLUSTER_ACCEPTED && uuid_equal(&own.cluster_id, &member->cluster_id) &&
        own.incarnation != 0) {
        own.phase = CLUSTER_MEMBER;
        *ret_cluster = own;
        return true;
    }
    return join_cluster(broker, &member->cluster_id, ret_cluster);
}

/*
 * Asks the others who they are and notes their disks. Returns how many stand, this broker included; ends
 * early at one that belongs to a cluster (`ret_member`, phase MEMBER).
 */
static size_t static_ask_peers(struct broker *broker, struct coordination_broker *peers, size_t count,
                               struct cluster_file *ret_member) {
    size_t standing = 0;
    ret_member->phase = CLUSTER_NONE;
    for (size_t i = 0; i < count && !housekeeper_is_stopping(broker); i++) {
        char address[ADDRESS_SIZE_MAX];
        struct hello hello = {.broker_id = peers[i].id, .disk_uuid = broker->options.disk_uuid};
        peers_format_address(&peers[i], address);
        if (peers[i].id != broker->options.id && !static_ask_hello(broker, address, &hello)) {
            continue;
        }
        if (hello.broker_id != peers[i].id) {
            log_debug("broker", "wrong peer", "at=%s is=%u not=%u", address, hello.broker_id, peers[i].id);
            continue;
        }
        if (hello.cluster.phase == CLUSTER_MEMBER) {
            *ret_member = hello.cluster;
            return standing;
        }
        peers[i].disk_uuid = hello.disk_uuid;
        standing++;
    }
    return standing;
}

bool start_static_try(struct broker *broker, struct cluster_file *ret_cluster) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    struct coordination_broker peers[BROKERS_MAX];
    struct cluster_file member;
    mutex_lock(&housekeeper->mutex);
    size_t count = housekeeper->announced_count;
    memcpy(peers, housekeeper->announced, count * sizeof peers[0]);
    mutex_unlock(&housekeeper->mutex);
    size_t standing = static_ask_peers(broker, peers, count, &member);
    if (member.phase == CLUSTER_MEMBER) {
        return static_follow(broker, &member, ret_cluster);
    }
    if (start_founds_nothing(broker)) {
        return false;
    }
    if (standing < count || count == 0) {
        housekeeper_set_waiting(broker, "waiting for %zu of %zu brokers", count - standing, count);
        return false;
    }
    if (peers[0].id != broker->options.id) {
        housekeeper_set_waiting(broker, "waiting for broker %u to start the cluster", peers[0].id);
        return false;
    }
    if (!static_propose(broker, peers, count, ret_cluster)) {
        return false;
    }
    ret_cluster->phase = CLUSTER_MEMBER;
    ret_cluster->incarnation =
        cluster_file_incarnation(ret_cluster, broker->options.id, &broker->options.disk_uuid);
    return ret_cluster->incarnation != 0;
}

enum status start_accept(struct broker *broker, const struct cluster_file *proposal) {
    if (start_founds_nothing(broker)) {
        return STATUS_CONFLICT;
    }
    struct cluster_file accepted = *proposal;
    accepted.phase = CLUSTER_ACCEPTED;
    accepted.incarnation = 0;
    return broker_save_cluster(broker, &accepted);
}
