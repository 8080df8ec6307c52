/*
 * broker: what one broker does. Use cases (topics, produce, fetch, routing), the start of a cluster, and the
 * thread that drives the replicas.
 *
 * Threads: one *shard* thread owns the node (room `replica`); one *housekeeper* thread does what takes time
 * (first start, registration, publishing the view). Every function below may be called from any thread unless
 * it says otherwise; those with a `deadline_ms` (clock_monotonic_ms) block until then at most.
 *
 * Before the broker belongs to a cluster all use cases answer STATUS_UNAVAILABLE, with a message like
 * "waiting for 2 of 3 brokers".
 */
#ifndef AVIARY_BROKER_H
#define AVIARY_BROKER_H

#include "aviary/coordination.h"
#include "aviary/metadata.h"
#include "aviary/replica.h"
#include "aviary/storage.h"
#include "aviary/transport.h"

struct broker;

/* Asks another broker something over its peer port, and waits: JOIN and the first start, and who leads a
 * group. */
struct broker_caller {
    void *context;
    /* OK where an answer came (appended to `answer`). UNAVAILABLE, TIMEOUT, UNKNOWN, CONFLICT (refused;
     * `error` quotes it). */
    enum status (*call)(void *context, const char *peer_address, const char *name, struct slice request,
                        uint64_t deadline_ms, struct buffer *answer, struct error *error);
};

struct broker_options {
    uint32_t id;
    char rest_address[ADDRESS_SIZE_MAX]; /* "host:port" as others reach it */
    char peer_address[ADDRESS_SIZE_MAX];
    uint32_t expect; /* brokers to wait for at the first start over ZooKeeper */
    /* The next three are used from broker_create to broker_stop. They call the broker from their own threads,
       so they are destroyed after broker_stop and before broker_destroy. */
    struct storage *storage;
    struct transport *transport;
    struct coordination *coordination;
    struct uuid disk_uuid;
    bool founds_nothing; /* the disk took another's place, which may have belonged to a cluster: a first start
                            joins one, or waits for one */
    struct broker_caller caller;
    /* Tells the transport who there is and who we are; called by the housekeeper, again after false. */
    bool (*set_peers)(struct transport *transport, const struct transport_peer *peers, size_t count);
    bool (*set_identity)(struct transport *transport, const struct transport_identity *identity);
    uint64_t heartbeat_ms;
    uint64_t election_min_ms;
    uint64_t election_max_ms;
    size_t tail_bytes_max;
    /* Makes the next start set the storage's disk aside, and begin with a new one. */
    enum status (*distrust)(struct storage *storage, struct error *error);
    uint64_t scrub_bytes_per_second; /* 0: nothing is read but what somebody asks for */
    uint64_t scrub_interval_ms;      /* from the beginning of one pass to that of the next, at least */
    uint64_t mailbox_bytes_max;      /* of batches, and entries and chunks from peers, waiting for a turn */
};

/* Nothing runs yet. NO_MEMORY, or what reading the storage says. */
enum status broker_create(const struct broker_options *options, struct broker **ret_broker,
                          struct error *error) AVIARY_MUST_USE;
/* Starts the threads and coordination. */
enum status broker_start(struct broker *broker, struct error *error) AVIARY_MUST_USE;
/* Hands every leadership over, within 1 s, and waits a moment for the new leaders to be heard: from then on
 * what is asked here is sent on to them. For a broker that is to stop; it serves on. */
void broker_hand_over(struct broker *broker);
/* Orderly: saves states, answers what waits, stops the threads. What is asked afterwards is refused. */
void broker_stop(struct broker *broker);
/* After broker_stop, and after all that calls it is gone: servers, api, coordination, transport and storage.
 * Takes NULL. */
void broker_destroy(struct broker *broker);
/* Why the broker cannot go on (a failed disk, its id taken): the process must end. NULL: nothing is wrong. */
const char *broker_failure(const struct broker *broker);
/* Blocks until broker_failure is set or `deadline_ms`; true where it is set. */
bool broker_wait_failure(struct broker *broker, uint64_t deadline_ms);

/* What transport calls, with the broker as context. */
struct transport_listener broker_transport_listener(struct broker *broker);
/* The other side of broker_caller: `name` and `request` as the peer gave them. Messages of `error` go back to
 * it. */
enum status broker_answer_call(struct broker *broker, const char *name, struct slice request,
                               struct buffer *answer, struct error *error) AVIARY_MUST_USE;

/* ---- Reading the cluster ---- */

