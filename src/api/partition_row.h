/* How one partition stands, as its leader sees it. */
#ifndef API_PARTITION_ROW_H
#define API_PARTITION_ROW_H

#include "partition_list.h"

/* A member of the partition's group. */
struct partition_member {
    uint32_t broker; /* 0: an incarnation that nobody knows any more */
    bool voter;
    bool in_sync;
    uint64_t match_index;
    uint64_t lag; /* entries behind the leader's last */
};

struct partition_row {
    struct node_status status;
    uint32_t leader; /* broker id; 0: not known */
    size_t member_count;
    struct partition_member members[RAFT_MEMBERS_MAX];
};

/* Of a partition's group, or of METADATA_GROUP. False: this broker does not lead it, or no turn
 * answered by `deadline_ms`. */
bool partition_row_read(struct api *api, uint64_t group, uint64_t deadline_ms, struct partition_row *ret_row);
/* {"topic","partition",...} */
void partition_row_write(struct json_writer *writer, const char *topic,
                         const struct listed_partition *partition, const struct partition_row *row);
/* The same where nobody that answered leads it. */
void partition_row_write_leaderless(struct json_writer *writer, const char *topic,
                                    const struct listed_partition *partition);

/* [{"broker",...},...]: the members alone. */
void partition_row_write_members(struct json_writer *writer, const struct partition_row *row);

/*
 * A follower is in sync that answered the leader within an election timeout and lacks no more than what one
 * AppendEntries carries.
 */
bool partition_member_in_sync(uint64_t lag, uint64_t answered_ms, uint64_t now_ms);

#endif
