#include "partition_row.h"

#include "aviary/base/clock.h"

bool partition_member_in_sync(uint64_t lag, uint64_t answered_ms, uint64_t now_ms) {
    return answered_ms > 0 && answered_ms + RAFT_ELECTION_MAX_MS >= now_ms && lag <= RAFT_APPEND_ENTRIES_MAX;
}

/* Broker ids of what Raft knows by incarnation. */
static void name_members(struct api *api, const struct broker_replica_status *replica,
                         struct partition_row *row) {
    const struct metadata *metadata;
    if (broker_lock_metadata(api->broker, &metadata, NULL) != STATUS_OK) {
        return;
    }
    row->leader = metadata_broker_id_of(metadata, replica->status.leader);
    for (size_t i = 0; i < row->member_count; i++) {
        row->members[i].broker = metadata_broker_id_of(metadata, replica->members[i].id);
    }
    broker_unlock_metadata(api->broker);
}

static void read_member(const struct node_status *status, const struct node_member *from,
                        struct partition_member *to) {
    bool is_leader = from->id == status->leader;
    uint64_t match = is_leader ? status->last_index : from->progress.match_index;
    to->voter = from->voter;
    to->match_index = match;
    to->lag = status->last_index > match ? status->last_index - match : 0;
    to->in_sync =
        is_leader || partition_member_in_sync(to->lag, from->progress.answered_ms, clock_monotonic_ms());
}

bool partition_row_read(struct api *api, uint64_t group, uint64_t deadline_ms,
                        struct partition_row *ret_row) {
    struct broker_partition_position position;
    struct broker_replica_status replica;
    if (!broker_partition_position(api->broker, group, &position) || !position.here ||
        !broker_replica_status(api->broker, group, deadline_ms, &replica) ||
        replica.status.role != RAFT_LEADER) {
        return false;
    }
    *ret_row = (struct partition_row){.status = replica.status, .member_count = replica.member_count};
    for (size_t i = 0; i < replica.member_count; i++) {
        read_member(&replica.status, &replica.members[i], &ret_row->members[i]);
    }
    name_members(api, &replica, ret_row);
    return true;
}

static void write_member(struct json_writer *writer, const struct partition_member *member) {
    json_begin_object(writer);
    json_key(writer, "broker");
    json_uint64(writer, member->broker);
    json_key(writer, "voter");
    json_bool(writer, member->voter);
    json_key(writer, "in_sync");
    json_bool(writer, member->in_sync);
    json_key(writer, "match_index");
    json_uint64(writer, member->match_index);
    json_key(writer, "lag");
    json_uint64(writer, member->lag);
    json_end_object(writer);
}

void partition_row_write_members(struct json_writer *writer, const struct partition_row *row) {
    json_begin_array(writer);
    for (size_t i = 0; i < row->member_count; i++) {
        write_member(writer, &row->members[i]);
    }
    json_end_array(writer);
}

static void write_head(struct json_writer *writer, const char *topic,
                       const struct listed_partition *partition) {
    json_key(writer, "topic");
    json_string_z(writer, topic);
    json_key(writer, "partition");
    json_uint64(writer, partition->partition);
    json_key(writer, "group");
    json_uint64(writer, partition->group);
    json_key(writer, "preferred_leader");
    json_uint64(writer, partition->preferred_leader);
    json_key(writer, "leader");
}

void partition_row_write(struct json_writer *writer, const char *topic,
                         const struct listed_partition *partition, const struct partition_row *row) {
    const struct node_status *status = &row->status;
    json_begin_object(writer);
    write_head(writer, topic, partition);
    json_uint64(writer, row->leader);
    json_key(writer, "term");
    json_uint64(writer, status->term);
    json_key(writer, "log_start_offset");
    json_int64(writer, status->log_start_offset);
    json_key(writer, "high_watermark");
    json_int64(writer, status->next_offset);
    json_key(writer, "commit_index");
    json_uint64(writer, status->commit_index);
    json_key(writer, "last_index");
    json_uint64(writer, status->last_index);
    json_key(writer, "replicas");
    partition_row_write_members(writer, row);
    json_end_object(writer);
}

void partition_row_write_leaderless(struct json_writer *writer, const char *topic,
                                    const struct listed_partition *partition) {
    json_begin_object(writer);
    write_head(writer, topic, partition);
    json_null(writer);
    json_end_object(writer);
}
