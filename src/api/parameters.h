/* What a produce request says besides its body, in its query and its head. Pure. */
#ifndef API_PARAMETERS_H
#define API_PARAMETERS_H

#include "aviary/broker.h"
#include "aviary/http/request.h"
#include "aviary/record.h"

/* Slices point into the request. */
struct parameters {
    bool has_key; /* ?key or X-Key */
    bool has_partition;
    bool has_timestamp;
    bool has_idempotency_key;
    struct slice key;
    uint32_t partition;      /* ?partition or X-Partition */
    int64_t timestamp_ms;    /* X-Timestamp; 0 or more */
    enum node_acks acks;     /* ?acks or X-Acks; all where it is not said */
    int64_t expected_offset; /* If-Match; -1: none */
    struct slice idempotency_key;
};

/* INVALID: the message says which one is wrong and what it may be. */
enum status parameters_read(const struct http_request *request, struct parameters *ret_parameters,
                            struct error *error) AVIARY_MUST_USE;

/*
 * The X-Header-* of a request as a record's headers, names in lower case and without the prefix. Names lie in
 * `names`, an empty buffer; values in the request. NO_MEMORY.
 */
enum status parameters_read_headers(const struct http_request *request, struct buffer *names,
                                    struct record_header ret_headers[RECORD_HEADERS_MAX],
                                    uint32_t *ret_count) AVIARY_MUST_USE;

/* What kind of body it is; part of what an idempotency key stands for. */
enum payload_class {
    PAYLOAD_RAW = 1,
    PAYLOAD_NDJSON = 2,
    PAYLOAD_LINES = 3,
    PAYLOAD_BATCH = 4,
    PAYLOAD_MESSAGE = 5
};

/*
 * The hash of what a client sent under an idempotency key: class, key, partition, timestamp and headers where
 * they were given, and the body. What the broker chose by itself is not part of it, so that a retry has the
 * same hash anywhere and at any time. NO_MEMORY.
 */
enum status parameters_hash(const struct http_request *request, const struct parameters *parameters,
                            enum payload_class payload_class, struct hash128 *ret_hash) AVIARY_MUST_USE;

/* Where the records of a request go that name no partition. */
struct partition_choice {
    uint32_t partition_count;
    uint32_t sticky; /* for records without key and idempotency key */
    const struct parameters *parameters;
};

/*
 * The partition of the record on `line` (from 0): by its key as Kafka's clients choose, else by the
 * request's idempotency key and the line, so that a retry finds the same one, else the sticky one.
 */
uint32_t partition_choose(const struct partition_choice *choice, bool has_key, struct slice key,
                          uint64_t line);

#endif
