/*
 * The published view: who controls, what topics there are, and who leads the partitions led here. Written for
 * people and tools, never read back.
 */
#include "broker_private.h"

#include <stdlib.h>

enum {
    PARTITIONS_INTERVAL_MS = 500,
    LOOK_DEADLINE_MS = 500,
    IN_SYNC_ENTRIES = 1000,
    IN_SYNC_ANSWER_MS = 1000
};

/* A partition led here, as it stands. */
struct led {
    uint64_t group;
    uint64_t term;
    size_t member_count;
    raft_id in_sync[RAFT_MEMBERS_MAX];
};

struct led_list {
    size_t count;
    struct led led[];
};

/* What the view was told of a partition last. */
struct published_partition {
    uint64_t group;
    uint64_t term;
    char topic[NAME_SIZE_MAX + 1];
    uint32_t partition;
    struct coordination_replicas in_sync;
};

void publish_finish(struct housekeeper *housekeeper) {
    free(housekeeper->published);
    housekeeper->published = NULL;
    housekeeper->published_count = 0;
}

static void led_fill(const struct node *node, const struct node_status *status, uint64_t now_ms,
                     struct led *led) {
    struct node_member members[RAFT_MEMBERS_MAX];
    size_t count = node_members(node, status->group, members);
    *led = (struct led){.group = status->group, .term = status->term};
    for (size_t i = 0; i < count; i++) {
        const struct raft_progress *progress = &members[i].progress;
        bool answers = progress->answered_ms != 0 && now_ms - progress->answered_ms <= IN_SYNC_ANSWER_MS;
        bool near = progress->match_index + IN_SYNC_ENTRIES >= status->last_index;
        if (members[i].voter && (members[i].id == status->leader || (answers && near))) {
            led->in_sync[led->member_count++] = members[i].id;
        }
    }
}

/* In a turn. */
static void task_led(struct shard *shard, struct broker_pending *pending) {
    size_t group_count = node_group_count(shard->node);
    struct led_list *list = malloc(sizeof *list + group_count * sizeof list->led[0]);
    if (list) {
        list->count = 0;
        for (size_t i = 1; i < group_count; i++) { /* the first is the metadata group */
            struct node_status status;
            if (node_status(shard->node, node_group_at(shard->node, i), &status) &&
                status.role == RAFT_LEADER && status.ready) {
                led_fill(shard->node, &status, shard->now_ms, &list->led[list->count++]);
            }
        }
    }
    pending->collected = list;
    pending_finish(pending);
}

/* `list` is ascending by group. NULL: not among them. */
static const struct published_partition *published_find(const struct published_partition *list, size_t count,
                                                        uint64_t group) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].group < group) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && list[low].group == group ? &list[low] : NULL;
}

/* Names instead of group and incarnations. False: the topic is gone. */
static bool led_translate(struct broker *broker, const struct led *led, struct published_partition *ret) {
    *ret = (struct published_partition){.group = led->group, .term = led->term};
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    const struct metadata_topic *topic =
        metadata_topic_of_group(broker->metadata, led->group, &ret->partition);
    if (topic) {
        memcpy(ret->topic, topic->name, sizeof ret->topic);
        for (size_t i = 0; i < led->member_count; i++) {
            uint32_t id = metadata_broker_id_of(broker->metadata, led->in_sync[i]);
            if (id != 0) {
                ret->in_sync.broker_ids[ret->in_sync.count++] = id;
            }
        }
    }
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    return topic != NULL;
}

static bool published_same(const struct published_partition *a, const struct published_partition *b) {
    return a->group == b->group && a->term == b->term && a->in_sync.count == b->in_sync.count &&
           memcmp(a->in_sync.broker_ids, b->in_sync.broker_ids,
                  a->in_sync.count * sizeof a->in_sync.broker_ids[0]) == 0;
}

/* False: coordination had no room for it, and is asked again. */
static bool publish_partition(struct broker *broker, const struct published_partition *partition) {
    struct coordination_partition desired = {
        .topic = partition->topic,
        .partition = partition->partition,
        .group = partition->group,
        .leader_epoch = partition->term,
        .controller_epoch = broker->housekeeper.published_term,
        .in_sync = partition->in_sync,
    };
    enum status status = coordination_publish_partition(broker->options.coordination, &desired);
    if (status != STATUS_OK) {
        log_warn("broker", "partition not published", "topic=%s partition=%u status=%s", partition->topic,
                 partition->partition, status_name(status));
    }
    return status == STATUS_OK;
}

/* Those led before and no longer are somebody else's to publish. */
static void publish_forget(struct broker *broker, const struct published_partition *now, size_t count) {
    const struct housekeeper *housekeeper = &broker->housekeeper;
    for (size_t i = 0; i < housekeeper->published_count; i++) {
        const struct published_partition *before = &housekeeper->published[i];
        if (published_find(now, count, before->group) == NULL) {
            coordination_forget_partition(broker->options.coordination, before->topic, before->partition);
        }
    }
}

