/*
 * metadata: the state machine of group 0, pure. Brokers and their incarnations, topics, configs, assignments.
 *
 * Commands come in as encoded bytes from the log (RAFT_ENTRY_COMMAND); applying is deterministic: a command
 * carries everything that was chosen (replicas, times, uuids). The state counts group ids and incarnations,
 * and never reuses one.
 *
 * What depends on what a build knows (metadata_check_config) is checked by the one who proposes and never at
 * apply: builds of different age must agree about every entry of the log.
 *
 * Threads: one at a time (the broker reads it under its own lock). Memory: bounded by BROKERS_MAX,
 * INCARNATIONS_MAX, TOPICS_MAX, PARTITIONS_MAX and TOPIC_CONFIGS_MAX; apply with NO_MEMORY leaves the state
 * as it was and the driver stops.
 */
#ifndef AVIARY_METADATA_H
#define AVIARY_METADATA_H

#include "aviary/raft/entry.h"
#include "aviary/raft/types.h"

struct metadata;

enum { ADDRESS_SIZE_MAX = HOST_SIZE_MAX + 8 }; /* "host:port" with its NUL */

/* Group ids stay below: JSON's numbers hold them exactly. */
#define METADATA_GROUP_MAX (UINT64_C(1) << 53)

struct metadata_broker {
    uint32_t id;
    raft_id incarnation;   /* the current one */
    struct uuid disk_uuid; /* of that incarnation */
    char rest_address[ADDRESS_SIZE_MAX];
    char peer_address[ADDRESS_SIZE_MAX];
};

struct metadata_partition {
    uint64_t group; /* Raft group id, above 0 */
    uint32_t initial_count;
    raft_id initial[REPLICATION_FACTOR_MAX]; /* incarnations that were the group's first voters: its
                                                configuration at index 0 */
    uint32_t replica_count;
    raft_id replicas[REPLICATION_FACTOR_MAX]; /* incarnations that should be voters now; [0] is the preferred
                                                 leader */
};

struct metadata_config {
    char name[NAME_SIZE_MAX + 1];
    char value[TOPIC_CONFIG_VALUE_MAX];
};

struct metadata_topic {
    char name[NAME_SIZE_MAX + 1];
    struct uuid topic_id;
    uint64_t version; /* index of the command that created or configured it last: its ETag. A new incarnation
                         of a broker leaves it: the topic is still on the same brokers */
    uint32_t replication_factor;
    uint32_t partition_count;
    struct metadata_partition *partitions; /* owned by the topic */
    uint32_t config_count;
    struct metadata_config *configs; /* owned; ascending by name */
};

/* The first voters of a cluster: they get incarnations 1..n in the order of their broker ids. */
struct metadata_first_voter {
    uint32_t broker_id;
    struct uuid disk_uuid;
};

/*
 * The state before any command: cluster id and first voters (up to FIRST_VOTERS_MAX, ids above 0 and
 * distinct, in any order), whose addresses are empty until they register. `count` 0: no cluster's state, only
 * a place to restore a snapshot into. NULL: no memory.
 */
struct metadata *metadata_create(const struct uuid *cluster_id, const struct metadata_first_voter *voters,
                                 size_t count);
/* Takes NULL. */
void metadata_destroy(struct metadata *metadata);
/* The configuration of group 0 at index 0: incarnations 1..n as voters. */
void metadata_first_configuration(size_t voter_count, struct raft_configuration *ret);

/* ---- Commands ---- */

enum metadata_command_type {
    METADATA_REGISTER_BROKER = 1, /* a broker came (or changed its address); with a new disk uuid: a new
                                     incarnation, which takes the old one's place in the `replicas` of every
                                     partition */
    METADATA_CREATE_TOPIC = 2,
    METADATA_DELETE_TOPIC = 3,
    METADATA_CONFIGURE_TOPIC = 4,
    METADATA_SKIP_NUMBERS = 5, /* unsafe recovery: group ids and incarnations that a lost part of the log may
                                  have given are passed over; such incarnations count as superseded */
};

