/* What all reads of a partition have in common. */
#ifndef API_READ_H
#define API_READ_H

#include "aviary/record.h"

#include "leader.h"
#include "topic.h"

enum read_level {
    READ_WEAK,         /* what is committed as far as the leader knows */
    READ_LINEARIZABLE, /* the same after the leader made sure that it still is one */
    READ_NONE,         /* what is committed as far as the replica here knows */
};

/* ?level; weak where it is not said. False: the reply says why. */
bool read_get_level(struct call *call, enum read_level *ret_level) AVIARY_MUST_USE;

/*
 * Runs `task` where that level wants it: `here` with the replica of this broker for READ_NONE, if it has one,
 * else at the leader.
 */
void read_answer(struct call *call, uint64_t group, enum read_level level, const struct leader_task *task,
                 void *context);

/* Before reading at the leader. False: the reply says why, and LEADER_RETRY is due. */
bool read_barrier(struct call *call, uint64_t group, enum read_level level) AVIARY_MUST_USE;

/* Makes the reply what a failed broker_fetch means; `result` holds both bounds for OUT_OF_RANGE. */
enum leader_outcome read_fail(struct call *call, enum status status, int64_t offset,
                              const struct broker_fetch_result *result);

/*
 * A batch's records, unpacked into `scratch` where they are compressed. CORRUPT, TOO_LARGE, NO_MEMORY: the
 * log here holds what cannot be read.
 */
enum status read_open_batch(struct slice bytes, struct buffer *scratch, struct record_batch_view *ret_view,
                            struct record_iterator *ret_iterator, struct error *error) AVIARY_MUST_USE;

#endif
