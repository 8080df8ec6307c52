/*
 * What the metadata is made of; shared by its files only.
 */
#ifndef AVIARY_METADATA_STATE_H
#define AVIARY_METADATA_STATE_H

#include "aviary/metadata.h"

struct broker_entry {
    struct metadata_broker broker;
    /* Counted over `replicas` of all topics, so that placement need not walk them. */
    uint32_t replica_count;
    uint32_t leader_count; /* partitions that prefer it as leader */
};

struct metadata {
    uint64_t applied_index;
    struct uuid cluster_id;
    uint32_t first_voter_count;
    uint64_t next_group;

    uint32_t *owners; /* broker id of incarnation i + 1; 0: passed over */
    size_t incarnation_count;
    size_t incarnation_capacity;

    struct broker_entry brokers[BROKERS_MAX]; /* ascending by id */
    size_t broker_count;

    struct metadata_topic **by_name;  /* owns the topics */
    struct metadata_topic **by_group; /* the same, ascending by group: each has a run of groups of its own */
    size_t topic_count;
    size_t topic_capacity; /* of both arrays */
    size_t partition_count;

    /* What the last apply's metadata_changes points to once the topic is gone. */
    char deleted_name[NAME_SIZE_MAX + 1];
    uint64_t deleted_groups[PARTITIONS_PER_TOPIC_MAX];
};

/* Frees what the state owns, not the state itself. */
void metadata_release(struct metadata *metadata);

/* ---- Brokers ---- */

/* Where `id` stands or would be inserted. */
size_t metadata_broker_position(const struct metadata *metadata, uint32_t id);
/* NULL: not registered. */
struct broker_entry *metadata_broker_find(struct metadata *metadata, uint32_t id);
/* Inserts where its id belongs. It is not there, and there is room. */
void metadata_broker_insert(struct metadata *metadata, const struct metadata_broker *broker);
/* Room for one more incarnation. TOO_LARGE, NO_MEMORY. */
enum status metadata_incarnation_reserve(struct metadata *metadata) AVIARY_MUST_USE;
/* Gives the next one to a broker; room was reserved. */
raft_id metadata_incarnation_give(struct metadata *metadata, uint32_t broker_id);

/* ---- Topics ---- */

/* With arrays for its counts, zeroed. NULL: no memory. */
struct metadata_topic *metadata_topic_create(uint32_t partition_count, uint32_t config_count);
/* Takes NULL. */
void metadata_topic_destroy(struct metadata_topic *topic);
/* Where `name` stands or would be inserted in by_name; `ret_found` whether it is there. */
size_t metadata_topic_position(const struct metadata *metadata, struct slice name, bool *ret_found);
/* Room for one more topic. NO_MEMORY. */
enum status metadata_topic_reserve(struct metadata *metadata) AVIARY_MUST_USE;
/* Takes the topic over, into both arrays, and counts its replicas. Its name and groups are not there, its
 * groups follow each other, its replicas are current incarnations, room was reserved. */
void metadata_topic_insert(struct metadata *metadata, struct metadata_topic *topic);
/* Takes it out of both arrays and counts its replicas no more; the caller destroys it. */
void metadata_topic_remove(struct metadata *metadata, struct metadata_topic *topic);

static inline struct slice topic_name(const struct metadata_topic *topic) {
    return slice_of_string(topic->name);
}

static inline uint64_t topic_first_group(const struct metadata_topic *topic) {
    return topic->partitions[0].group;
}

#endif
