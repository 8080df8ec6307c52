/*
 * record: records and record batches, Kafka's RecordBatch version 2 byte for byte. Pure.
 *
 * A batch is a header of RECORD_BATCH_HEADER_SIZE bytes and a section of records, which may be compressed:
 *    0 i64  base offset          \  outside the checksum: the leader fills them in at append,
 *   12 i32  leader epoch         /  record_batch_set_position
 *    8 i32  length: bytes behind this field
 *   16 i8   magic, 2
 *   17 u32  CRC-32C of all that follows
 *   21 i16  attributes: bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control
 *   23 i32  last offset delta: count - 1
 *   27 i64  base timestamp      35 i64  max timestamp
 *   43 i64  producer id         51 i16  producer epoch      53 i32  base sequence
 *   57 i32  count of records
 *   61      records
 * Integers of the header are big-endian, those of a record are zig-zag varints.
 *
 * Statuses: CORRUPT where bytes are not what the format says (of a client's batch that is the client's
 * error), UNSUPPORTED for a magic, codec or attribute unknown here, TOO_LARGE beyond a named limit. Messages
 * name the record by its number within the batch and never hold its bytes.
 *
 * Threads: no state of its own. Every slice given out points into the caller's bytes.
 */
#ifndef AVIARY_RECORD_H
#define AVIARY_RECORD_H

#include "aviary/base/buffer.h"
#include "aviary/base/bytes.h"
#include "aviary/base/limits.h"
#include "aviary/base/slice.h"
#include "aviary/base/status.h"

enum { RECORD_BATCH_HEADER_SIZE = 61, RECORD_BATCH_MAGIC = 2 };

/* Kafka's numbers, which are also those of `enum compress_codec`. */
enum record_codec {
    RECORD_CODEC_NONE = 0,
    RECORD_CODEC_GZIP = 1,
    RECORD_CODEC_SNAPPY = 2,
    RECORD_CODEC_LZ4 = 3,
    RECORD_CODEC_ZSTD = 4,
};

enum record_timestamp_type {
    RECORD_TIMESTAMP_CREATE = 0, /* each record has its own */
    RECORD_TIMESTAMP_APPEND = 1, /* the batch's max timestamp stands for all */
};

struct record_header {
    struct slice key;
    struct slice value;
    bool has_value; /* false: null, which is not the same as empty */
};

struct record {
    bool has_key;   /* false: null */
    bool has_value; /* false: null, a tombstone */
    struct slice key;
    struct slice value;
    int64_t timestamp_ms; /* since 1970-01-01 UTC */
    int64_t offset;       /* only what is read has one; a builder does not look at it */
    const struct record_header *headers;
    uint32_t header_count;
};

/* ---- Building a batch, uncompressed ---- */

struct record_batch_builder {
    struct buffer *out;
    size_t start; /* of the batch in `out` */
    uint32_t count;
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
};

/*
 * Starts a batch behind what `out` holds; until finish nobody else appends to it. A failure to grow shows in
 * the next add or in finish.
 */
void record_batch_builder_init(struct record_batch_builder *builder, struct buffer *out);
/*
 * Copies one record to the end of the batch.
 * TOO_LARGE: the batch has RECORDS_PER_BATCH_MAX records, the record more than RECORD_HEADERS_MAX headers, or
 * it does not fit under the maximum of `out`; INVALID: a timestamp below 0. The batch stands as before, and
 * can be finished. NO_MEMORY: the batch is lost.
 */
enum status record_batch_builder_add(struct record_batch_builder *builder, const struct record *record,
                                     struct error *error) AVIARY_MUST_USE;
/*
 * Writes the header: base offset 0, leader epoch -1, no producer id. The batch lies in `out` from `start` on.
 * INVALID: it has no record. TOO_LARGE, NO_MEMORY: `out` could not grow.
 */
enum status record_batch_builder_finish(struct record_batch_builder *builder,
                                        struct error *error) AVIARY_MUST_USE;

/* ---- Reading a batch ---- */

struct record_batch_view {
    struct slice bytes;   /* the batch, header included */
    struct slice records; /* its records, compressed as `codec` says */
    int64_t base_offset;
    int32_t leader_epoch;
    enum record_codec codec;
    enum record_timestamp_type timestamp_type;
    uint16_t attributes; /* all bits */
    uint32_t count;      /* 1 to RECORDS_PER_BATCH_MAX */
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
    int64_t producer_id; /* -1: none */
    int16_t producer_epoch;
    int32_t base_sequence;
};

/*
 * Reads the header of the batch that `bytes` begins with; other batches may follow at
 * slice_after(bytes, ret_view->bytes.size). Checks length, magic, codec and that the two counts agree, and
 * neither the checksum nor the records: for bytes that were checked when they came.
 */
enum status record_batch_decode(struct slice bytes, struct record_batch_view *ret_view,
                                struct error *error) AVIARY_MUST_USE;
/*
 * For a batch from outside: `bytes` is one batch and nothing else, its checksum holds, it has no attribute
 * but codec and timestamp type, and, where it is not compressed, its records are as
 * record_batch_check_records wants them. Where it is compressed the caller unpacks the records and checks
 * those.
 */
enum status record_batch_check(struct slice bytes, struct record_batch_view *ret_view,
                               struct error *error) AVIARY_MUST_USE;
/*
 * `records` (unpacked) hold exactly view->count records, numbered from 0 on, each of exactly its length, with
 * at most RECORD_HEADERS_MAX headers.
 */
enum status record_batch_check_records(const struct record_batch_view *view, struct slice records,
                                       struct error *error) AVIARY_MUST_USE;

/* Steps over records. In the caller's memory, nothing to release. */
struct record_iterator {
    struct reader rest;
    int64_t base_offset;
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
    enum record_timestamp_type timestamp_type;
    uint32_t count;
    uint32_t next; /* number of the next record within the batch */
    struct record_header headers[RECORD_HEADERS_MAX];
};

/* `records`: view->records where the codec is NONE, else the same unpacked; kept by the caller. */
void record_iterator_init(struct record_iterator *iterator, const struct record_batch_view *view,
                          struct slice records);
/*
 * The next record; its headers lie in the iterator and are good until the next step. NOT_FOUND, without a
 * message, behind the last. CORRUPT, TOO_LARGE (headers): the iterator is of no more use.
 */
enum status record_iterator_next(struct record_iterator *iterator, struct record *ret_record,
                                 struct error *error) AVIARY_MUST_USE;
/* Steps over `count` records without looking into them; behind the last it stays there. CORRUPT. */
enum status record_iterator_skip(struct record_iterator *iterator, uint32_t count,
                                 struct error *error) AVIARY_MUST_USE;

/* ---- Changing a batch ---- */

/* In place; `batch` has at least RECORD_BATCH_HEADER_SIZE bytes. The checksum stays right. */
void record_batch_set_position(uint8_t *batch, int64_t base_offset, int32_t leader_epoch);
/*
 * Appends to `out` the batch of `view` with other bytes for its records, which are the same records under
 * another codec: a producer compresses what a builder made, a reader does the reverse. TOO_LARGE, NO_MEMORY.
 */
enum status record_batch_repack(const struct record_batch_view *view, enum record_codec codec,
                                struct slice records, struct buffer *out) AVIARY_MUST_USE;

#endif
