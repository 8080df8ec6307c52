/*
 * partition: the state machine of one partition, pure. Counts offsets, remembers idempotency keys, keeps the
 * log start.
 *
 * Two views of the same log. The *applied* state is a function of the committed entries alone and is the same
 * on every replica at the same index. The *pending* view lies on top of it at the leader only: what has been
 * proposed in this term and is not applied yet; it gives the next offset and finds a repeated key before
 * anything is appended.
 *
 * Threads: one at a time. Memory: tables grow up to IDEMPOTENCY_KEYS_MAX and PENDING_KEYS_MAX; NO_MEMORY
 * leaves the state as it was. Each entry, and each look for a key, takes constant time (amortised where a
 * table grows).
 */
#ifndef AVIARY_PARTITION_H
#define AVIARY_PARTITION_H

#include "aviary/raft/entry.h"

struct partition;

/*
 * An empty partition: offsets begin at 0. NULL: no memory. `keys_max`, above 0, is part of what replicas must
 * agree on: IDEMPOTENCY_KEYS_MAX but in tests.
 */
struct partition *partition_create(size_t keys_max);
/* Takes NULL. */
void partition_destroy(struct partition *partition);

/* ---- Applied state ---- */

/*
 * Applies the committed entry at `header->index`, which must be partition_applied_index + 1; whether it was
 * proposed here makes no difference, but that it leaves the pending view. `payload` is used by LOG_START
 * only: an offset beyond the next one or not beyond the log start is passed over. NO_MEMORY. CORRUPT where a
 * RECORDS entry's base offset is not the next offset, its count is 0 or its time runs backwards, and for an
 * entry that no partition has: the log of this replica cannot be right, the driver stops it.
 *
 * A key that the table holds already (which a leader that applied its no-op before it proposed never
 * appends) is no error: the later batch takes its offsets all the same, and the table keeps the first answer,
 * at its first age.
 */
enum status partition_apply(struct partition *partition, const struct entry_header *header,
                            struct slice payload) AVIARY_MUST_USE;
uint64_t partition_applied_index(const struct partition *partition);
/* The high watermark: the first offset that is not applied. */
int64_t partition_next_offset(const struct partition *partition);
int64_t partition_log_start_offset(const struct partition *partition);
/* Of the newest batch; 0 before the first. */
int64_t partition_last_append_time_ms(const struct partition *partition);
size_t partition_key_count(const struct partition *partition);

/* ---- Pending view (leader) ---- */

enum partition_key_state {
    PARTITION_KEY_NEW,       /* not known: may be proposed */
    PARTITION_KEY_DUPLICATE, /* applied before with the same payload: the first answer is in `answer` */
    PARTITION_KEY_PENDING,   /* proposed with the same payload, not applied yet: wait for index `answer.index`
                              */
    PARTITION_KEY_MISMATCH,  /* known with another payload (HTTP 422) */
};

struct partition_answer {
    uint64_t index;
    int64_t base_offset;
    uint32_t count;
    int64_t append_time_ms;
};

/* `ret_answer` is filled for DUPLICATE and PENDING only. */
enum partition_key_state partition_find_key(const struct partition *partition, const struct hash128 *key,
                                            const struct hash128 *payload,
                                            struct partition_answer *ret_answer);
/* The offset that the next proposed batch gets. */
int64_t partition_pending_next_offset(const struct partition *partition);
/*
 * Takes a batch of `header->count` records (type RECORDS, count above 0) into the pending view, to be
 * appended at `header->index`, above every earlier one: fills base_offset and append_time_ms (now_ms, but
 * never below the one before). A key (ENTRY_HAS_KEY) must have been found NEW. FULL (PENDING_KEYS_MAX, or
 * every offset is used), NO_MEMORY: neither header nor state changed.
 */
enum status partition_propose(struct partition *partition, struct entry_header *header,
                              int64_t now_ms) AVIARY_MUST_USE;
/*
 * Forgets the pending view: leadership was lost or won. At winning, every earlier entry must be applied
 * before the first propose (the driver waits for its own no-op), so that pending begins at the applied state.
 */
void partition_forget_pending(struct partition *partition);

/* ---- Snapshots ---- */

/* Appends the applied state, docs/storage-format.md. Same state, same bytes. Status in the buffer. */
void partition_snapshot(const struct partition *partition, struct buffer *out);
/*
 * The state as it was right after `index`, the last entry before the log's start, for a replica that will
 * apply all that follows: what it then arrives at is the state here. `next_offset` and `append_time_ms` are
 * those of the entry behind.
 */
void partition_snapshot_at(const struct partition *partition, uint64_t index, int64_t next_offset,
                           int64_t append_time_ms, struct buffer *out);
/*
 * Replaces the whole state, pending too; any bytes may come. CORRUPT, UNSUPPORTED (an unknown format, or more
 * keys than keys_max), NO_MEMORY: the state is as before.
 */
enum status partition_restore(struct partition *partition, struct slice snapshot) AVIARY_MUST_USE;
/* Order-independent of history: equal states have equal digests (for checks across replicas). */
uint32_t partition_digest(const struct partition *partition);

#endif
