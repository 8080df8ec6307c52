/*
 * For the tests of replica: one to three brokers, each a node over a storage in memory, and messages carried
 * by hand. Time stands still unless the test lets it pass.
 */
#ifndef AVIARY_TESTS_UNIT_NODE_FIXTURE_H
#define AVIARY_TESTS_UNIT_NODE_FIXTURE_H

#include "aviary/replica.h"

enum { WORLD_BROKERS_MAX = 3, WORLD_CONTEXTS = 64, WORLD_GROUPS = 8, WORLD_MESSAGES_MAX = 4096 };

struct world;

/* A broker: incarnation `number`, id 10 x number. */
struct member {
    struct world *world;
    raft_id number;
    struct transport transport;
    struct storage *storage;
    struct node *node; /* NULL: down */
    bool cut_off;      /* nothing leaves or arrives */
    enum status disk;  /* what its writes end with from now on */
    /* What the observer was told. */
    unsigned answered[WORLD_CONTEXTS]; /* how often */
    struct node_answer answers[WORLD_CONTEXTS];
    unsigned reads_ready[WORLD_CONTEXTS];
    enum status read_status[WORLD_CONTEXTS];
    unsigned opened[WORLD_GROUPS];
    unsigned closed[WORLD_GROUPS];
    unsigned applied[WORLD_GROUPS]; /* entries with records */
    unsigned failures;
    enum status failure;
};

struct world {
    uint64_t now_ms;
    size_t member_count;
    struct member members[WORLD_BROKERS_MAX];
    bool hold_disks; /* batches stay pending */
    uint64_t muted;  /* a group whose messages are lost; 0: none */
    /* Changed before a node opens. */
    uint32_t pending_max;
    uint64_t checkpoint_entries;
    uint64_t metadata_log_keep;
    size_t tail_bytes_max;
    size_t backlog_bytes_max;
    size_t message_count;
    struct raft_message messages[WORLD_MESSAGES_MAX];
};

/* All nodes open, nothing has happened yet. */
struct world *world_create(size_t members);
void world_destroy(struct world *world);
/* Opens all nodes anew: what was changed in the world holds for them then. */
void world_reopen(struct world *world);
void member_open(struct member *member);
/* The same, where it may fail. */
enum status member_try_open(struct member *member, struct error *error) AVIARY_MUST_USE;
/* As by kill -9: of the batches not yet durable `keep` survive. */
void member_crash(struct member *member, size_t keep);
/* Lets time pass, with all that happens meanwhile. */
void world_run(struct world *world, uint64_t ms);
/* What is due now, without time: flushes, disks, messages, until nothing happens any more. */
void world_settle(struct world *world);
/* The ready leader of a group, waiting for one. */
struct member *world_leader(struct world *world, uint64_t group);

/* Proposals. `context` from 1; answers[context] and answered[context] tell the rest. */
void member_propose(struct member *member, const struct node_proposal *proposal);
/* A batch of `count` records for `group`. */
struct node_proposal member_batch(uint64_t group, uint32_t count, enum node_acks acks, uint64_t context);
/* The same with an idempotency key. */
struct node_proposal member_keyed(uint64_t group, uint64_t key, uint64_t payload, uint64_t context);
/* A log start at `offset`. */
struct node_proposal member_log_start(uint64_t group, int64_t offset, uint64_t context);
/* Runs a metadata command at the controller and gives its result. */
struct metadata_result world_execute(struct world *world, const struct metadata_command *command);
/* A topic of one partition on all members; gives its group. */
uint64_t world_create_topic(struct world *world, const char *name);
void world_delete_topic(struct world *world, const char *name);
/* Appends `batches` batches of ten records each at the leader, all committed. */
void world_append(struct world *world, uint64_t group, unsigned batches);

struct node_status member_status(const struct member *member, uint64_t group);
uint32_t member_digest(const struct member *member, uint64_t group);

#endif
