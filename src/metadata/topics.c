/*
 * The table of topics: found by name and by group.
 */
#include "aviary/base/assert.h"
#include "state.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16 };

struct metadata_topic *metadata_topic_create(uint32_t partition_count, uint32_t config_count) {
    struct metadata_topic *topic = calloc(1, sizeof *topic);
    if (!topic) {
        return NULL;
    }
    topic->partition_count = partition_count;
    topic->config_count = config_count;
    topic->partitions = calloc(partition_count, sizeof *topic->partitions);
    topic->configs = config_count > 0 ? calloc(config_count, sizeof *topic->configs) : NULL;
    if (!topic->partitions || (config_count > 0 && !topic->configs)) {
        metadata_topic_destroy(topic);
        return NULL;
    }
    return topic;
}

void metadata_topic_destroy(struct metadata_topic *topic) {
    if (!topic) {
        return;
    }
    free(topic->partitions);
    free(topic->configs);
    free(topic);
}

/* Byte order, a prefix before what it begins. */
static int compare(struct slice a, struct slice b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

size_t metadata_topic_position(const struct metadata *metadata, struct slice name, bool *ret_found) {
    size_t low = 0;
    size_t high = metadata->topic_count;
    bool found = false;
    while (low < high && !found) {
        size_t middle = low + (high - low) / 2;
        int order = compare(topic_name(metadata->by_name[middle]), name);
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
            found = order == 0;
        }
    }
    *ret_found = found;
    return high;
}

/* How many topics of by_group begin at `group` or below. */
static size_t groups_up_to(const struct metadata *metadata, uint64_t group) {
    size_t low = 0;
    size_t high = metadata->topic_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (topic_first_group(metadata->by_group[middle]) <= group) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum status metadata_topic_reserve(struct metadata *metadata) {
    if (metadata->topic_count < metadata->topic_capacity) {
        return STATUS_OK;
    }
    size_t capacity = metadata->topic_capacity > 0 ? 2 * metadata->topic_capacity : CAPACITY_FIRST;
    struct metadata_topic **by_name = realloc(metadata->by_name, capacity * sizeof *by_name);
    if (!by_name) {
        return STATUS_NO_MEMORY;
    }
    metadata->by_name = by_name;
    struct metadata_topic **by_group = realloc(metadata->by_group, capacity * sizeof *by_group);
    if (!by_group) {
        return STATUS_NO_MEMORY;
    }
    metadata->by_group = by_group;
    metadata->topic_capacity = capacity;
    return STATUS_OK;
}

static void count_replicas(struct metadata *metadata, const struct metadata_topic *topic, bool more) {
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        const struct metadata_partition *partition = &topic->partitions[p];
        for (uint32_t r = 0; r < partition->replica_count; r++) {
            uint32_t id = metadata_broker_id_of(metadata, partition->replicas[r]);
            struct broker_entry *entry = metadata_broker_find(metadata, id);
            ASSERT(entry != NULL);
            entry->replica_count += more ? 1U : -1U;
            entry->leader_count += r > 0 ? 0 : more ? 1U : -1U;
        }
    }
}

static void insert_at(struct metadata_topic **topics, size_t count, size_t position,
                      struct metadata_topic *topic) {
    memmove(topics + position + 1, topics + position, (count - position) * sizeof(struct metadata_topic *));
    topics[position] = topic;
}

static void remove_at(struct metadata_topic **topics, size_t count, size_t position) {
    memmove(topics + position, topics + position + 1,
            (count - position - 1) * sizeof(struct metadata_topic *));
}

void metadata_topic_insert(struct metadata *metadata, struct metadata_topic *topic) {
    ASSERT(metadata->topic_count < metadata->topic_capacity);
    bool found;
    size_t position = metadata_topic_position(metadata, topic_name(topic), &found);
    ASSERT(!found);
    insert_at(metadata->by_name, metadata->topic_count, position, topic);
    position = groups_up_to(metadata, topic_first_group(topic));
    insert_at(metadata->by_group, metadata->topic_count, position, topic);
    metadata->topic_count++;
    metadata->partition_count += topic->partition_count;
    count_replicas(metadata, topic, true);
}

void metadata_topic_remove(struct metadata *metadata, struct metadata_topic *topic) {
    bool found;
    size_t position = metadata_topic_position(metadata, topic_name(topic), &found);
    ASSERT(found);
    remove_at(metadata->by_name, metadata->topic_count, position);
    position = groups_up_to(metadata, topic_first_group(topic)) - 1;
    ASSERT(metadata->by_group[position] == topic);
    remove_at(metadata->by_group, metadata->topic_count, position);
    metadata->topic_count--;
    metadata->partition_count -= topic->partition_count;
    count_replicas(metadata, topic, false);
}

size_t metadata_topic_count(const struct metadata *metadata) {
    return metadata->topic_count;
}

size_t metadata_partition_count(const struct metadata *metadata) {
    return metadata->partition_count;
}

const struct metadata_topic *metadata_topic_at(const struct metadata *metadata, size_t position) {
    ASSERT(position < metadata->topic_count);
    return metadata->by_name[position];
}

const struct metadata_topic *metadata_topic_find(const struct metadata *metadata, struct slice name) {
    bool found;
    size_t position = metadata_topic_position(metadata, name, &found);
    return found ? metadata->by_name[position] : NULL;
}

const struct metadata_topic *metadata_topic_of_group(const struct metadata *metadata, uint64_t group,
                                                     uint32_t *ret_partition) {
    size_t after = groups_up_to(metadata, group);
    if (after == 0) {
        return NULL;
    }
    const struct metadata_topic *topic = metadata->by_group[after - 1];
    uint64_t partition = group - topic_first_group(topic);
    if (partition >= topic->partition_count) {
        return NULL;
    }
    *ret_partition = (uint32_t)partition;
    return topic;
}

static bool names(const struct metadata_partition *partition, raft_id incarnation) {
    for (uint32_t r = 0; r < partition->replica_count; r++) {
        if (partition->replicas[r] == incarnation) {
            return true;
        }
    }
    return false;
}

bool metadata_next_replica(const struct metadata *metadata, raft_id incarnation,
                           struct metadata_cursor *cursor, const struct metadata_topic **ret_topic,
                           uint32_t *ret_partition) {
    for (; cursor->topic < metadata->topic_count; cursor->topic++, cursor->partition = 0) {
        const struct metadata_topic *topic = metadata->by_name[cursor->topic];
        while (cursor->partition < topic->partition_count) {
            uint32_t partition = cursor->partition++;
            if (names(&topic->partitions[partition], incarnation)) {
                *ret_topic = topic;
                *ret_partition = partition;
                return true;
            }
        }
    }
    return false;
}
