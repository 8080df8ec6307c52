#include "format.h"

#include <stdlib.h>

enum { FORMAT_VERSION = 1, CRC_SIZE = 4, CONFIGURATIONS_MAX = 4096 };

/* Leaves room for the checksum that format_seal writes. */
static void format_begin(struct buffer *out) {
    buffer_append_u32(out, 0);
    buffer_append_u8(out, FORMAT_VERSION);
}

static void format_seal(struct buffer *out, size_t start) {
    if (buffer_status(out) == STATUS_OK) {
        struct slice covered = slice_make(out->data + start + CRC_SIZE, out->size - start - CRC_SIZE);
        bytes_put_u32le(out->data + start, crc32c(covered));
    }
}

/* Checks checksum and version and leaves the reader behind them. */
static enum status format_open(struct slice bytes, struct reader *ret_reader) {
    if (bytes.size < CRC_SIZE + 1 || bytes_get_u32le(bytes.data) != crc32c(slice_after(bytes, CRC_SIZE))) {
        return STATUS_CORRUPT;
    }
    struct reader reader = reader_make(slice_after(bytes, CRC_SIZE));
    if (reader_u8(&reader) != FORMAT_VERSION) {
        return STATUS_UNSUPPORTED;
    }
    *ret_reader = reader;
    return STATUS_OK;
}

void format_hard_encode(const struct hard_state *hard, struct buffer *out) {
    size_t start = out->size;
    format_begin(out);
    buffer_append_u64(out, hard->term);
    buffer_append_u64(out, hard->vote);
    buffer_append_u64(out, hard->base_index);
    buffer_append_u64(out, hard->base_term);
    buffer_append_u64(out, hard->commit_hint);
    buffer_append_u64(out, hard->last_index);
    format_seal(out, start);
}

enum status format_hard_decode(struct slice bytes, struct hard_state *ret_hard) {
    struct reader reader;
    enum status status = format_open(bytes, &reader);
    if (status != STATUS_OK) {
        return status;
    }
    struct hard_state hard; /* field by field: the order within an initializer is the compiler's */
    hard.term = reader_u64(&reader);
    hard.vote = reader_u64(&reader);
    hard.base_index = reader_u64(&reader);
    hard.base_term = reader_u64(&reader);
    hard.commit_hint = reader_u64(&reader);
    hard.last_index = reader_u64(&reader);
    if (!reader_done(&reader)) {
        return STATUS_CORRUPT;
    }
    *ret_hard = hard;
    return STATUS_OK;
}

void format_configurations_encode(const struct raft_indexed_configuration *configurations, size_t count,
                                  struct buffer *out) {
    size_t start = out->size;
    format_begin(out);
    buffer_append_u32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        buffer_append_u64(out, configurations[i].index);
        raft_configuration_encode(&configurations[i].configuration, out);
    }
    format_seal(out, start);
}

enum status format_configurations_decode(struct slice bytes,
                                         struct raft_indexed_configuration **ret_configurations,
                                         size_t *ret_count) {
    struct reader reader;
    enum status status = format_open(bytes, &reader);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t count = reader_u32(&reader);
    if (count == 0 || count > CONFIGURATIONS_MAX) {
        return STATUS_CORRUPT;
    }
    _cleanup_free_ struct raft_indexed_configuration *configurations = calloc(count, sizeof *configurations);
    if (configurations == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        configurations[i].index = reader_u64(&reader);
        status = raft_configuration_decode(&reader, &configurations[i].configuration);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (!reader_done(&reader)) {
        return STATUS_CORRUPT;
    }
    *ret_configurations = TAKE_POINTER(configurations);
    *ret_count = count;
    return STATUS_OK;
}

void format_snapshot_encode(const struct snapshot_state *snapshot, struct buffer *out) {
    size_t start = out->size;
    format_begin(out);
    buffer_append_u64(out, snapshot->index);
    buffer_append_u64(out, snapshot->term);
    raft_configuration_encode(&snapshot->configuration, out);
    buffer_append_u64(out, snapshot->data.size);
    buffer_append_slice(out, snapshot->data);
    format_seal(out, start);
}

enum status format_snapshot_decode(struct slice bytes, struct snapshot_state *ret_snapshot) {
    struct reader reader;
    enum status status = format_open(bytes, &reader);
    if (status != STATUS_OK) {
        return status;
    }
    struct snapshot_state snapshot;
    snapshot.index = reader_u64(&reader);
    snapshot.term = reader_u64(&reader);
    status = raft_configuration_decode(&reader, &snapshot.configuration);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t size = reader_u64(&reader);
    snapshot.data = reader_bytes(&reader, size);
    if (!reader_done(&reader)) {
        return STATUS_CORRUPT;
    }
    *ret_snapshot = snapshot;
    return STATUS_OK;
}
