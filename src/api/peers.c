#include "peers.h"

#include "aviary/base/clock.h"

#include <stdlib.h>

#include "fanout.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 };

void peers_init(struct peers *peers) {
    *peers = (struct peers){0};
    mutex_init(&peers->mutex);
    condition_init(&peers->refreshed);
}

void peers_finish(struct peers *peers) {
    condition_finish(&peers->refreshed);
    mutex_finish(&peers->mutex);
}

/* The others, by the metadata. */
static size_t list_targets(struct api *api, struct peer *ret_peers) {
    const struct metadata *metadata;
    size_t count = 0;
    if (broker_lock_metadata(api->broker, &metadata, NULL) != STATUS_OK) {
        return 0;
    }
    for (size_t i = 0; i < metadata_broker_count(metadata) && count < BROKERS_MAX; i++) {
        const struct metadata_broker *broker = metadata_broker_at(metadata, i);
        if (broker->id == api->broker_id) {
            continue;
        }
        struct peer *peer = &ret_peers[count++];
        *peer = (struct peer){.broker = broker->id};
        memcpy(peer->rest_address, broker->rest_address, sizeof peer->rest_address);
        memcpy(peer->peer_address, broker->peer_address, sizeof peer->peer_address);
    }
    broker_unlock_metadata(api->broker);
    return count;
}

static const struct peer *find(const struct peers *peers, uint32_t broker) {
    for (size_t i = 0; i < peers->count; i++) {
        if (peers->list[i].broker == broker) {
            return &peers->list[i];
        }
    }
    return NULL;
}

/* What was just learnt, with what is remembered of those that did not answer. Under the mutex. */
static void remember(struct peers *peers, struct peer *fresh, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct peer *old = find(peers, fresh[i].broker);
        if (!fresh[i].alive && old) {
            fresh[i].last_ok_ms = old->last_ok_ms;
        }
    }
    memcpy(peers->list, fresh, count * sizeof *fresh);
    peers->count = count;
    peers->refreshed_ms = clock_monotonic_ms();
}

static void ask(struct api *api, struct peer *list, size_t count) {
    _cleanup_free_ struct fanout_target *targets = calloc(count + 1, sizeof *targets);
    if (targets == NULL) {
        return; /* nobody is known to be alive then */
    }
    for (size_t i = 0; i < count; i++) {
        targets[i].broker = list[i].broker;
        memcpy(targets[i].peer_address, list[i].peer_address, sizeof targets[i].peer_address);
    }
    fanout_get(api, "/heartbeat", "", targets, count, ANSWER_BYTES_MAX, clock_monotonic_ms() + FANOUT_MS);
    for (size_t i = 0; i < count; i++) {
        list[i].alive = targets[i].status == STATUS_OK && targets[i].answer.status == 200;
        list[i].last_ok_ms = list[i].alive ? clock_wall_ms() : 0;
    }
    fanout_finish(targets, count);
}

static bool is_fresh(const struct peers *peers) {
    return peers->refreshed_ms > 0 && clock_monotonic_ms() - peers->refreshed_ms < PEERS_FRESH_MS;
}

size_t peers_get(struct api *api, struct peer ret_peers[BROKERS_MAX]) {
    struct peers *peers = &api->peers;
    mutex_lock(&peers->mutex);
    while (peers->refreshing) {
        condition_wait(&peers->refreshed, &peers->mutex);
    }
    if (!is_fresh(peers)) {
        peers->refreshing = true;
        mutex_unlock(&peers->mutex);
        size_t count = list_targets(api, ret_peers);
        ask(api, ret_peers, count);
        mutex_lock(&peers->mutex);
        remember(peers, ret_peers, count);
        peers->refreshing = false;
        condition_broadcast(&peers->refreshed);
    }
    size_t count = peers->count;
    memcpy(ret_peers, peers->list, count * sizeof *ret_peers);
    mutex_unlock(&peers->mutex);
    return count;
}
