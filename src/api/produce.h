/* Producing: the forms that a body may have, and the reply that they share. */
#ifndef API_PRODUCE_H
#define API_PRODUCE_H

#include "write.h"

/* A produce request as all forms begin with. */
struct produce {
    struct call *call;
    struct topic topic;
    struct parameters parameters;
    struct write_key key;
    struct partition_choice choice;
};

/* The body is one value. */
void produce_raw(struct produce *produce);
/* The body is one record batch, kept as it is. */
void produce_batch(struct produce *produce);
/* The body is records, one a line; with `values_only` each line is a value. */
void produce_lines(struct produce *produce, bool values_only);

/* The client's idempotency key, where it sent one, as what this class of body stands for. False: the reply
 * says why. */
bool produce_read_key(struct produce *produce, enum payload_class payload_class) AVIARY_MUST_USE;
/* The partition of a request that is one unit, checked, with its group. False: the reply says why. */
bool produce_pick_partition(struct produce *produce, uint32_t *ret_partition,
                            uint64_t *ret_group) AVIARY_MUST_USE;
/* A client that asked for `?redirect` and a partition that is led elsewhere: true, and the reply is 307. */
bool produce_redirected(struct produce *produce, uint64_t group) AVIARY_MUST_USE;
/* A write of this request, ready to run. */
void produce_init_write(struct produce *produce, uint32_t partition, uint64_t group, struct slice batch,
                        uint32_t count, struct write *ret_write);
/* Runs the one write of a request and makes its reply. `with_count`: tell how many records. */
void produce_one(struct produce *produce, struct slice batch, uint32_t count, bool with_count);

#endif
