#include "codec.h"

#include "aviary/base/assert.h"
#include "aviary/base/crc32c.h"

void metadata_sink_bytes(struct sink *sink, const void *data, size_t size) {
    sink->crc = crc32c_extend(sink->crc, slice_make(data, size));
    if (sink->out) {
        buffer_append(sink->out, data, size);
    }
}

void metadata_sink_u8(struct sink *sink, uint8_t value) {
    metadata_sink_bytes(sink, &value, sizeof value);
}

void metadata_sink_u16(struct sink *sink, uint16_t value) {
    uint8_t raw[sizeof value];
    bytes_put_u16le(raw, value);
    metadata_sink_bytes(sink, raw, sizeof raw);
}

void metadata_sink_u32(struct sink *sink, uint32_t value) {
    uint8_t raw[sizeof value];
    bytes_put_u32le(raw, value);
    metadata_sink_bytes(sink, raw, sizeof raw);
}

void metadata_sink_u64(struct sink *sink, uint64_t value) {
    uint8_t raw[sizeof value];
    bytes_put_u64le(raw, value);
    metadata_sink_bytes(sink, raw, sizeof raw);
}

void metadata_sink_string(struct sink *sink, const char *string) {
    size_t size = strlen(string);
    ASSERT(size <= UINT16_MAX);
    metadata_sink_u16(sink, (uint16_t)size);
    metadata_sink_bytes(sink, string, size);
}

void metadata_sink_incarnations(struct sink *sink, const raft_id *incarnations, uint32_t count) {
    ASSERT(count <= REPLICATION_FACTOR_MAX);
    metadata_sink_u8(sink, (uint8_t)count);
    for (uint32_t i = 0; i < count; i++) {
        metadata_sink_u64(sink, incarnations[i]);
    }
}

void metadata_sink_configs(struct sink *sink, const struct metadata_config *configs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        metadata_sink_string(sink, configs[i].name);
        metadata_sink_string(sink, configs[i].value);
    }
}

void metadata_read_string(struct reader *reader, char *out, size_t size) {
    size_t length = reader_u16(reader);
    struct slice bytes = reader_bytes(reader, length);
    bool fits = reader_ok(reader) && length < size && (length == 0 || !memchr(bytes.data, 0, length));
    if (!fits) {
        reader->failed = true;
        length = 0;
    }
    if (length > 0) {
        memcpy(out, bytes.data, length);
    }
    out[length] = 0;
}

uint32_t metadata_read_incarnations(struct reader *reader, raft_id incarnations[REPLICATION_FACTOR_MAX]) {
    uint32_t count = reader_u8(reader);
    if (count > REPLICATION_FACTOR_MAX) {
        reader->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        incarnations[i] = reader_u64(reader);
    }
    return count;
}

void metadata_read_configs(struct reader *reader, struct metadata_config *configs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        metadata_read_string(reader, configs[i].name, sizeof configs[i].name);
        metadata_read_string(reader, configs[i].value, sizeof configs[i].value);
    }
}
