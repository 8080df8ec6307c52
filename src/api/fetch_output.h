/* The records of a fetch, in the form that the client wants. */
#ifndef API_FETCH_OUTPUT_H
#define API_FETCH_OUTPUT_H

#include "read.h"

enum fetch_format {
    FETCH_JSON,   /* an array of records */
    FETCH_NDJSON, /* a record a line */
    FETCH_BATCH,  /* whole batches as they are stored, one behind the other */
    FETCH_RAW,    /* a value a line */
};

struct fetch_output {
    enum fetch_format format;
    struct buffer *out;
    struct json_writer writer; /* FETCH_JSON */
    uint32_t limit;            /* records left */
    size_t bytes_max;          /* of keys, values and headers left; the first record goes beyond */
    uint32_t count;            /* records written; of FETCH_BATCH all in the batches */
    int64_t next_offset;       /* behind the last one */
    bool full;
};

/* Starts the body at `out`. `layout` for FETCH_JSON. */
void fetch_output_begin(struct fetch_output *output, enum fetch_format format, struct buffer *out,
                        enum json_layout layout, int64_t offset, uint32_t limit, size_t bytes_max);
/* The batch's records from output->next_offset on, until it is full. Statuses of read_open_batch. */
enum status fetch_output_batch(struct fetch_output *output, struct slice batch, struct buffer *scratch,
                               struct error *error) AVIARY_MUST_USE;
/* Whether another record might go in. */
bool fetch_output_has_room(const struct fetch_output *output);
void fetch_output_end(struct fetch_output *output);

/*
 * One record as {"offset","timestamp","key","value","headers"}. Where key or value is no UTF-8 it stands in
 * base64, and "key_encoding" or "encoding" says so; of headers all names and values do, with
 * "headers_encoding".
 */
void fetch_write_record(struct json_writer *writer, const struct record *record);

#endif
