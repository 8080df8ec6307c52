/*
 * Record batches from outside. A batch that passes the check can be read to its end and built anew from its
 * records; the built one has the same records. Skipping and reading agree about where records stand.
 */
#include "fuzz.h"

#include "aviary/record.h"

enum { AT_LENGTH = 8, AT_MAGIC = 16, AT_CRC = 17, CRC_BEGINS = 21, LENGTH_BEGINS = 12 };

static bool same_nullable(bool has_a, struct slice a, bool has_b, struct slice b) {
    return has_a == has_b && (!has_a || slice_equal(a, b));
}

static void check_same(const struct record *a, const struct record *b) {
    ASSERT(same_nullable(a->has_key, a->key, b->has_key, b->key));
    ASSERT(same_nullable(a->has_value, a->value, b->has_value, b->value));
    ASSERT(a->timestamp_ms == b->timestamp_ms);
    ASSERT(a->header_count == b->header_count);
    for (uint32_t i = 0; i < a->header_count; i++) {
        ASSERT(slice_equal(a->headers[i].key, b->headers[i].key));
        ASSERT(same_nullable(a->headers[i].has_value, a->headers[i].value, b->headers[i].has_value,
                             b->headers[i].value));
    }
}

/* Length, magic and checksum as they must be: what is fuzzed lies behind them. */
static void mend(struct blob *batch) {
    if (batch->size >= RECORD_BATCH_HEADER_SIZE) {
        bytes_put_u32be(batch->data + AT_LENGTH, (uint32_t)(batch->size - LENGTH_BEGINS));
        batch->data[AT_MAGIC] = RECORD_BATCH_MAGIC;
        bytes_put_u32be(batch->data + AT_CRC, crc32c(slice_after(blob_slice(batch), CRC_BEGINS)));
    }
}

/* False where a record has a time before 1970, which a builder refuses. */
static bool rebuild(const struct record_batch_view *view, struct buffer *out) {
    static struct record_iterator iterator;
    struct record_batch_builder builder;
    struct record record;
    record_batch_builder_init(&builder, out);
    record_iterator_init(&iterator, view, view->records);
    for (uint32_t i = 0; i < view->count; i++) {
        ASSERT(record_iterator_next(&iterator, &record, NULL) == STATUS_OK);
        ASSERT(record.header_count <= RECORD_HEADERS_MAX);
        ASSERT(record.offset == view->base_offset + i);
        enum status status = record_batch_builder_add(&builder, &record, NULL);
        ASSERT(status == (record.timestamp_ms < 0 ? STATUS_INVALID : STATUS_OK));
        if (status != STATUS_OK) {
            return false;
        }
    }
    ASSERT(record_iterator_next(&iterator, &record, NULL) == STATUS_NOT_FOUND);
    ASSERT(record_batch_builder_finish(&builder, NULL) == STATUS_OK);
    return true;
}

static void check_rebuilt(const struct record_batch_view *view, const struct record_batch_view *built) {
    static struct record_iterator iterator;
    static struct record_iterator built_iterator;
    struct record record;
    struct record built_record;
    ASSERT(built->count == view->count);
    record_iterator_init(&iterator, view, view->records);
    record_iterator_init(&built_iterator, built, built->records);
    while (record_iterator_next(&iterator, &record, NULL) == STATUS_OK) {
        ASSERT(record_iterator_next(&built_iterator, &built_record, NULL) == STATUS_OK);
        check_same(&record, &built_record);
    }
    ASSERT(record_iterator_next(&built_iterator, &built_record, NULL) == STATUS_NOT_FOUND);
}

static void check_skip(const struct record_batch_view *view) {
    static struct record_iterator iterator;
    struct record record;
    record_iterator_init(&iterator, view, view->records);
    ASSERT(record_iterator_skip(&iterator, view->count - 1, NULL) == STATUS_OK);
    ASSERT(record_iterator_next(&iterator, &record, NULL) == STATUS_OK);
    ASSERT(record.offset == view->base_offset + view->count - 1);
}

/* As a leader does it at append: the checksum stays right. */
static void check_position(struct slice bytes) {
    struct record_batch_view view;
    _cleanup_blob_ struct blob *batch = fuzz_copy(bytes);
    record_batch_set_position(batch->data, 42, 7);
    ASSERT(record_batch_check(blob_slice(batch), &view, NULL) == STATUS_OK);
    ASSERT(view.base_offset == 42 && view.leader_epoch == 7);
}

static void check_batch(const struct record_batch_view *view) {
    static struct buffer built = {.size_max = 2 * RECORD_BATCH_BYTES_MAX};
    struct record_batch_view built_view;
    buffer_clear(&built);
    check_skip(view);
    check_position(view->bytes);
    if (rebuild(view, &built)) {
        ASSERT(record_batch_check(buffer_slice(&built), &built_view, NULL) == STATUS_OK);
        check_rebuilt(view, &built_view);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct record_batch_view view;
    struct error error;
    if (size == 0) {
        return 0;
    }
    _cleanup_blob_ struct blob *batch = fuzz_copy(slice_make(data + 1, size - 1));
    if (data[0] & 1) {
        mend(batch);
    }
    enum status status = record_batch_check(blob_slice(batch), &view, &error);
    if (status != STATUS_OK) {
        ASSERT(error.status == status && error.message[0] != '\0');
        return 0;
    }
    ASSERT(view.count > 0 && view.count <= RECORDS_PER_BATCH_MAX);
    ASSERT(view.bytes.size == batch->size);
    ASSERT(record_batch_decode(blob_slice(batch), &view, &error) == STATUS_OK);
    if (view.codec == RECORD_CODEC_NONE) {
        check_batch(&view);
    }
    return 0;
}