static void publish_led(struct broker *broker, const struct led_list *list) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    struct published_partition *now = calloc(list->count + 1, sizeof *now);
    if (now == NULL) {
        return; /* tried again in a moment */
    }
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        count += led_translate(broker, &list->led[i], &now[count]);
    }
    /* First, since a topic that was made again has the old one's name. */
    publish_forget(broker, now, count);
    for (size_t i = 0; i < count; i++) {
        const struct published_partition *before =
            published_find(housekeeper->published, housekeeper->published_count, now[i].group);
        bool same = before && published_same(before, &now[i]);
        if (!same && !publish_partition(broker, &now[i])) {
            now[i].term = 0; /* no leader has that: it differs the next time */
        }
    }
    free(housekeeper->published);
    housekeeper->published = now;
    housekeeper->published_count = count;
}

static void publish_partitions(struct broker *broker) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return;
    }
    pending->task = task_led;
    if (shard_run(&broker->shard, pending) &&
        pending_wait(pending, clock_monotonic_ms() + LOOK_DEADLINE_MS) && pending->collected) {
        publish_led(broker, pending->collected);
    }
    pending_release(pending);
}

static void publish_fill_topic(const struct metadata *metadata, const struct metadata_topic *topic,
                               struct coordination_topic *desired, struct coordination_replicas *partitions,
                               struct coordination_config *configs) {
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        for (uint32_t r = 0; r < topic->partitions[p].replica_count; r++) {
            partitions[p].broker_ids[partitions[p].count++] =
                metadata_broker_id_of(metadata, topic->partitions[p].replicas[r]);
        }
    }
    for (uint32_t c = 0; c < topic->config_count; c++) {
        configs[c] =
            (struct coordination_config){.name = topic->configs[c].name, .value = topic->configs[c].value};
    }
    *desired = (struct coordination_topic){
        .name = topic->name,
        .id = topic->topic_id,
        .partitions = partitions,
        .partition_count = topic->partition_count,
        .configs = configs,
        .config_count = topic->config_count,
    };
}

/* The whole list of topics, as the metadata has it now. With the metadata lock held for reading. */
static enum status publish_topics_locked(struct broker *broker) {
    const struct metadata *metadata = broker->metadata;
    size_t topic_count = metadata_topic_count(metadata);
    size_t partition_count = 0;
    size_t config_count = 0;
    for (size_t i = 0; i < topic_count; i++) {
        partition_count += metadata_topic_at(metadata, i)->partition_count;
        config_count += metadata_topic_at(metadata, i)->config_count;
    }
    _cleanup_free_ struct coordination_topic *topics = calloc(topic_count + 1, sizeof *topics);
    _cleanup_free_ struct coordination_replicas *partitions = calloc(partition_count + 1, sizeof *partitions);
    _cleanup_free_ struct coordination_config *configs = calloc(config_count + 1, sizeof *configs);
    if (topics == NULL || partitions == NULL || configs == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct coordination_replicas *next_partitions = partitions;
    struct coordination_config *next_configs = configs;
    for (size_t i = 0; i < topic_count; i++) {
        const struct metadata_topic *topic = metadata_topic_at(metadata, i);
        publish_fill_topic(metadata, topic, &topics[i], next_partitions, next_configs);
        next_partitions += topic->partition_count;
        next_configs += topic->config_count;
    }
    return coordination_sync_view(broker->options.coordination, topics, topic_count);
}

static void publish_topics(struct broker *broker) {
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    uint64_t applied = metadata_applied_index(broker->metadata);
    enum status status = STATUS_OK;
    if (applied != broker->housekeeper.published_metadata) {
        status = publish_topics_locked(broker);
    }
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    if (status == STATUS_OK) {
        broker->housekeeper.published_metadata = applied;
    } else {
        log_warn("broker", "view not published", "status=%s", status_name(status));
    }
}

/* Who leads group 0, as far as this broker knows. */
static void publish_controller(struct broker *broker) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    struct broker_route route = {.leader = 0};
    if (!route_known(broker, METADATA_GROUP, &route)) {
        route = (struct broker_route){.term = housekeeper->published_term};
    }
    if (route.leader == housekeeper->published_leader && route.term == housekeeper->published_term) {
        return;
    }
    housekeeper->published_leader = route.leader;
    housekeeper->published_term = route.term;
    housekeeper->published_metadata = 0;
    if (route.here) {
        coordination_publish_controller(broker->options.coordination, route.term);
    } else {
        coordination_observed_leader(broker->options.coordination, route.leader, route.term);
    }
}

void publish_view(struct broker *broker) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    publish_controller(broker);
    if (housekeeper->published_leader == broker->options.id) {
        publish_topics(broker);
    }
    mutex_lock(&housekeeper->mutex);
    bool due = housekeeper->leaders_changed || housekeeper->metadata_changed;
    housekeeper->leaders_changed = false;
    housekeeper->metadata_changed = false;
    mutex_unlock(&housekeeper->mutex);
    uint64_t now_ms = clock_monotonic_ms();
    if (due || now_ms >= housekeeper->partitions_ms + PARTITIONS_INTERVAL_MS) {
        housekeeper->partitions_ms = now_ms;
        publish_partitions(broker);
    }
}
