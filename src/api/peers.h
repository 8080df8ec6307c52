/*
 * Which other brokers answer. Asked over their peer ports when somebody wants to know, and remembered for a
 * moment.
 */
#ifndef API_PEERS_H
#define API_PEERS_H

#include "aviary/base/thread.h"
#include "aviary/broker.h"

struct api;

struct peer {
    uint32_t broker;
    char rest_address[ADDRESS_SIZE_MAX];
    char peer_address[ADDRESS_SIZE_MAX];
    int64_t last_ok_ms; /* wall clock; 0: never yet */
    bool alive;
};

struct peers {
    struct mutex mutex;
    struct condition refreshed;
    bool refreshing;       /* under mutex, as all below: a thread asks them now */
    uint64_t refreshed_ms; /* monotonic; 0: never */
    size_t count;
    struct peer list[BROKERS_MAX];
};

void peers_init(struct peers *peers);
void peers_finish(struct peers *peers);
/*
 * The other brokers, ascending by id, as they stood at most PEERS_FRESH_MS ago; blocks for at most twice
 * FANOUT_MS. None before the broker belongs to a cluster.
 */
size_t peers_get(struct api *api, struct peer ret_peers[BROKERS_MAX]);

#endif
