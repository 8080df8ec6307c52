/*
 * Batches for the tests of record: one written by an independent encoder, and ways to spoil it.
 */
#ifndef AVIARY_TESTS_UNIT_RECORD_BATCHES_H
#define AVIARY_TESTS_UNIT_RECORD_BATCHES_H

#include "aviary/base/crc32c.h"
#include "aviary/record.h"

/*
 * Three records: ("k", "hello", headers h=x and n=null) at 1700000000000, (null, null) 5 ms later, and ("",
 * "") 1 ms before. Encoded by a script that reproduces batches captured from a Kafka broker byte for byte.
 */
static const uint8_t GOLDEN_BATCH[] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x53, 0xff, 0xff, 0xff, 0xff,
    0x02, 0x54, 0xa0, 0x22, 0xf6, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x01, 0x8b, 0xcf,
    0xe5, 0x68, 0x00, 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x03, 0x26, 0x00, 0x00,
    0x00, 0x02, 0x6b, 0x0a, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x04, 0x02, 0x68, 0x02, 0x78, 0x02, 0x6e,
    0x01, 0x0c, 0x00, 0x0a, 0x02, 0x01, 0x01, 0x00, 0x0c, 0x00, 0x01, 0x04, 0x00, 0x00, 0x00};
enum { GOLDEN_SIZE = sizeof GOLDEN_BATCH, GOLDEN_RECORDS = 3 };

static const struct record_header GOLDEN_HEADERS[] = {
    {.key = {(const uint8_t *)"h", 1}, .value = {(const uint8_t *)"x", 1}, .has_value = true},
    {.key = {(const uint8_t *)"n", 1}},
};
static const struct record GOLDEN[GOLDEN_RECORDS] = {
    {
        .has_key = true,
        .has_value = true,
        .key = {(const uint8_t *)"k", 1},
        .value = {(const uint8_t *)"hello", 5},
        .timestamp_ms = 1700000000000,
        .offset = 0,
        .headers = GOLDEN_HEADERS,
        .header_count = 2,
    },
    {.timestamp_ms = 1700000000005, .offset = 1},
    {.has_key = true, .has_value = true, .timestamp_ms = 1699999999999, .offset = 2},
};

/* Makes the checksum right again, after a change. */
static inline void reseal(uint8_t *batch, size_t size) {
    bytes_put_u32be(batch + 17, crc32c(slice_make(batch + 21, size - 21)));
}

#endif
