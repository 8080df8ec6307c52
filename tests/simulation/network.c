#include "network.h"

#include "simulation.h"

#include <stdlib.h>

enum { CLOSE_NOTICE_US = 2000, STRAGGLER_US = 3000000 };

void network_init(struct simulation *simulation) {
    list_init(&simulation->network.packets);
    network_calm(simulation);
    for (size_t from = 0; from < SIMULATION_BROKERS_MAX; from++) {
        for (size_t to = 0; to < SIMULATION_BROKERS_MAX; to++) {
            struct lane *lanes = simulation->network.links[from][to].lanes;
            byte_stream_init(&lanes[NETWORK_CONTROL].bytes, PEER_CONTROL_FRAME_BYTES_MAX);
            byte_stream_init(&lanes[NETWORK_BULK].bytes, PEER_BULK_FRAME_BYTES_MAX);
        }
    }
}

void network_calm(struct simulation *simulation) {
    const struct profile *profile = &simulation->profile;
    struct network *network = &simulation->network;
    network->latency_us = profile->latency_us;
    network->jitter_us = profile->jitter_us;
    network->drop_per_million = profile->drop_per_million;
    network->straggler_per_million = profile->straggler_per_million;
    network->repeat_per_million = profile->repeat_per_million;
}

static void packet_destroy(struct packet *packet) {
    list_remove(&packet->link);
    raft_message_finish(&packet->message);
    blob_release(packet->bytes);
    free(packet);
}

void network_finish(struct network *network) {
    while (network->packets.next && !list_empty(&network->packets)) {
        packet_destroy(LIST_ENTRY(network->packets.next, struct packet, link));
    }
    for (size_t from = 0; from < SIMULATION_BROKERS_MAX; from++) {
        for (size_t to = 0; to < SIMULATION_BROKERS_MAX; to++) {
            for (size_t lane = 0; lane < NETWORK_LANES; lane++) {
                byte_stream_finish(&network->links[from][to].lanes[lane].bytes);
            }
        }
    }
}

/* The same message, sharing entries and data. */
static struct raft_message message_share(const struct raft_message *message) {
    struct raft_message copy = *message;
    copy.entries = NULL;
    if (message->entry_count > 0) {
        copy.entries = calloc(message->entry_count, sizeof *message->entries);
        ASSERT(copy.entries != NULL);
        for (size_t i = 0; i < message->entry_count; i++) {
            copy.entries[i] = message->entries[i];
            blob_retain(message->entries[i].blob);
        }
    }
    if (message->data) {
        blob_retain(message->data);
    }
    return copy;
}

/* The same message by way of its bytes. */
static struct raft_message message_encode(const struct simulation *simulation,
                                          const struct raft_message *message) {
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, PEER_BULK_FRAME_BYTES_MAX);
    transport_encode_message(message, &bytes);
    struct reader reader = reader_make(buffer_slice(&bytes));
    struct raft_message copy;
    enum status status = transport_decode_message(&reader, &copy);
    if (status != STATUS_OK || !reader_done(&reader)) {
        violation(simulation, "a message (%s) cannot be read back: %s", raft_message_name(message->type),
                  status_name(status));
    }
    return copy;
}

void network_receive(struct simulation *simulation, struct broker *broker,
                     const struct raft_message *message) {
    trace_event(simulation, raft_message_name(message->type), broker->id,
                message->from << 16 | message->group, message->term << 1 | message->reject,
                message->index << 16 | message->entry_count);
    readings_hear(broker, message);
    node_receive(broker->node, broker_now_ms(broker), message);
}

static void network_deliver(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    struct packet *packet = event->data;
    struct link *link = &simulation->network.links[packet->from][packet->to];
    bool cut = link->cut && !simulation->profile.cut_spares;
    if (cut || link->lanes[packet->lane].stream != packet->stream || !broker_is_up(broker)) {
        packet_destroy(packet);
        return;
    }
    if (broker_postpone(broker, event)) {
        return;
    }
    if (packet->bytes) {
        byte_stream_arrive(simulation, &link->lanes[packet->lane].bytes, packet);
    } else {
        network_receive(simulation, broker, &packet->message);
    }
    broker_wants_flush(broker);
    packet_destroy(packet);
}

static uint64_t arrival_us(struct simulation *simulation, const struct link *link, struct lane *lane) {
    const struct network *network = &simulation->network;
    uint64_t at_us = simulation->scheduler.now_us + network->latency_us + link->slow_us;
    if (network->jitter_us > 0) {
        at_us += prng_below(&simulation->prng, network->jitter_us);
    }
    if (prng_chance(&simulation->prng, network->straggler_per_million, 1000000)) {
        at_us += prng_below(&simulation->prng, STRAGGLER_US);
        if (simulation->profile.reorders) {
            return at_us;
        }
    }
    if (!simulation->profile.reorders && at_us < lane->last_us) {
        at_us = lane->last_us;
    }
    lane->last_us = at_us;
    return at_us;
}