/*
 * The metadata, read-locked until broker_unlock_metadata: read and copy, do not block, and call nothing else
 * of this header meanwhile (a second lock of one thread may wait for the writer that waits for the first).
 * UNAVAILABLE before the broker belongs to a cluster (then nothing is locked).
 */
enum status broker_lock_metadata(struct broker *broker, const struct metadata **ret_metadata,
                                 struct error *error) AVIARY_MUST_USE;
void broker_unlock_metadata(struct broker *broker);

struct broker_identity {
    uint32_t id;
    struct uuid cluster_id; /* zero: none yet */
    struct uuid disk_uuid;
    raft_id incarnation; /* 0: none yet */
    char rest_address[ADDRESS_SIZE_MAX];
    char peer_address[ADDRESS_SIZE_MAX];
    char waiting_for[224]; /* "waiting for 2 of 3 brokers"; empty once it belongs to a cluster */
};
void broker_identity(struct broker *broker, struct broker_identity *ret_identity);

/* Where a group's leader is. */
struct broker_route {
    uint64_t group;
    bool here;                           /* this broker leads it */
    bool hearsay;                        /* no replica here: another broker said so, some time ago */
    uint32_t leader;                     /* broker id; 0: not known */
    uint64_t term;                       /* 0: not known */
    char rest_address[ADDRESS_SIZE_MAX]; /* of the leader */
    char peer_address[ADDRESS_SIZE_MAX];
};

/* NOT_FOUND: no such topic (error_code 40401), OUT_OF_RANGE: no such partition (40402), UNAVAILABLE. */
enum status broker_find_partition(struct broker *broker, struct slice topic, uint32_t partition,
                                  uint64_t *ret_group, struct error *error) AVIARY_MUST_USE;
/*
 * The leader of a group (METADATA_GROUP: the controller), waiting for one until the deadline. For a group
 * without a replica here the replicas' brokers are asked. UNAVAILABLE: none is known by then; NOT_FOUND: no
 * such group.
 */
enum status broker_find_leader(struct broker *broker, uint64_t group, uint64_t deadline_ms,
                               struct broker_route *ret_route, struct error *error) AVIARY_MUST_USE;
/*
 * Whether the replica here has heard of a leader of a later term than the route's: who waits for that route's
 * broker may wait for ever. False also where it is hearsay, of which nothing is heard here.
 */
bool broker_route_is_over(struct broker *broker, const struct broker_route *route);
/* That leader refused or cannot be reached: ask again instead of remembering it. */
void broker_forget_leader(struct broker *broker, uint64_t group);

/* The standing of a replica here, with its members as this replica sees them. False: no replica of that group
 * here. */
struct broker_replica_status {
    struct node_status status;
    size_t member_count;
    struct node_member members[RAFT_MEMBERS_MAX];
};
bool broker_replica_status(struct broker *broker, uint64_t group, uint64_t deadline_ms,
                           struct broker_replica_status *ret_status);

/* Cheap (takes no turn of the shard): for hot paths and metrics. False: no replica here. */
struct broker_partition_position {
    int64_t log_start_offset;
    int64_t high_watermark; /* first offset that is not committed */
    uint64_t term;
    uint32_t leader;    /* broker id; 0: not known */
    bool here;          /* leads and is ready */
    bool majority_lost; /* as of node_status */
    bool hopeless;      /* the same, or the replica is blank: it will not bring a leader about */
};
bool broker_partition_position(struct broker *broker, uint64_t group,
                               struct broker_partition_position *ret_position);

/* ---- Topics (at the controller; NOT_LEADER elsewhere) ---- */

struct broker_topic_request {
    const char *name;
    uint32_t partition_count;              /* 0: default */
    uint32_t replication_factor;           /* 0: default, min(3, first voters) */
    const struct metadata_config *configs; /* ascending by name */
    uint32_t config_count;
};
/*
 * OK: made; EXISTS: an identical one is there; CONFLICT: a different one is. INVALID, UNAVAILABLE (no quorum,
 * or too few brokers for the replication factor), NOT_LEADER, UNKNOWN. Waits until a majority of each replica
 * set has begun to run.
 */
enum status broker_create_topic(struct broker *broker, const struct broker_topic_request *request,
                                uint64_t deadline_ms, struct error *error) AVIARY_MUST_USE;
/* `expected_version` 0: any; CONFLICT where it does not hold. NOT_FOUND, NOT_LEADER, UNAVAILABLE, UNKNOWN. */
enum status broker_delete_topic(struct broker *broker, const char *name, uint64_t expected_version,
                                uint64_t deadline_ms, struct error *error) AVIARY_MUST_USE;
