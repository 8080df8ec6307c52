#include "aviary/raft/entry.h"

enum {
    AT_CHECKSUM = 0,
    AT_FORMAT = 4,
    AT_TYPE = 5,
    AT_FLAGS = 6,
    AT_GROUP = 8,
    AT_INDEX = 16,
    AT_TERM = 24,
    AT_BASE_OFFSET = 32,
    AT_COUNT = 40,
    AT_PAYLOAD_SIZE = 44,
    AT_APPEND_TIME = 48,
    AT_KEY = 56,
    AT_PAYLOAD_HASH = 72,
};

_Static_assert(AT_PAYLOAD_HASH + HASH128_SIZE == ENTRY_HEADER_SIZE, "the header's fields fill it");

static uint32_t checksum(struct slice bytes) {
    return crc32c(slice_after(bytes, AT_FORMAT));
}

struct blob *entry_blob_create(struct slice payload) {
    if (payload.size > UINT32_MAX) {
        return NULL;
    }
    struct blob *blob = blob_create(ENTRY_HEADER_SIZE + payload.size);
    if (!blob) {
        return NULL;
    }
    memset(blob->data, 0, ENTRY_HEADER_SIZE);
    if (payload.size > 0) {
        memcpy(blob->data + ENTRY_HEADER_SIZE, payload.data, payload.size);
    }
    return blob;
}

void entry_seal(struct blob *blob, const struct entry_header *header) {
    ASSERT(blob->size >= ENTRY_HEADER_SIZE);
    ASSERT(blob->size - ENTRY_HEADER_SIZE <= UINT32_MAX);
    uint8_t *at = blob->data;
    at[AT_FORMAT] = ENTRY_FORMAT;
    at[AT_TYPE] = (uint8_t)header->type;
    bytes_put_u16le(at + AT_FLAGS, header->flags);
    bytes_put_u64le(at + AT_GROUP, header->group);
    bytes_put_u64le(at + AT_INDEX, header->index);
    bytes_put_u64le(at + AT_TERM, header->term);
    bytes_put_u64le(at + AT_BASE_OFFSET, (uint64_t)header->base_offset);
    bytes_put_u32le(at + AT_COUNT, header->count);
    bytes_put_u32le(at + AT_PAYLOAD_SIZE, (uint32_t)(blob->size - ENTRY_HEADER_SIZE));
    bytes_put_u64le(at + AT_APPEND_TIME, (uint64_t)header->append_time_ms);
    memcpy(at + AT_KEY, header->key.bytes, HASH128_SIZE);
    memcpy(at + AT_PAYLOAD_HASH, header->payload.bytes, HASH128_SIZE);
    bytes_put_u32le(at + AT_CHECKSUM, checksum(blob_slice(blob)));
}

enum status entry_header_decode(struct slice bytes, struct entry_header *ret) {
    if (bytes.size < ENTRY_HEADER_SIZE) {
        return STATUS_CORRUPT;
    }
    const uint8_t *at = bytes.data;
    if (at[AT_FORMAT] != ENTRY_FORMAT || at[AT_TYPE] > RAFT_ENTRY_TYPE_MAX) {
        return STATUS_CORRUPT;
    }
    struct entry_header header = {
        .type = (enum raft_entry_type)at[AT_TYPE],
        .flags = bytes_get_u16le(at + AT_FLAGS),
        .group = bytes_get_u64le(at + AT_GROUP),
        .index = bytes_get_u64le(at + AT_INDEX),
        .term = bytes_get_u64le(at + AT_TERM),
        .base_offset = (int64_t)bytes_get_u64le(at + AT_BASE_OFFSET),
        .count = bytes_get_u32le(at + AT_COUNT),
        .payload_size = bytes_get_u32le(at + AT_PAYLOAD_SIZE),
        .append_time_ms = (int64_t)bytes_get_u64le(at + AT_APPEND_TIME),
    };
    memcpy(header.key.bytes, at + AT_KEY, HASH128_SIZE);
    memcpy(header.payload.bytes, at + AT_PAYLOAD_HASH, HASH128_SIZE);
    *ret = header;
    return STATUS_OK;
}

enum status entry_header_check(struct slice bytes, uint64_t group, uint64_t index, struct entry_header *ret) {
    struct entry_header header;
    if (entry_header_decode(bytes, &header) != STATUS_OK || header.group != group || header.index != index) {
        return STATUS_CORRUPT;
    }
    *ret = header;
    return STATUS_OK;
}

enum status entry_check(struct slice bytes, uint64_t group, uint64_t index, struct entry_header *ret) {
    struct entry_header header;
    if (entry_header_check(bytes, group, index, &header) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    if (header.payload_size != bytes.size - ENTRY_HEADER_SIZE || (header.flags & ~ENTRY_HAS_KEY) != 0) {
        return STATUS_CORRUPT;
    }
    if (bytes_get_u32le(bytes.data + AT_CHECKSUM) != checksum(bytes)) {
        return STATUS_CORRUPT;
    }
    *ret = header;
    return STATUS_OK;
}
