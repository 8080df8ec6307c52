/* The port: checks what every implementation may rely on, and hands over. */
#include "aviary/coordination.h"

#include "aviary/base/assert.h"

#include <string.h>

enum status coordination_start(struct coordination *coordination, const struct coordination_start *start,
                               struct error *error) {
    ASSERT(start->on_event != NULL);
    ASSERT(start->self.id > 0);
    return coordination->operations->start(coordination, start, error);
}

void coordination_destroy(struct coordination *coordination) {
    if (coordination) {
        coordination->operations->destroy(coordination);
    }
}

static void assert_is_cluster(const struct coordination_cluster *cluster) {
    ASSERT(!uuid_is_zero(&cluster->id));
    ASSERT(cluster->first_voter_count >= 1);
    ASSERT(cluster->first_voter_count <= FIRST_VOTERS_MAX);
}

enum status coordination_create_cluster(struct coordination *coordination,
                                        const struct coordination_cluster *cluster) {
    assert_is_cluster(cluster);
    return coordination->operations->create_cluster(coordination, cluster);
}

void coordination_set_cluster(struct coordination *coordination, const struct coordination_cluster *cluster) {
    assert_is_cluster(cluster);
    coordination->operations->set_cluster(coordination, cluster);
}

void coordination_publish_controller(struct coordination *coordination, uint64_t term) {
    ASSERT(term > 0);
    coordination->operations->publish_controller(coordination, term);
}

void coordination_observed_leader(struct coordination *coordination, uint32_t broker_id, uint64_t term) {
    coordination->operations->observed_leader(coordination, broker_id, term);
}

/* The name becomes a part of a path, so it is checked here whoever checked it before. */
static bool topic_name_is_valid(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = strlen(name);
    return size >= 1 && size <= NAME_SIZE_MAX && strspn(name, letters) == size && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static bool topic_is_valid(const struct coordination_topic *topic) {
    return topic_name_is_valid(topic->name) && topic->partition_count >= 1 &&
           topic->partition_count <= PARTITIONS_PER_TOPIC_MAX && topic->config_count <= TOPIC_CONFIGS_MAX;
}

enum status coordination_publish_topic(struct coordination *coordination,
                                       const struct coordination_topic *topic) {
    if (!topic_is_valid(topic)) {
        return STATUS_INVALID;
    }
    return coordination->operations->publish_topic(coordination, topic);
}

enum status coordination_remove_topic(struct coordination *coordination, const char *name) {
    if (!topic_name_is_valid(name)) {
        return STATUS_INVALID;
    }
    return coordination->operations->remove_topic(coordination, name);
}

enum status coordination_sync_view(struct coordination *coordination, const struct coordination_topic *topics,
                                   size_t count) {
    if (count > TOPICS_MAX) {
        return STATUS_TOO_LARGE;
    }
    for (size_t i = 0; i < count; i++) {
        if (!topic_is_valid(&topics[i])) {
            return STATUS_INVALID;
        }
    }
    return coordination->operations->sync_view(coordination, topics, count);
}

enum status coordination_publish_partition(struct coordination *coordination,
                                           const struct coordination_partition *partition) {
    if (!topic_name_is_valid(partition->topic) || partition->partition >= PARTITIONS_PER_TOPIC_MAX ||
        partition->in_sync.count > RAFT_MEMBERS_MAX) {
        return STATUS_INVALID;
    }
    return coordination->operations->publish_partition(coordination, partition);
}

void coordination_forget_partition(struct coordination *coordination, const char *topic, uint32_t partition) {
    coordination->operations->forget_partition(coordination, topic, partition);
}

void coordination_status(struct coordination *coordination, struct coordination_status *ret_status) {
    coordination->operations->status(coordination, ret_status);
}

const char *coordination_mode_name(enum coordination_mode mode) {
    switch (mode) {
    case COORDINATION_ALONE:
        return "alone";
    case COORDINATION_STATIC:
        return "static";
    case COORDINATION_ZOOKEEPER:
        return "zookeeper";
    }
    return "unknown";
}