/* A zeroed packet on its way. */
static struct packet *packet_send(struct simulation *simulation, size_t from, size_t to,
                                  enum network_lane lane_number) {
    struct packet *packet = calloc(1, sizeof *packet);
    ASSERT(packet != NULL);
    list_append(&simulation->network.packets, &packet->link);
    struct link *link = &simulation->network.links[from][to];
    struct lane *lane = &link->lanes[lane_number];
    packet->lane = lane_number;
    packet->sender = simulation->brokers[from].incarnation;
    packet->from = from;
    packet->to = to;
    packet->stream = lane->stream;
    scheduler_add(&simulation->scheduler, (struct event){.at_us = arrival_us(simulation, link, lane),
                                                         .run = network_deliver,
                                                         .subject = &simulation->brokers[to],
                                                         .data = packet});
    return packet;
}

static enum network_lane lane_of(const struct raft_message *message) {
    bool bulk = message->type == RAFT_MESSAGE_APPEND || message->type == RAFT_MESSAGE_SNAPSHOT;
    return bulk ? NETWORK_BULK : NETWORK_CONTROL;
}

void network_send(struct simulation *simulation, size_t from, const struct raft_message *message) {
    struct network *network = &simulation->network;
    const struct profile *profile = &simulation->profile;
    struct broker *to = simulation_broker_of(simulation, message->to);
    network->sent_count++;
    if (to == NULL || network->links[from][to->position].cut ||
        prng_chance(&simulation->prng, network->drop_per_million, 1000000)) {
        return;
    }
    enum network_lane lane = lane_of(message);
    uint64_t copies = prng_chance(&simulation->prng, network->repeat_per_million, 1000000) ? 2 : 1;
    for (uint64_t i = 0; i < copies; i++) {
        if (profile->frames) {
            byte_stream_add(&network->links[from][to->position].lanes[lane].bytes, message);
            continue;
        }
        packet_send(simulation, from, to->position, lane)->message =
            profile->encodes ? message_encode(simulation, message) : message_share(message);
    }
}

void network_flush(struct simulation *simulation, size_t from) {
    for (size_t to = 0; simulation->profile.frames && to < simulation->profile.brokers; to++) {
        for (enum network_lane lane = 0; lane < NETWORK_LANES; lane++) {
            struct blob *bytes =
                byte_stream_take(simulation, &simulation->network.links[from][to].lanes[lane].bytes);
            if (bytes) {
                packet_send(simulation, from, to, lane)->bytes = bytes;
            }
        }
    }
}

void network_end_broker(struct simulation *simulation, size_t position) {
    for (size_t i = 0; simulation->profile.frames && i < simulation->profile.brokers; i++) {
        for (size_t lane = 0; lane < NETWORK_LANES; lane++) {
            byte_stream_drop(&simulation->network.links[position][i].lanes[lane].bytes);
            simulation->network.links[i][position].lanes[lane].stream++;
        }
    }
}

void network_end_stream(struct simulation *simulation, const struct packet *packet) {
    struct broker *to = &simulation->brokers[packet->to];
    simulation->network.links[packet->from][packet->to].lanes[packet->lane].stream++;
    trace_event(simulation, "stream ended", to->id, packet->sender, packet->lane, 0);
    if (packet->lane == NETWORK_CONTROL) {
        node_peer_closed(to->node, broker_now_ms(to), packet->sender);
    }
}

static void network_tell_closed(struct simulation *simulation, const struct event *event) {
    struct broker *broker = event->subject;
    const struct broker *peer = event->data;
    if (!broker_is_up(broker) || broker_postpone(broker, event)) {
        return;
    }
    trace_event(simulation, "closed", broker->id, event->number, peer->id, 0);
    node_peer_closed(broker->node, broker_now_ms(broker), event->number);
    broker_wants_flush(broker);
}

void network_close_stream(struct simulation *simulation, size_t from_position, size_t to_position) {
    struct broker *from = &simulation->brokers[from_position];
    struct broker *to = &simulation->brokers[to_position];
    struct link *link = &simulation->network.links[from_position][to_position];
    link->lanes[NETWORK_CONTROL].stream++;
    link->lanes[NETWORK_BULK].stream++;
    count(simulation, STATISTIC_STREAMS_CLOSED);
    if (link->cut) {
        return; /* the other side cannot know */
    }
    scheduler_add(
        &simulation->scheduler,
        (struct event){.at_us = simulation->scheduler.now_us + prng_below(&simulation->prng, CLOSE_NOTICE_US),
                       .run = network_tell_closed,
                       .subject = to,
                       .data = from,
                       .number = from->incarnation});
}

void network_close_streams(struct simulation *simulation, size_t a, size_t b) {
    network_close_stream(simulation, a, b);
    network_close_stream(simulation, b, a);
}

void network_heal(struct simulation *simulation) {
    for (size_t from = 0; from < SIMULATION_BROKERS_MAX; from++) {
        for (size_t to = 0; to < SIMULATION_BROKERS_MAX; to++) {
            struct link *link = &simulation->network.links[from][to];
            link->cut = false;
            link->slow_us = 0;
            for (size_t lane = 0; lane < NETWORK_LANES && simulation->profile.frames; lane++) {
                link->lanes[lane].stream++;
            }
        }
    }
}
