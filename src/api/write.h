/*
 * A write: one record batch on its way into one partition, here or at the broker that leads it, until there
 * is an answer or the call's deadline is over.
 */
#ifndef API_WRITE_H
#define API_WRITE_H

#include "parameters.h"
#include "topic.h"

/* The idempotency key that all writes of one request share. */
struct write_key {
    bool present;
    bool minted; /* by us: a batch that goes to another broker may arrive there twice */
    char text[IDEMPOTENCY_KEY_SIZE_MAX + 1];
    struct hash128 key;
    struct hash128 payload; /* of what the client sent under it */
};

struct write {
    struct call *call;
    const struct topic *topic;
    uint32_t partition;
    uint64_t group;
    struct slice batch; /* checked; the caller keeps it until the write is done */
    uint32_t count;     /* of records */
    enum node_acks acks;
    int64_t expected_offset; /* -1: anywhere */
    struct write_key *key;

    /* Private */
    struct broker_pending *pending; /* begun here, not ended */
    bool pending_has_key;
    bool may_be_appended; /* an attempt ended without saying */

    /* The answer, once write_run has returned. */
    unsigned error_code; /* 0: it stands, with what follows */
    struct error error;  /* else the message */
    int64_t base_offset;
    int64_t timestamp_ms; /* when the leader appended it */
    bool duplicate;
    uint64_t term;
    uint32_t served_by;
    uint32_t leader; /* whom a forwarded call should have asked; 0: none */
};

/* The client's key, with the hash of its payload; `text` of at most IDEMPOTENCY_KEY_SIZE_MAX bytes. */
void write_key_set(struct write_key *key, struct slice text, const struct hash128 *payload);

/* Begins the write where this broker leads the partition now; otherwise write_run will do all. */
void write_begin(struct write *write);
/* Does the write, or ends what was begun; fills the answer. */
void write_run(struct write *write);

/*
 * Whether another attempt may be made after one that ended with `status`: nothing was appended, or it was
 * under a key that finds it again.
 */
bool write_may_retry(enum status status, bool has_key);

/*
 * Whether an attempt that ended with `status` also says what became of the ones before it under the same key:
 * the leader looked for the key. Any other refusal (its disk is full, say) is of that attempt alone.
 */
bool write_says_of_all(enum status status);

#endif
