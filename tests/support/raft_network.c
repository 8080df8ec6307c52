#include "raft_network.h"

#include "raft_disk.h"

#include <stdlib.h>

void network_init(struct network *network, uint64_t seed) {
    *network = (struct network){.latency_ms = 1};
    prng_init(&network->prng, seed);
}

void network_finish(struct network *network) {
    network_drop(network, 0, 0);
    free(network->packets);
    *network = (struct network){0};
}

static void enqueue(struct network *network, uint64_t at_ms, const struct raft_message *message) {
    if (network->count == network->capacity) {
        network->capacity = network->capacity * 2 + 16;
        network->packets = realloc(network->packets, network->capacity * sizeof *network->packets);
        ASSERT(network->packets);
    }
    struct packet *packet = &network->packets[network->count++];
    *packet = (struct packet){.message = *message, .at_ms = at_ms, .sequence = network->sequence++};
    packet->message.entries = disk_entries_copy(message->entries, message->entry_count);
    packet->message.data = message->data ? blob_retain(message->data) : NULL;
}

void network_send(struct network *network, uint64_t now_ms, const struct raft_message *message) {
    ASSERT(message->from < NETWORK_IDS_MAX && message->to < NETWORK_IDS_MAX);
    if (network->cut[message->from][message->to] || prng_chance(&network->prng, network->drop_percent, 100)) {
        return;
    }
    size_t copies = prng_chance(&network->prng, network->repeat_percent, 100) ? 2 : 1;
    for (size_t i = 0; i < copies; i++) {
        uint64_t jitter = network->jitter_ms > 0 ? prng_below(&network->prng, network->jitter_ms + 1) : 0;
        enqueue(network, now_ms + network->latency_ms + jitter, message);
    }
}

bool network_receive(struct network *network, uint64_t now_ms, struct raft_message *ret_message) {
    struct packet *next = NULL;
    for (size_t i = 0; i < network->count; i++) {
        struct packet *packet = &network->packets[i];
        if (packet->at_ms <= now_ms &&
            (!next || packet->at_ms < next->at_ms ||
             (packet->at_ms == next->at_ms && packet->sequence < next->sequence))) {
            next = packet;
        }
    }
    if (!next) {
        return false;
    }
    *ret_message = next->message;
    *next = network->packets[--network->count];
    return true;
}

void network_drop(struct network *network, raft_id from, raft_id to) {
    size_t kept = 0;
    for (size_t i = 0; i < network->count; i++) {
        struct packet *packet = &network->packets[i];
        if ((from == 0 || packet->message.from == from) && (to == 0 || packet->message.to == to)) {
            raft_message_finish(&packet->message);
        } else {
            network->packets[kept++] = *packet;
        }
    }
    network->count = kept;
}

size_t network_count(const struct network *network, enum raft_message_type type) {
    size_t count = 0;
    for (size_t i = 0; i < network->count; i++) {
        count += network->packets[i].message.type == type ? 1 : 0;
    }
    return count;
}
