/*
 * The partition's state as bytes: docs/storage-format.md, "Partition snapshot".
 */
#include "aviary/base/bytes.h"
#include "aviary/base/crc32c.h"
#include "state.h"

enum {
    FORMAT = 1,
    CRC_SIZE = 4,
    HEADER_SIZE = 37, /* after the CRC */
    KEY_SIZE = 60,
};

static void encode_header(const struct partition_applied *applied, size_t key_count,
                          uint8_t out[HEADER_SIZE]) {
    out[0] = FORMAT;
    bytes_put_u64le(out + 1, applied->index);
    bytes_put_u64le(out + 9, (uint64_t)applied->next_offset);
    bytes_put_u64le(out + 17, (uint64_t)applied->log_start_offset);
    bytes_put_u64le(out + 25, (uint64_t)applied->last_append_time_ms);
    bytes_put_u32le(out + 33, (uint32_t)key_count);
}

static void encode_key(const struct key_record *record, uint8_t out[KEY_SIZE]) {
    memcpy(out, record->key.bytes, HASH128_SIZE);
    memcpy(out + 16, record->payload.bytes, HASH128_SIZE);
    bytes_put_u64le(out + 32, record->answer.index);
    bytes_put_u64le(out + 40, (uint64_t)record->answer.base_offset);
    bytes_put_u32le(out + 48, record->answer.count);
    bytes_put_u64le(out + 52, (uint64_t)record->answer.append_time_ms);
}

/* The digest is the checksum that a snapshot carries, taken without making the snapshot. */
uint32_t partition_digest(const struct partition *partition) {
    const struct key_table *keys = &partition->applied.keys;
    uint8_t header[HEADER_SIZE];
    encode_header(&partition->applied, keys->count, header);
    uint32_t crc = crc32c(slice_make(header, sizeof header));
    for (size_t i = 0; i < keys->count; i++) {
        uint8_t key[KEY_SIZE];
        encode_key(key_table_at(keys, i), key);
        crc = crc32c_extend(crc, slice_make(key, sizeof key));
    }
    return crc;
}

/* Writes `applied` with the first `key_count` of its keys. */
static void encode_applied(const struct partition_applied *applied, size_t key_count, struct buffer *out) {
    size_t size = CRC_SIZE + HEADER_SIZE + key_count * KEY_SIZE;
    uint8_t *start = buffer_extend(out, size);
    if (!start) {
        return;
    }
    encode_header(applied, key_count, start + CRC_SIZE);
    uint8_t *at = start + CRC_SIZE + HEADER_SIZE;
    for (size_t i = 0; i < key_count; i++, at += KEY_SIZE) {
        encode_key(key_table_at(&applied->keys, i), at);
    }
    bytes_put_u32le(start, crc32c(slice_make(start + CRC_SIZE, size - CRC_SIZE)));
}

void partition_snapshot(const struct partition *partition, struct buffer *out) {
    encode_applied(&partition->applied, partition->applied.keys.count, out);
}

void partition_snapshot_at(const struct partition *partition, uint64_t index, int64_t next_offset,
                           int64_t append_time_ms, struct buffer *out) {
    const struct key_table *keys = &partition->applied.keys;
    size_t key_count = keys->count;
    while (key_count > 0 && key_table_at(keys, key_count - 1)->answer.index > index) {
        key_count--;
    }
    struct partition_applied earlier = partition->applied;
    earlier.index = index;
    earlier.next_offset = next_offset;
    earlier.log_start_offset = next_offset;
    earlier.last_append_time_ms = append_time_ms;
    encode_applied(&earlier, key_count, out);
}

static bool applied_is_sane(const struct partition_applied *applied) {
    return applied->log_start_offset >= 0 && applied->log_start_offset <= applied->next_offset &&
           applied->last_append_time_ms >= 0;
}

/* Reads all but the keys; `ret_key_count` are to follow. */
static enum status decode_header(struct reader *reader, struct partition_applied *ret,
                                 uint32_t *ret_key_count) {
    uint32_t crc = reader_u32(reader);
    if (!reader_ok(reader) || crc != crc32c(reader->rest)) {
        return STATUS_CORRUPT;
    }
    if (reader_u8(reader) != FORMAT) {
        return reader_ok(reader) ? STATUS_UNSUPPORTED : STATUS_CORRUPT;
    }
    ret->index = reader_u64(reader);
    ret->next_offset = (int64_t)reader_u64(reader);
    ret->log_start_offset = (int64_t)reader_u64(reader);
    ret->last_append_time_ms = (int64_t)reader_u64(reader);
    *ret_key_count = reader_u32(reader);
    bool exact = reader_ok(reader) && reader->rest.size == (uint64_t)*ret_key_count * KEY_SIZE;
    return exact && applied_is_sane(ret) ? STATUS_OK : STATUS_CORRUPT;
}

static struct key_record decode_key(struct reader *reader) {
    struct key_record record;
    reader_copy(reader, record.key.bytes, HASH128_SIZE);
    reader_copy(reader, record.payload.bytes, HASH128_SIZE);
    record.answer.index = reader_u64(reader);
    record.answer.base_offset = (int64_t)reader_u64(reader);
    record.answer.count = reader_u32(reader);
    record.answer.append_time_ms = (int64_t)reader_u64(reader);
    return record;
}

/* Whether `answer` may follow `before` in a log that ends as `applied` does. */
static bool answer_is_sane(const struct partition_answer *answer, const struct partition_answer *before,
                           const struct partition_applied *applied) {
    return answer->index > before->index && answer->index <= applied->index &&
           answer->base_offset >= before->base_offset + before->count && answer->count > 0 &&
           answer->base_offset <= applied->next_offset - answer->count &&
           answer->append_time_ms >= before->append_time_ms &&
           answer->append_time_ms <= applied->last_append_time_ms;
}

static enum status decode_keys(struct reader *reader, uint32_t count, struct partition_applied *applied) {
    struct partition_answer before = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct key_record record = decode_key(reader);
        if (!answer_is_sane(&record.answer, &before, applied) ||
            key_table_find(&applied->keys, &record.key)) {
            return STATUS_CORRUPT;
        }
        enum status status = key_table_reserve(&applied->keys);
        if (status != STATUS_OK) {
            return status;
        }
        key_table_push(&applied->keys, &record);
        before = record.answer;
    }
    return STATUS_OK;
}

enum status partition_restore(struct partition *partition, struct slice snapshot) {
    struct reader reader = reader_make(snapshot);
    struct partition_applied restored;
    uint32_t key_count;
    enum status status = decode_header(&reader, &restored, &key_count);
    if (status != STATUS_OK) {
        return status;
    }
    if (key_count > partition->applied.keys.count_max) {
        return STATUS_UNSUPPORTED;
    }
    key_table_init(&restored.keys, partition->applied.keys.count_max);
    status = decode_keys(&reader, key_count, &restored);
    if (status != STATUS_OK) {
        key_table_finish(&restored.keys);
        return status;
    }
    key_table_finish(&partition->applied.keys);
    partition->applied = restored;
    partition_forget_pending(partition);
    return STATUS_OK;
}
