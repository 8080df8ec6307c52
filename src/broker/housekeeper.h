/*
 * The housekeeper thread: the first start, this broker's registration, whom the transport talks to, and the
 * published view. Everything here may take time, and nothing of it is on the way of a record.
 */
#ifndef BROKER_HOUSEKEEPER_H
#define BROKER_HOUSEKEEPER_H

#include "cluster_file.h"

#include "aviary/base/thread.h"
#include "aviary/broker.h"

struct broker;

enum { HOUSEKEEPER_INTERVAL_MS = 200 };

struct lost_claim {
    uint32_t broker_id;
    struct uuid disk_uuid;
    uint64_t until_ms; /* it asks again and again; what it said is forgotten then */
};

struct housekeeper {
    struct thread thread;
    struct mutex mutex; /* guards all below */
    struct condition woken;
    bool wake;
    bool stopping;
    bool metadata_changed;
    bool leaders_changed;

    /* What coordination said last. */
    struct coordination_broker announced[BROKERS_MAX];
    size_t announced_count;
    bool cluster_known;
    struct coordination_cluster cluster;
    uint32_t controller; /* holder of /controller; 0: none */

    /* Who opened streams to us, and as what: where they are now. */
    struct transport_identity heard[BROKERS_MAX];
    size_t heard_count;

    /* Who asks for an incarnation, and with which disk: the one that the metadata knows is gone. */
    struct lost_claim claims[BROKERS_MAX];
    size_t claim_count;

    char waiting_for[224];

    /* The housekeeper's own; no lock. */
    struct metadata_broker joined[BROKERS_MAX]; /* told by the one that took our JOIN */
    size_t joined_count;
    uint64_t published_term; /* of group 0, as told to coordination */
    uint32_t published_leader;
    uint64_t published_metadata;           /* applied index that the view shows; 0: none */
    uint64_t peers_digest;                 /* of what the transport was told last */
    uint64_t registered_ms;                /* last try */
    uint64_t partitions_ms;                /* last look at the partitions led here */
    uint32_t gone_digest;                  /* lost.c: of what the node was told last */
    struct published_partition *published; /* publish.c */
    size_t published_count;
};

void housekeeper_init(struct housekeeper *housekeeper);
void housekeeper_finish(struct housekeeper *housekeeper);
enum status housekeeper_start(struct broker *broker, struct error *error) AVIARY_MUST_USE;
/* Tells the thread to end, without waiting; then join. */
void housekeeper_tell_stop(struct broker *broker);
void housekeeper_join(struct broker *broker);
/* True where the thread shall end: loops that wait look at it. */
bool housekeeper_is_stopping(struct broker *broker);
/* Sleeps until woken, stopped, or `ms` passed. */
void housekeeper_wait(struct broker *broker, uint64_t ms);
/* What is waited for, for people: "waiting for 2 of 3 brokers"; "" once it is over. */
void housekeeper_set_waiting(struct broker *broker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* From other threads. */
void housekeeper_metadata_changed(struct broker *broker);
void housekeeper_leaders_changed(struct broker *broker);
void housekeeper_coordination_event(void *broker, const struct coordination_event *event);
void housekeeper_heard(struct broker *broker, const struct transport_identity *identity);

/* start.c: returns once the node runs or the thread shall end. */
void start_until_running(struct broker *broker);
/* start_static.c: unanimous first start of a static peer list. True: `ret_cluster` is agreed and to be saved
 * as member. */
bool start_static_try(struct broker *broker, struct cluster_file *ret_cluster);
/* register.c: asks the cluster for an incarnation, or tells it our addresses. True: it has them. */
bool join_cluster(struct broker *broker, const struct uuid *cluster_id, struct cluster_file *ret_cluster);
/* register.c: keeps our addresses in the metadata true. */
void register_self(struct broker *broker);
/* peers.c: tells the transport whom to talk to. */
void peers_refresh(struct broker *broker);
/* peers.c: tells it who we are. */
void peers_say_identity(struct broker *broker);
/* peers.c: "host:port" of an announced peer port. */
void peers_format_address(const struct coordination_broker *announced, char ret_address[ADDRESS_SIZE_MAX]);
/* peers.c: addresses at which cluster members may be asked, best first; returns how many. */
size_t peers_addresses(struct broker *broker, char (*ret_addresses)[ADDRESS_SIZE_MAX], size_t max);
/* publish.c */
void publish_view(struct broker *broker);
void publish_finish(struct housekeeper *housekeeper);

#endif