enum status broker_configure_topic(struct broker *broker, const char *name, uint64_t expected_version,
                                   const struct metadata_config *configs, uint32_t config_count,
                                   uint64_t deadline_ms, struct error *error) AVIARY_MUST_USE;

/* ---- Produce (at the partition's leader; NOT_LEADER elsewhere) ---- */

struct broker_produce_request {
    uint64_t group;
    struct blob *batch; /* from entry_blob_create: a checked record batch behind ENTRY_HEADER_SIZE bytes;
                           taken over, on failure too */
    uint32_t count;     /* of records */
    bool has_key;
    struct hash128 key;      /* of the Idempotency-Key */
    struct hash128 payload;  /* of what was sent under it */
    int64_t expected_offset; /* -1: anywhere */
    enum node_acks acks;
};

struct broker_pending; /* a write under way */

/* Hands the write to the shard; broker_produce_end has it taken. FULL where too much is waiting already;
 * NO_MEMORY; UNAVAILABLE before the broker belongs to a cluster, and once it stops. */
enum status broker_produce_begin(struct broker *broker, const struct broker_produce_request *request,
                                 struct broker_pending **ret_pending) AVIARY_MUST_USE;
/*
 * Waits for its answer and releases `pending`. The answer's status is node_answer's; where the deadline
 * passes first it is UNKNOWN.
 */
void broker_produce_end(struct broker *broker, struct broker_pending *pending, uint64_t deadline_ms,
                        struct node_answer *ret_answer);

/* ---- Fetch (from the replica here; whether it is the leader is the caller's business) ---- */

struct broker_fetch_request {
    uint64_t group;
    int64_t offset;
    size_t bytes_max;     /* of whole batches, but at least one */
    uint64_t deadline_ms; /* waits until then for a first record; 0: does not wait */
};

struct broker_fetch_result {
    int64_t high_watermark;
    int64_t log_start_offset;
    uint64_t term;
    struct storage_entries entries; /* whole batches from the one that holds `offset` on: entry_payload is a
                                       record batch. Released with storage_entries_finish. */
};

/*
 * Committed batches. OK, also with none; OUT_OF_RANGE: offset below the log start or above the high watermark
 * (both bounds are filled in); NOT_FOUND: no replica here; CORRUPT, IO.
 */
enum status broker_fetch(struct broker *broker, const struct broker_fetch_request *request,
                         struct broker_fetch_result *ret_result) AVIARY_MUST_USE;
/* The first offset appended at or after that wall time; the high watermark where there is none. */
enum status broker_offset_at_time(struct broker *broker, uint64_t group, int64_t time_ms,
                                  int64_t *ret_offset) AVIARY_MUST_USE;
/* Linearizable read: after OK, what is committed here is fresh. NOT_LEADER, UNAVAILABLE, TIMEOUT. */
enum status broker_read_barrier(struct broker *broker, uint64_t group, uint64_t deadline_ms) AVIARY_MUST_USE;

/* ---- Operations ---- */

/* At the leader. `to_broker` 0: the most up-to-date follower. Waits until another leads; a transfer that
 * gives up is begun again until the deadline (TIMEOUT). */
enum status broker_transfer_leader(struct broker *broker, uint64_t group, uint32_t to_broker,
                                   uint64_t deadline_ms, struct error *error) AVIARY_MUST_USE;

struct broker_health {
    bool coordination_ok;
    bool raft_ok;        /* belongs to a cluster, group 0 has a leader that was heard, turns are taken */
    bool storage_ok;     /* takes writes */
    char detail[3][320]; /* of those not ok, what is wrong */
};
void broker_health(struct broker *broker, uint64_t deadline_ms, struct broker_health *ret_health);

struct broker_metrics {
    uint64_t leader_changes_total;
    uint64_t backlog_bytes; /* node_backlog_bytes: at BACKLOG_BYTES_MAX writes are refused */
    uint64_t mailbox_items;
    uint64_t mailbox_dropped_total;
    uint64_t scrub_bytes_total;
    uint64_t scrub_passes_total;
    uint64_t damages_total; /* times that stored data could not be read, by whomever */
    bool damaged;           /* some of it cannot, and the disk could not be given up yet */
    uint64_t produce_batches_total;
    uint64_t produce_records_total;
    uint64_t produce_bytes_total;
    uint64_t commit_count; /* histogram of acks=all latency at the leader */
    uint64_t commit_us_total;
    uint64_t commit_buckets[16]; /* upper bounds: broker_commit_bounds_us */
};
extern const uint32_t broker_commit_bounds_us[16];
void broker_metrics(struct broker *broker, struct broker_metrics *ret_metrics);

#endif
