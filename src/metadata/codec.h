/*
 * The pieces that commands and snapshots are written in: docs/storage-format.md.
 */
#ifndef AVIARY_METADATA_CODEC_H
#define AVIARY_METADATA_CODEC_H

#include "aviary/metadata.h"

#include "aviary/base/bytes.h"

/* Where encoded bytes go: always into a running checksum, and into a buffer where there is one. So a digest
 * is taken by the code that writes a snapshot, without its memory. */
struct sink {
    struct buffer *out; /* NULL: checksum only */
    uint32_t crc;
};

void metadata_sink_bytes(struct sink *sink, const void *data, size_t size);
void metadata_sink_u8(struct sink *sink, uint8_t value);
void metadata_sink_u16(struct sink *sink, uint16_t value);
void metadata_sink_u32(struct sink *sink, uint32_t value);
void metadata_sink_u64(struct sink *sink, uint64_t value);
/* u16 size, then the characters without NUL. */
void metadata_sink_string(struct sink *sink, const char *string);
/* u8 count, then u64 each. At most REPLICATION_FACTOR_MAX. */
void metadata_sink_incarnations(struct sink *sink, const raft_id *incarnations, uint32_t count);
/* Name and value as strings, each. */
void metadata_sink_configs(struct sink *sink, const struct metadata_config *configs, uint32_t count);

/* Each fails the reader where the bytes do not fit its output. */

/* Into `out` of `size` bytes, with NUL; refuses a NUL within. */
void metadata_read_string(struct reader *reader, char *out, size_t size);
uint32_t metadata_read_incarnations(struct reader *reader, raft_id incarnations[REPLICATION_FACTOR_MAX]);
void metadata_read_configs(struct reader *reader, struct metadata_config *configs, uint32_t count);

#endif