struct metadata_assignment {
    uint32_t count;
    raft_id replicas[REPLICATION_FACTOR_MAX];
};

struct metadata_command {
    enum metadata_command_type type;
    struct metadata_broker broker; /* REGISTER_BROKER; incarnation is not read */
    char topic[NAME_SIZE_MAX + 1]; /* the others */
    struct uuid topic_id;          /* CREATE: of the new topic */
    uint64_t expected_version;     /* DELETE, CONFIGURE: 0, or CONFLICT unless the topic has this version */
    uint32_t partition_count;      /* CREATE */
    uint32_t replication_factor;   /* CREATE */
    struct metadata_assignment *assignments; /* CREATE: partition_count of them, of replication_factor
                                                incarnations each, first the preferred leader; a superseded
                                                one stands for its broker's current one; owned after decode */
    uint32_t config_count;
    struct metadata_config *configs; /* CREATE, CONFIGURE (an empty value removes); owned after decode */
    uint64_t skipped_groups;         /* SKIP_NUMBERS */
    uint32_t skipped_incarnations;   /* SKIP_NUMBERS */
};

/* Frees the arrays of a decoded command. Takes a zeroed one; may be called twice. */
void metadata_command_finish(struct metadata_command *command);
/* Appends the command, docs/storage-format.md. Status in the buffer. */
void metadata_command_encode(const struct metadata_command *command, struct buffer *out);
/* Takes any bytes. CORRUPT, UNSUPPORTED (format or type), TOO_LARGE (over a limit of limits.h), NO_MEMORY. */
enum status metadata_command_decode(struct slice bytes, struct metadata_command *ret) AVIARY_MUST_USE;

/* What a command did, for the one who proposed it. */
struct metadata_result {
    enum status status;  /* OK; EXISTS (a topic with the same partition count, replication factor and configs
                            is there), CONFLICT (a different one, or another version, or the disk uuid is
                            another broker's), NOT_FOUND, TOO_LARGE (a limit of limits.h), INVALID */
    raft_id incarnation; /* REGISTER_BROKER with OK; else 0 */
    uint64_t version;    /* of the topic as it is now; 0 where there is none */
};

/* What changed, so that the broker can make and remove replicas. Valid until the next apply. */
struct metadata_changes {
    bool brokers;                 /* the table of brokers, or an incarnation in assignments */
    const char *topic_created;    /* name; NULL: none */
    const char *topic_deleted;    /* name; its groups are in deleted_groups */
    const char *topic_configured; /* NULL also where the configs were so before */
    const uint64_t *deleted_groups;
    size_t deleted_group_count;
};

/*
 * Applies the committed entry at `header->index`, which must be metadata_applied_index + 1: COMMAND is
 * decoded from `payload`; NOOP and CONFIGURATION only move the applied index. OK also for a command that was
 * refused (see result). CORRUPT for bytes that are no command and entries that group 0 never has, UNSUPPORTED
 * for a command of a newer build: the driver stops. NO_MEMORY.
 */
enum status metadata_apply(struct metadata *metadata, const struct entry_header *header, struct slice payload,
                           struct metadata_result *ret_result,
                           struct metadata_changes *ret_changes) AVIARY_MUST_USE;
uint64_t metadata_applied_index(const struct metadata *metadata);

/* ---- Reading; pointers are valid until the next apply or restore ---- */

const struct uuid *metadata_cluster_id(const struct metadata *metadata);
/* How many brokers the cluster began with. */
size_t metadata_first_voter_count(const struct metadata *metadata);
size_t metadata_broker_count(const struct metadata *metadata);
/* Ascending by id. */
const struct metadata_broker *metadata_broker_at(const struct metadata *metadata, size_t position);
const struct metadata_broker *metadata_broker_by_id(const struct metadata *metadata, uint32_t id);
/* The broker whose current incarnation that is; NULL: unknown or superseded. */
const struct metadata_broker *metadata_broker_by_incarnation(const struct metadata *metadata,
                                                             raft_id incarnation);
