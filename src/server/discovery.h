/*
 * How this broker finds the others: the implementation of coordination that the configuration asks for.
 */
#ifndef SERVER_DISCOVERY_H
#define SERVER_DISCOVERY_H

#include "config.h"

#include "aviary/coordination.h"

/* Neither ZooKeeper nor peers: a broker that is a cluster of its own. */
bool discovery_is_alone(const struct config *config);
/* Connects to nothing yet. INVALID where --zookeeper or --peers is malformed, NO_MEMORY. */
enum status discovery_create(const struct config *config, struct error *error,
                             struct coordination **ret_coordination) AVIARY_MUST_USE;
/* Whether discovery_create would succeed. */
enum status discovery_check(const struct config *config, struct error *error) AVIARY_MUST_USE;

#endif
