/*
 * What stands in ZooKeeper's nodes: JSON in the layout that Kafka's users know. Pure.
 *
 * Encoders append to a buffer, whose status tells of a failure. Decoders take any bytes, since anyone may
 * write to ZooKeeper: INVALID (with a message) or NO_MEMORY, outputs untouched. Fields they do not know are
 * ignored.
 */
#ifndef COORDINATION_NODES_H
#define COORDINATION_NODES_H

#include "aviary/base/buffer.h"
#include "aviary/coordination.h"

/* /brokers/ids/N */
void broker_node_encode(const struct coordination_broker *broker, struct buffer *out);
/* `id` is the node's name. */
enum status broker_node_decode(struct slice data, uint32_t id, struct coordination_broker *ret_broker,
                               struct error *error) AVIARY_MUST_USE;

/* /controller */
struct controller_node {
    uint32_t broker_id; /* from 1 */
    uint64_t term;      /* of its leadership; of the last leader it knew for a mere candidate, 0 for none */
};
void controller_node_encode(const struct controller_node *controller, int64_t timestamp_ms,
                            struct buffer *out);
enum status controller_node_decode(struct slice data, struct controller_node *ret_controller,
                                   struct error *error) AVIARY_MUST_USE;

/* /controller_epoch: the term in decimal */
void epoch_node_encode(uint64_t epoch, struct buffer *out);
enum status epoch_node_decode(struct slice data, uint64_t *ret_epoch) AVIARY_MUST_USE;

/* /cluster/id */
void cluster_node_encode(const struct coordination_cluster *cluster, struct buffer *out);
enum status cluster_node_decode(struct slice data, struct coordination_cluster *ret_cluster,
                                struct error *error) AVIARY_MUST_USE;

/* /brokers/topics/T and /config/topics/T: never read back, only compared. */
void topic_node_encode(const struct coordination_topic *topic, struct buffer *out);
void config_node_encode(const struct coordination_topic *topic, struct buffer *out);

/* /brokers/topics/T/partitions/P/state. `leader` is the broker that writes it. */
void partition_node_encode(const struct coordination_partition *partition, uint32_t leader,
                           struct buffer *out);
/* What orders two writers of one node. */
struct partition_rank {
    uint64_t group;
    uint64_t leader_epoch;
    uint32_t leader;
};
enum status partition_node_decode(struct slice data, struct partition_rank *ret_rank,
                                  struct error *error) AVIARY_MUST_USE;
/* True where a node of rank `there` belongs to a later leader than `own`, so that `own` must not be written.
 */
bool partition_rank_supersedes(const struct partition_rank *there, const struct partition_rank *own);

/* A broker id as a node's name: decimal, no sign, no leading zero, from 1. */
enum status broker_id_parse(const char *name, uint32_t *ret_id) AVIARY_MUST_USE;

#endif
