/*
 * Whom the transport talks to, and where: the brokers of the metadata, at the address heard last, announced,
 * or registered.
 */
#include "broker_private.h"

void peers_format_address(const struct coordination_broker *announced, char ret_address[ADDRESS_SIZE_MAX]) {
    snprintf(ret_address, ADDRESS_SIZE_MAX, "%s:%u", announced->host, (unsigned)announced->peer_port);
}

/* With the housekeeper's mutex held. A better address than the registered one, if there is one. */
static void peers_better_address(const struct housekeeper *housekeeper, uint32_t id,
                                 const struct uuid *disk_uuid, char address[ADDRESS_SIZE_MAX]) {
    for (size_t i = 0; i < housekeeper->announced_count; i++) {
        const struct coordination_broker *announced = &housekeeper->announced[i];
        bool same_disk = uuid_is_zero(&announced->disk_uuid) || uuid_equal(&announced->disk_uuid, disk_uuid);
        if (announced->id == id && same_disk && announced->host[0] != '\0') {
            peers_format_address(announced, address);
        }
    }
    for (size_t i = 0; i < housekeeper->heard_count; i++) {
        const struct transport_identity *heard = &housekeeper->heard[i];
        if (heard->broker_id == id && uuid_equal(&heard->disk_uuid, disk_uuid)) {
            memcpy(address, heard->peer_address, ADDRESS_SIZE_MAX);
        }
    }
}

static size_t peers_collect(struct broker *broker, struct transport_peer ret_peers[TRANSPORT_PEERS_MAX]) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    struct metadata_broker brokers[BROKERS_MAX];
    size_t count = 0;
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    for (size_t i = 0; i < metadata_broker_count(broker->metadata) && count < BROKERS_MAX; i++) {
        brokers[count++] = *metadata_broker_at(broker->metadata, i);
    }
    /* Until the log has told us of those who took our JOIN, their word stands. */
    for (size_t i = 0; i < housekeeper->joined_count && count < BROKERS_MAX; i++) {
        if (metadata_broker_id_of(broker->metadata, housekeeper->joined[i].incarnation) == 0) {
            brokers[count++] = housekeeper->joined[i];
        } else {
            for (size_t b = 0; b < count; b++) {
                if (brokers[b].incarnation == housekeeper->joined[i].incarnation &&
                    !brokers[b].peer_address[0]) {
                    brokers[b] = housekeeper->joined[i];
                }
            }
        }
    }
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    size_t peer_count = 0;
    mutex_lock(&housekeeper->mutex);
    for (size_t i = 0; i < count; i++) {
        if (brokers[i].id == broker->options.id) {
            continue;
        }
        struct transport_peer *peer = &ret_peers[peer_count];
        *peer = (struct transport_peer){
            .incarnation = brokers[i].incarnation,
            .broker_id = brokers[i].id,
            .disk_uuid = brokers[i].disk_uuid,
        };
        memcpy(peer->peer_address, brokers[i].peer_address, ADDRESS_SIZE_MAX);
        peers_better_address(housekeeper, brokers[i].id, &brokers[i].disk_uuid, peer->peer_address);
        peer_count += peer->peer_address[0] != '\0';
    }
    mutex_unlock(&housekeeper->mutex);
    return peer_count;
}

static uint64_t peers_hash(const struct transport_peer *peers, size_t count) {
    uint32_t crc = crc32c(slice_make(&count, sizeof count));
    for (size_t i = 0; i < count; i++) {
        crc = crc32c_extend(crc, slice_make(&peers[i].incarnation, sizeof peers[i].incarnation));
        crc = crc32c_extend(crc, slice_make(peers[i].disk_uuid.bytes, UUID_SIZE));
        crc = crc32c_extend(crc, slice_of_string(peers[i].peer_address));
    }
    return (uint64_t)crc << 1 | 1; /* never 0: nothing told yet */
}

void peers_refresh(struct broker *broker) {
    struct transport_peer peers[TRANSPORT_PEERS_MAX];
    size_t count = peers_collect(broker, peers);
    uint64_t digest = peers_hash(peers, count);
    if (digest != broker->housekeeper.peers_digest) {
        bool told = broker->options.set_peers(broker->options.transport, peers, count);
        broker->housekeeper.peers_digest = told ? digest : 0;
    }
}

void peers_say_identity(struct broker *broker) {
    struct transport_identity identity = {
        .cluster_id = broker->cluster.cluster_id,
        .broker_id = broker->options.id,
        .disk_uuid = broker->options.disk_uuid,
    };
    memcpy(identity.rest_address, broker->options.rest_address, ADDRESS_SIZE_MAX);
    memcpy(identity.peer_address, broker->options.peer_address, ADDRESS_SIZE_MAX);
    if (!broker->options.set_identity(broker->options.transport, &identity)) {
        broker->housekeeper.peers_digest = 0; /* peers_refresh brings the missing ones back */
    }
}

size_t peers_addresses(struct broker *broker, char (*ret_addresses)[ADDRESS_SIZE_MAX], size_t max) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    size_t count = 0;
    if (broker_is_running(broker)) {
        struct transport_peer peers[TRANSPORT_PEERS_MAX];
        size_t peer_count = peers_collect(broker, peers);
        for (size_t i = 0; i < peer_count && count < max; i++) {
            memcpy(ret_addresses[count++], peers[i].peer_address, ADDRESS_SIZE_MAX);
        }
        return count;
    }
    mutex_lock(&housekeeper->mutex);
    for (size_t i = 0; i < housekeeper->announced_count && count < max; i++) {
        if (housekeeper->announced[i].id != broker->options.id) {
            peers_format_address(&housekeeper->announced[i], ret_addresses[count++]);
        }
    }
    mutex_unlock(&housekeeper->mutex);
    return count;
}
