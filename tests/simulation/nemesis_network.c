#include "nemesis_kinds.h"
#include "simulation.h"

enum cut_kind { CUT_ISOLATE, CUT_PARTS, CUT_ONE_WAY, CUT_BRIDGE, CUT_RING, CUT_KINDS };

/* How the network is parted. */
struct cut {
    enum cut_kind kind;
    size_t brokers;
    size_t first;  /* whom it is about */
    uint64_t mask; /* PARTS: who is on which side */
    bool reverse;  /* ONE_WAY: it cannot send, or it cannot hear */
};

static struct cut draw_cut(struct simulation *simulation, enum cut_kind kind, size_t first) {
    return (struct cut){
        .kind = kind,
        .brokers = simulation->profile.brokers,
        .first = first,
        .mask = nemesis_below(simulation, UINT64_C(1) << simulation->profile.brokers),
        .reverse = prng_chance(&simulation->prng, 1, 2),
    };
}

static bool is_cut(const struct cut *cut, size_t from, size_t to) {
    size_t a = (from + cut->brokers - cut->first) % cut->brokers; /* counted from the first one on */
    size_t b = (to + cut->brokers - cut->first) % cut->brokers;
    switch (cut->kind) {
    case CUT_ISOLATE:
        return a == 0 || b == 0;
    case CUT_PARTS:
        return (cut->mask >> from & 1) != (cut->mask >> to & 1);
    case CUT_ONE_WAY:
        return cut->reverse ? b == 0 : a == 0;
    case CUT_BRIDGE: /* all hear the first, and nobody else */
        return a != 0 && b != 0;
    case CUT_RING: /* all hear their neighbours */
        return (a + 1) % cut->brokers != b && (b + 1) % cut->brokers != a;
    case CUT_KINDS:
        break;
    }
    return false;
}

static void network_whole_again(struct simulation *simulation, const struct event *event) {
    (void)event;
    trace_event(simulation, "healed", 0, 0, 0, 0);
    for (size_t from = 0; from < simulation->profile.brokers; from++) {
        for (size_t to = 0; to < simulation->profile.brokers; to++) {
            simulation->network.links[from][to].cut = false;
        }
    }
}

static void cut_network(struct simulation *simulation, const struct cut *cut) {
    bool resets =
        prng_chance(&simulation->prng, 1, 2); /* what hears nothing more hears that its stream ends */
    count(simulation, STATISTIC_CUTS);
    trace_event(simulation, "cut", cut->kind, cut->first, cut->mask, resets);
    for (size_t from = 0; from < cut->brokers; from++) {
        for (size_t to = 0; to < cut->brokers; to++) {
            bool is_now = from != to && is_cut(cut, from, to);
            if (is_now && resets && from == cut->first) {
                network_close_stream(simulation, from, to);
            }
            simulation->network.links[from][to].cut = is_now;
        }
    }
    scheduler_add(
        &simulation->scheduler,
        (struct event){.at_us = simulation->scheduler.now_us + 1000 * (50 + nemesis_below(simulation, 5000)),
                       .run = network_whole_again});
}

void nemesis_cut_somehow(struct simulation *simulation, size_t first) {
    struct cut cut = draw_cut(simulation, (enum cut_kind)nemesis_below(simulation, CUT_KINDS), first);
    cut_network(simulation, &cut);
}

void nemesis_cut(struct simulation *simulation) {
    nemesis_cut_somehow(simulation, nemesis_victim(simulation)->position);
}

void nemesis_part(struct simulation *simulation, size_t first) {
    struct cut cut = draw_cut(simulation, CUT_PARTS, first);
    cut_network(simulation, &cut);
}

static void network_calms(struct simulation *simulation, const struct event *event) {
    (void)event;
    if (!simulation->recovery.begun) {
        network_calm(simulation);
    }
}

void nemesis_storm(struct simulation *simulation) {
    struct network *network = &simulation->network;
    network->latency_us = nemesis_below(simulation, 100000);
    network->jitter_us = nemesis_below(simulation, 200000);
    network->drop_per_million = nemesis_below(simulation, 500000);
    network->repeat_per_million = nemesis_below(simulation, 300000);
    count(simulation, STATISTIC_STORMS);
    trace_event(simulation, "storm", 0, network->latency_us, network->jitter_us, network->drop_per_million);
    scheduler_add(
        &simulation->scheduler,
        (struct event){.at_us = simulation->scheduler.now_us + 1000 * (100 + nemesis_below(simulation, 3000)),
                       .run = network_calms});
}

static void link_calms(struct simulation *simulation, const struct event *event) {
    (void)simulation;
    struct link *link = event->data;
    link->slow_us = 0;
}

/* So slow that answers come when what they answer is long past. */
void nemesis_slow_link(struct simulation *simulation) {
    size_t from = nemesis_below(simulation, simulation->profile.brokers);
    size_t to = nemesis_victim(simulation)->position;
    struct link *link = &simulation->network.links[from][to];
    link->slow_us = 1000 * nemesis_below(simulation, 1500);
    count(simulation, STATISTIC_SLOW_LINKS);
    trace_event(simulation, "slow link", from, to, link->slow_us, 0);
    scheduler_add(
        &simulation->scheduler,
        (struct event){.at_us = simulation->scheduler.now_us + 1000 * (500 + nemesis_below(simulation, 5000)),
                       .run = link_calms,
                       .data = link});
}

/* It looks dead to all others, and is not. */
void nemesis_close_all_of(struct simulation *simulation, size_t from) {
    for (size_t to = 0; to < simulation->profile.brokers; to++) {
        if (from != to) {
            network_close_stream(simulation, from, to);
        }
    }
}

void nemesis_close_streams(struct simulation *simulation) {
    size_t a = nemesis_victim(simulation)->position;
    size_t b = nemesis_below(simulation, simulation->profile.brokers);
    if (a == b) {
        nemesis_close_all_of(simulation, a);
    } else {
        network_close_streams(simulation, a, b);
    }
}
