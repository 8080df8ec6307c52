#include "aviary/base/crc32c.h"
#include "aviary/record.h"

#include "format.h"

/* The batch's bytes out of `bytes`, by its length field. */
static enum status batch_bytes(struct slice bytes, struct slice *ret_batch, struct error *error) {
    if (bytes.size < RECORD_BATCH_HEADER_SIZE) {
        return error_set(error, STATUS_CORRUPT, "a record batch has at least %d bytes, here are %zu",
                         RECORD_BATCH_HEADER_SIZE, bytes.size);
    }
    int32_t length = (int32_t)bytes_get_u32be(bytes.data + AT_LENGTH);
    if (length < RECORD_BATCH_HEADER_SIZE - LENGTH_BEGINS) {
        return error_set(error, STATUS_CORRUPT, "the batch's length field is %d, at least %d is possible",
                         length, RECORD_BATCH_HEADER_SIZE - LENGTH_BEGINS);
    }
    size_t size = (size_t)length + LENGTH_BEGINS;
    if (size > RECORD_BATCH_BYTES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "the batch has %zu bytes, at most %d are allowed", size,
                         RECORD_BATCH_BYTES_MAX);
    }
    if (size > bytes.size) {
        return error_set(error, STATUS_CORRUPT, "the batch's length field asks for %zu bytes, here are %zu",
                         size, bytes.size);
    }
    *ret_batch = slice_make(bytes.data, size);
    return STATUS_OK;
}

static enum status check_header(const struct record_batch_view *view, struct error *error) {
    const uint8_t *batch = view->bytes.data;
    if (batch[AT_MAGIC] != RECORD_BATCH_MAGIC) {
        return error_set(error, STATUS_UNSUPPORTED, "the batch has magic %d, only version %d is supported",
                         batch[AT_MAGIC], RECORD_BATCH_MAGIC);
    }
    if ((view->attributes & ATTRIBUTE_CODEC) > RECORD_CODEC_ZSTD) {
        return error_set(error, STATUS_UNSUPPORTED, "the batch is compressed with the unknown codec %d",
                         view->attributes & ATTRIBUTE_CODEC);
    }
    if ((int32_t)view->count < 1) {
        return error_set(error, STATUS_CORRUPT, "the batch says it has %d records, at least 1 is needed",
                         (int32_t)view->count);
    }
    if (view->count > RECORDS_PER_BATCH_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "the batch has %u records, at most %d are allowed",
                         view->count, RECORDS_PER_BATCH_MAX);
    }
    int32_t last_offset_delta = (int32_t)bytes_get_u32be(batch + AT_LAST_OFFSET_DELTA);
    if (last_offset_delta != (int32_t)view->count - 1) {
        return error_set(error, STATUS_CORRUPT,
                         "the batch says it has %u records, and that its last offset is %d after its first",
                         view->count, last_offset_delta);
    }
    return STATUS_OK;
}

enum status record_batch_decode(struct slice bytes, struct record_batch_view *ret_view, struct error *error) {
    struct slice batch;
    enum status status = batch_bytes(bytes, &batch, error);
    if (status != STATUS_OK) {
        return status;
    }
    uint16_t attributes = bytes_get_u16be(batch.data + AT_ATTRIBUTES);
    struct record_batch_view view = {
        .bytes = batch,
        .records = slice_after(batch, RECORD_BATCH_HEADER_SIZE),
        .base_offset = (int64_t)bytes_get_u64be(batch.data + AT_BASE_OFFSET),
        .leader_epoch = (int32_t)bytes_get_u32be(batch.data + AT_LEADER_EPOCH),
        .codec = (enum record_codec)(attributes & ATTRIBUTE_CODEC),
        .timestamp_type =
            attributes & ATTRIBUTE_APPEND_TIME ? RECORD_TIMESTAMP_APPEND : RECORD_TIMESTAMP_CREATE,
        .attributes = attributes,
        .count = bytes_get_u32be(batch.data + AT_COUNT),
        .base_timestamp_ms = (int64_t)bytes_get_u64be(batch.data + AT_BASE_TIMESTAMP),
        .max_timestamp_ms = (int64_t)bytes_get_u64be(batch.data + AT_MAX_TIMESTAMP),
        .producer_id = (int64_t)bytes_get_u64be(batch.data + AT_PRODUCER_ID),
        .producer_epoch = (int16_t)bytes_get_u16be(batch.data + AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)bytes_get_u32be(batch.data + AT_BASE_SEQUENCE),
    };
    status = check_header(&view, error);
    if (status != STATUS_OK) {
        return status;
    }
    *ret_view = view;
    return STATUS_OK;
}

/* What only a batch from outside needs: it is alone, whole, and asks for nothing that we do not do. */
static enum status check_foreign(struct slice bytes, const struct record_batch_view *view,
                                 struct error *error) {
    if (view->bytes.size != bytes.size) {
        return error_set(error, STATUS_CORRUPT,
                         "%zu bytes are left behind the batch: send one batch a request",
                         bytes.size - view->bytes.size);
    }
    uint32_t stored = bytes_get_u32be(bytes.data + AT_CRC);
    uint32_t computed = crc32c(slice_after(bytes, CRC_BEGINS));
    if (stored != computed) {
        return error_set(error, STATUS_CORRUPT, "the batch's checksum is 0x%08x, its bytes give 0x%08x",
                         stored, computed);
    }
    if ((view->attributes & ~ATTRIBUTES_OF_A_PRODUCER) != 0) {
        return error_set(error, STATUS_UNSUPPORTED,
                         "the batch has attributes 0x%04x: transactional and control batches are not taken",
                         view->attributes);
    }
    return STATUS_OK;
}

enum status record_batch_check(struct slice bytes, struct record_batch_view *ret_view, struct error *error) {
    struct record_batch_view view;
    enum status status = record_batch_decode(bytes, &view, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_foreign(bytes, &view, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (view.codec == RECORD_CODEC_NONE) {
        status = record_batch_check_records(&view, view.records, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *ret_view = view;
    return STATUS_OK;
}

void record_batch_set_position(uint8_t *batch, int64_t base_offset, int32_t leader_epoch) {
    bytes_put_u64be(batch + AT_BASE_OFFSET, (uint64_t)base_offset);
    bytes_put_u32be(batch + AT_LEADER_EPOCH, (uint32_t)leader_epoch);
}

enum status record_batch_repack(const struct record_batch_view *view, enum record_codec codec,
                                struct slice records, struct buffer *out) {
    if (records.size > INT32_MAX - RECORD_BATCH_HEADER_SIZE) {
        return STATUS_TOO_LARGE;
    }
    size_t size = RECORD_BATCH_HEADER_SIZE + records.size;
    uint8_t *batch = buffer_extend(out, size);
    if (!batch) {
        return buffer_status(out);
    }
    memcpy(batch, view->bytes.data, RECORD_BATCH_HEADER_SIZE);
    if (records.size > 0) {
        memcpy(batch + RECORD_BATCH_HEADER_SIZE, records.data, records.size);
    }
    unsigned attributes = (view->attributes & ~(unsigned)ATTRIBUTE_CODEC) | codec;
    bytes_put_u32be(batch + AT_LENGTH, (uint32_t)(size - LENGTH_BEGINS));
    bytes_put_u16be(batch + AT_ATTRIBUTES, (uint16_t)attributes);
    bytes_put_u32be(batch + AT_CRC, crc32c(slice_make(batch + CRC_BEGINS, size - CRC_BEGINS)));
    return STATUS_OK;
}