/* The broker id that an incarnation, current or superseded, belongs to; 0: never given, or passed over. */
uint32_t metadata_broker_id_of(const struct metadata *metadata, raft_id incarnation);
/* Whether that incarnation will not be given any more: it was, or it was passed over. */
bool metadata_incarnation_is_past(const struct metadata *metadata, raft_id incarnation);
/* Ids of groups ever given are below this one. */
uint64_t metadata_next_group(const struct metadata *metadata);
size_t metadata_topic_count(const struct metadata *metadata);
/* Ascending by name. */
const struct metadata_topic *metadata_topic_at(const struct metadata *metadata, size_t position);
const struct metadata_topic *metadata_topic_find(const struct metadata *metadata, struct slice name);
/* The topic and partition number of a group; NULL: no such group. */
const struct metadata_topic *metadata_topic_of_group(const struct metadata *metadata, uint64_t group,
                                                     uint32_t *ret_partition);
/* Of all topics. */
size_t metadata_partition_count(const struct metadata *metadata);

/* Where a walk over partitions stands; zeroed: at the beginning. */
struct metadata_cursor {
    size_t topic;
    uint32_t partition;
};

/*
 * The next partition that names `incarnation` among its `replicas`, by topic name and number; false: no more.
 * The state must not change between the calls of one walk.
 */
bool metadata_next_replica(const struct metadata *metadata, raft_id incarnation,
                           struct metadata_cursor *cursor, const struct metadata_topic **ret_topic,
                           uint32_t *ret_partition);

/* ---- Placement (pure helper for the one who proposes CREATE_TOPIC) ---- */

/*
 * Spreads replicas over `brokers` (current incarnations that may take replicas, distinct): each partition's
 * replicas on distinct brokers, replicas balanced over the cluster as it is and leaders as far as that leaves
 * it open, ties broken by `seed`. UNAVAILABLE where there are fewer brokers than `replication_factor`,
 * TOO_LARGE where so few have less than GROUPS_PER_BROKER_MAX replicas, INVALID: a count of 0 or over its
 * limit, an incarnation that is not current or comes twice. `ret_assignments` has room for `partition_count`;
 * its content is undefined on failure.
 */
enum status metadata_place(const struct metadata *metadata, const raft_id *brokers, size_t broker_count,
                           uint32_t partition_count, uint32_t replication_factor, uint64_t seed,
                           struct metadata_assignment *ret_assignments) AVIARY_MUST_USE;

/* The name rule of topics and groups: [A-Za-z0-9._-]{1,249}, not "." or "..". INVALID with a message. */
enum status metadata_check_name(struct slice name, struct error *error) AVIARY_MUST_USE;

/* ---- Topic configs, by the names that Kafka's users know ---- */

/* INVALID with a message: a name that this build does not know (the message lists those it does), or a value
 * that is not of its type. An empty value, which removes, is always good. */
enum status metadata_check_config(struct slice name, struct slice value, struct error *error) AVIARY_MUST_USE;
/* The topic's own value; NULL: not set. */
const char *metadata_topic_config(const struct metadata_topic *topic, const char *name);
/* The same as a number; `fallback` where it is not set or none. */
int64_t metadata_topic_config_integer(const struct metadata_topic *topic, const char *name, int64_t fallback);

/* ---- Snapshots ---- */

/* Appends the state, docs/storage-format.md. Same state, same bytes. Status in the buffer. */
void metadata_snapshot(const struct metadata *metadata, struct buffer *out);
/* Replaces the whole state; any bytes may come. CORRUPT, UNSUPPORTED, NO_MEMORY: the state is as before. */
enum status metadata_restore(struct metadata *metadata, struct slice snapshot) AVIARY_MUST_USE;
/* Equal states have equal digests (for checks across replicas). */
uint32_t metadata_digest(const struct metadata *metadata);

#endif
