/*
 * What clients asked for and what they were told, held against what was committed: nothing acknowledged is
 * lost, altered, reordered, or there twice; nothing that was refused is there; every request gets one answer.
 *
 * An operation is one batch that a client wants stored; an attempt is one request for it. An attempt that was
 * refused stored nothing; one without an answer, or answered UNKNOWN, may have.
 */
#ifndef AVIARY_TESTS_SIMULATION_OPERATIONS_H
#define AVIARY_TESTS_SIMULATION_OPERATIONS_H

#include "history.h"

struct broker;
struct simulation;

struct operation {
    uint64_t number; /* its position + 1 */
    uint64_t group;
    uint64_t key;    /* 0: none; else the number of the operation that used it first */
    bool key_shared; /* of the one that owns the key: others used it too */
    uint32_t count;
    size_t payload_size;
    enum node_acks acks;
    int64_t expected_offset;
    uint32_t attempts;
    uint32_t refusals;
    bool committed;
    uint64_t index;
    int64_t base_offset;
    bool key_committed;    /* of the one that owns the key */
    uint64_t key_position; /* among the group's keyed batches, when that was */
};

enum attempt_kind { ATTEMPT_RECORDS, ATTEMPT_COMMAND, ATTEMPT_LOG_START };
enum attempt_state { ATTEMPT_SENT, ATTEMPT_TAKEN, ATTEMPT_ENDED };

struct attempt {
    enum attempt_kind kind;
    enum attempt_state state;
    uint64_t operation; /* RECORDS */
    uint32_t client;
    struct broker *broker;
    uint64_t life; /* of the broker when it took it */
    struct node_answer answer;
};

struct operations {
    struct operation *operations;
    size_t count;
    size_t capacity;
    struct attempt *attempts;
    size_t attempt_count;
    size_t attempt_capacity;
};

void operations_finish(struct operations *operations);

/* Pointers are valid until the next one is made. */
struct operation *operation_create(struct simulation *simulation, const struct operation *template);
struct operation *operation_at(struct simulation *simulation, uint64_t number);
struct attempt *attempt_at(struct simulation *simulation, uint64_t number);
/* Its number. */
uint64_t attempt_create(struct simulation *simulation, const struct attempt *template);
/* The bytes of an operation's batch; the same each time. NULL never. */
struct blob *operation_blob(const struct operation *operation);
struct hash128 operation_payload_hash(const struct operation *operation);

/* Which operation an appended entry belongs to, after checking that it is as that wanted it; 0: not RECORDS.
 */
uint64_t operation_of_entry(struct simulation *simulation, uint64_t group, const struct blob *blob,
                            const struct entry_header *header);
void operation_committed(struct simulation *simulation, struct group_history *group,
                         const struct history_entry *entry);
/* Hands an attempt to its broker's node; refused where that is down. */
void attempt_take(struct simulation *simulation, uint64_t number, const struct node_proposal *proposal);
/* It never reached a node. */
void attempt_refuse(struct simulation *simulation, uint64_t number);
void operation_answered(struct broker *broker, const struct node_answer *answer);
/* An acknowledgement reached its client. */
void operation_acknowledged(struct simulation *simulation, const struct attempt *attempt);
/* Whether what was asked for certainly did not happen. */
bool status_is_refusal(enum status status);

/* Everything that a living broker took has been answered. */
void operations_check_answered(struct simulation *simulation);

#endif
