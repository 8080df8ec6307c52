/*
 * The records of one request, sorted into one batch for each partition that they name or are given to. Pure
 * but for memory.
 */
#ifndef API_SORTER_H
#define API_SORTER_H

#include "parameters.h"

struct sorted_batch {
    uint32_t partition;
    uint32_t count;
    struct buffer bytes; /* a whole record batch after sorter_finish_batches */
    struct record_batch_builder builder;
};

struct sorter {
    const struct partition_choice *choice;
    int64_t now_ms;                /* the time of records that name none */
    struct sorted_batch **batches; /* in the order of their first records; owned */
    size_t batch_count;
    uint32_t *positions;           /* by partition: 1 + its place in batches; 0: none */
    struct buffer line_partitions; /* u16 a record, in the order of the lines */
    struct buffer line_numbers;    /* u32 a record, beside them */
    struct buffer scratch;         /* of the line parser */
};

/* NO_MEMORY; finish in any case. `choice` is borrowed. */
enum status sorter_init(struct sorter *sorter, const struct partition_choice *choice,
                        int64_t now_ms) AVIARY_MUST_USE;
void sorter_finish(struct sorter *sorter);

/*
 * Sorts a whole body. Each line is a record in JSON (blank ones are passed over) or, with `values_only`, a
 * value, which ends at "\n" and nothing else. INVALID: the message names the line; OUT_OF_RANGE: it names a
 * partition that the topic does not have; TOO_LARGE: a batch would be; NO_MEMORY.
 */
enum status sorter_take(struct sorter *sorter, struct slice body, bool values_only,
                        struct error *error) AVIARY_MUST_USE;
/* After the last line. */
enum status sorter_finish_batches(struct sorter *sorter, struct error *error) AVIARY_MUST_USE;
/* Numbers, from 1, of the lines that went to a partition, as a JSON array. */
void sorter_append_lines(const struct sorter *sorter, uint32_t partition, struct buffer *out);

#endif
