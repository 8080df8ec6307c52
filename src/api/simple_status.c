/* GET /status and GET /heartbeat */
#include "aviary/base/clock.h"

#include <stdio.h>

#include "handlers.h"
#include "simple.h"
#include "text.h"

enum { URL_SIZE = ADDRESS_SIZE_MAX + 8, STATUS_DEADLINE_MS = 1000 };

/* What /status tells of one group. */
struct standing {
    const char *role;
    uint64_t term;
    uint64_t commit_index;
    uint32_t voted_for; /* broker ids; 0: nobody */
    uint32_t leader_id;
    char leader_url[URL_SIZE]; /* empty: not known */
    uint32_t quorum;
};

static void format_url(const char *address, char url[URL_SIZE]) {
    snprintf(url, URL_SIZE, "http://%s", address);
}

/* The group of `messages` once it exists, the metadata group before. */
static uint64_t group_of_interest(struct call *call) {
    uint64_t group;
    enum status status =
        broker_find_partition(call->api->broker, slice_of_string(SIMPLE_TOPIC), 0, &group, NULL);
    return status == STATUS_OK ? group : METADATA_GROUP;
}

static uint32_t quorum_of(const struct broker_replica_status *replica) {
    uint32_t voters = 0;
    for (size_t i = 0; i < replica->member_count; i++) {
        voters += replica->members[i].voter;
    }
    return voters / 2 + 1;
}

/* Broker ids and the leader's address, from the metadata. */
static void name_standing(struct call *call, const struct node_status *status, struct standing *standing) {
    const struct metadata *metadata;
    if (broker_lock_metadata(call->api->broker, &metadata, NULL) != STATUS_OK) {
        return;
    }
    standing->voted_for = metadata_broker_id_of(metadata, status->vote);
    standing->leader_id = metadata_broker_id_of(metadata, status->leader);
    const struct metadata_broker *leader = metadata_broker_by_id(metadata, standing->leader_id);
    if (leader) {
        format_url(leader->rest_address, standing->leader_url);
    }
    broker_unlock_metadata(call->api->broker);
}

static const char *role_name(enum raft_role role) {
    switch (role) {
    case RAFT_LEADER:
        return "leader";
    case RAFT_PRE_CANDIDATE:
    case RAFT_CANDIDATE:
        return "candidate";
    case RAFT_FOLLOWER:
        break;
    }
    return "follower";
}

static void read_standing(struct call *call, struct standing *ret_standing) {
    uint64_t group = group_of_interest(call);
    uint64_t deadline_ms = clock_monotonic_ms() + STATUS_DEADLINE_MS;
    struct broker_replica_status replica;
    struct broker_route route;
    *ret_standing = (struct standing){.role = "none"};
    if (broker_replica_status(call->api->broker, group, deadline_ms, &replica)) {
        ret_standing->role = role_name(replica.status.role);
        ret_standing->term = replica.status.term;
        ret_standing->commit_index = replica.status.commit_index;
        ret_standing->quorum = quorum_of(&replica);
        name_standing(call, &replica.status, ret_standing);
    } else if (broker_find_leader(call->api->broker, group, deadline_ms, &route, NULL) == STATUS_OK) {
        ret_standing->term = route.term; /* no replica here: who leads is all there is to tell */
        ret_standing->leader_id = route.leader;
        format_url(route.rest_address, ret_standing->leader_url);
    }
}

static void write_peers(struct json_writer *writer, const struct peer *peers, size_t count) {
    char url[URL_SIZE];
    json_key(writer, "peers");
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        format_url(peers[i].rest_address, url);
        json_string_z(writer, url);
    }
    json_end_array(writer);
    json_key(writer, "peer_status");
    json_begin_object(writer);
    for (size_t i = 0; i < count; i++) {
        format_url(peers[i].rest_address, url);
        json_key(writer, url);
        json_begin_object(writer);
        json_key(writer, "last_ok");
        if (peers[i].last_ok_ms > 0) {
            json_int64(writer, peers[i].last_ok_ms);
        } else {
            json_null(writer);
        }
        json_key(writer, "alive");
        json_bool(writer, peers[i].alive);
        json_end_object(writer);
    }
    json_end_object(writer);
}

static void write_id(struct json_writer *writer, const char *key, uint32_t id) {
    json_key(writer, key);
    if (id > 0) {
        json_uint64(writer, id);
    } else {
        json_null(writer);
    }
}

static void write_consensus(struct json_writer *writer, const struct standing *standing) {
    json_key(writer, "consensus");
    json_begin_object(writer);
    json_key(writer, "role");
    json_string_z(writer, standing->role);
    json_key(writer, "current_term");
    json_uint64(writer, standing->term);
    write_id(writer, "voted_for", standing->voted_for);
    write_id(writer, "leader_id", standing->leader_id);
    json_key(writer, "leader_url");
    if (standing->leader_url[0] != '\0') {
        json_string_z(writer, standing->leader_url);
    } else {
        json_null(writer);
    }
    json_end_object(writer);
}

/* The port in this broker's own address. */
static uint64_t own_port(const struct call *call) {
    const char *colon = strrchr(call->api->rest_address, ':');
    uint64_t port = 0;
    if (colon) {
        (void)text_to_u64(slice_of_string(colon + 1), UINT16_MAX, &port);
    }
    return port;
}

void handle_simple_status(struct call *call) {
    struct peer peers[BROKERS_MAX];
    size_t peer_count = peers_get(call->api, peers);
    struct standing standing;
    read_standing(call, &standing);
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "node_id");
    json_uint64(&writer, call->api->broker_id);
    json_key(&writer, "port");
    json_uint64(&writer, own_port(call));
    write_peers(&writer, peers, peer_count);
    json_key(&writer, "replication_mode");
    json_string_z(&writer, "raft");
    json_key(&writer, "quorum");
    json_uint64(&writer, standing.quorum);
    json_key(&writer, "commit_index");
    json_uint64(&writer, standing.commit_index);
    write_consensus(&writer, &standing);
    json_end_object(&writer);
}

void handle_simple_heartbeat(struct call *call) {
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "status");
    json_string_z(&writer, "ok");
    json_key(&writer, "node_id");
    json_uint64(&writer, call->api->broker_id);
    json_key(&writer, "time");
    json_int64(&writer, clock_wall_ms());
    json_end_object(&writer);
}
