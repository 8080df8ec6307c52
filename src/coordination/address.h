/*
 * What a user writes to say where others are: ZooKeeper's connect string and the static list of peers.
 */
#ifndef COORDINATION_ADDRESS_H
#define COORDINATION_ADDRESS_H

#include "aviary/coordination.h"

enum {
    CONNECT_HOSTS_MAX = 1024, /* "host:port,host:port" */
    CONNECT_PREFIX_MAX = 128, /* "/aviary" */
};

struct connect_string {
    char hosts[CONNECT_HOSTS_MAX + 1];   /* as the ZooKeeper client takes them */
    char prefix[CONNECT_PREFIX_MAX + 1]; /* begins with a slash and ends without one; empty for the root */
};

/* "host:port,host:port/prefix"; without a path the prefix is /aviary. INVALID, TOO_LARGE. */
enum status connect_string_parse(const char *text, struct error *error,
                                 struct connect_string *ret_connect) AVIARY_MUST_USE;

/*
 * "1=host:port,2=host:port" to brokers in ascending order of id, with host and peer port; an IPv6 host keeps
 * its brackets. INVALID where it is malformed, empty, or names an id or an address twice; TOO_LARGE beyond
 * BROKERS_MAX.
 */
enum status peers_parse(const char *text, struct error *error,
                        struct coordination_broker ret_peers[BROKERS_MAX], size_t *ret_count) AVIARY_MUST_USE;

#endif
