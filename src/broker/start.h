/*
 * Between the files of the first start.
 */
#ifndef BROKER_START_H
#define BROKER_START_H

#include "cluster_file.h"

#include "aviary/coordination.h"

struct broker;

/* The lowest ids of `brokers` (ascending), an odd number of them. */
void start_choose_voters(const struct coordination_broker *brokers, size_t count,
                         struct cluster_file *ret_cluster);
/* Whether this broker must not begin a new cluster, alone or with others; it says so where it must not. */
bool start_founds_nothing(struct broker *broker);
/* Durably accepts a proposed list of first voters. CONFLICT: this broker belongs to a cluster, or founds
 * none; others as broker_save_cluster. Any thread. */
enum status start_accept(struct broker *broker, const struct cluster_file *proposal) AVIARY_MUST_USE;

#endif
