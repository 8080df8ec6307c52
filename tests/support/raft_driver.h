/*
 * What a driver does with a step's effects (raft.h), for one node of a cluster. Private to the cluster.
 */
#ifndef AVIARY_TESTS_SUPPORT_RAFT_DRIVER_H
#define AVIARY_TESTS_SUPPORT_RAFT_DRIVER_H

#include "raft_cluster.h"

/* Stores, sends, pulls entries for followers, applies. */
void driver_carry_out(struct cluster *cluster, struct node *node);
/* Makes the first `count` writes durable; tells the core and sends what waited where `told`. */
void driver_persist(struct cluster *cluster, struct node *node, size_t count, bool told);
void driver_drop_writes(struct node *node);
/* A write of this node's that the core did not ask for; the caller fills in what it holds. */
void driver_write(struct cluster *cluster, struct node *node, struct disk_write write);
void driver_start(struct cluster *cluster, struct node *node);

#endif
