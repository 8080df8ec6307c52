#include "aviary/base/cleanup.h"
#include "aviary/base/prng.h"
#include "record_batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct record_batch_view golden_view(void) {
    struct record_batch_view view;
    assert_int_equal(record_batch_decode(slice_make(GOLDEN_BATCH, GOLDEN_SIZE), &view, NULL), STATUS_OK);
    return view;
}

static void assert_record(const struct record *record, const struct record *expected) {
    assert_int_equal(record->has_key, expected->has_key);
    assert_int_equal(record->has_value, expected->has_value);
    assert_true(slice_equal(record->key, expected->key));
    assert_true(slice_equal(record->value, expected->value));
    assert_true(record->timestamp_ms == expected->timestamp_ms);
    assert_true(record->offset == expected->offset);
    assert_int_equal(record->header_count, expected->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        assert_true(slice_equal(record->headers[i].key, expected->headers[i].key));
        assert_int_equal(record->headers[i].has_value, expected->headers[i].has_value);
        assert_true(slice_equal(record->headers[i].value, expected->headers[i].value));
    }
}

static void test_gives_every_record_and_then_no_more(void **state) {
    (void)state;
    struct record_batch_view view = golden_view();
    struct record_iterator iterator;
    struct record record;
    record_iterator_init(&iterator, &view, view.records);
    for (int i = 0; i < GOLDEN_RECORDS; i++) {
        assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_OK);
        assert_record(&record, &GOLDEN[i]);
    }
    assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_NOT_FOUND);
    assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_NOT_FOUND);
}

static void test_offsets_count_from_the_base(void **state) {
    (void)state;
    struct record_batch_view view = golden_view();
    view.base_offset = 1000;
    struct record_iterator iterator;
    struct record record;
    record_iterator_init(&iterator, &view, view.records);
    for (int i = 0; i < GOLDEN_RECORDS; i++) {
        assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_OK);
        assert_int_equal(record.offset, 1000 + i);
    }
}

static void test_append_time_stands_for_all(void **state) {
    (void)state;
    struct record_batch_view view = golden_view();
    view.timestamp_type = RECORD_TIMESTAMP_APPEND;
    struct record_iterator iterator;
    struct record record;
    record_iterator_init(&iterator, &view, view.records);
    for (int i = 0; i < GOLDEN_RECORDS; i++) {
        assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_OK);
        assert_true(record.timestamp_ms == 1700000000005);
    }
}

static void test_skips(void **state) {
    (void)state;
    struct record_batch_view view = golden_view();
    struct record_iterator iterator;
    struct record record;
    record_iterator_init(&iterator, &view, view.records);
    assert_int_equal(record_iterator_skip(&iterator, 0, NULL), STATUS_OK);
    assert_int_equal(record_iterator_skip(&iterator, 2, NULL), STATUS_OK);
    assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_OK);
    assert_record(&record, &GOLDEN[2]);
    record_iterator_init(&iterator, &view, view.records);
    assert_int_equal(record_iterator_skip(&iterator, UINT32_MAX, NULL), STATUS_OK);
    assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_NOT_FOUND);
}

static void test_the_count_must_be_the_number_of_records(void **state) {
    (void)state;
    struct error error;
    struct record_batch_view view = golden_view();
    view.count = 4;
    assert_int_equal(record_batch_check_records(&view, view.records, &error), STATUS_CORRUPT);
    assert_string_equal(error.message, "the batch says it has 4 records and ends after 3");
    view.count = 2;
    assert_int_equal(record_batch_check_records(&view, view.records, &error), STATUS_CORRUPT);
    assert_string_equal(error.message, "7 bytes are left behind the batch's 2 records");
    view.count = 3;
    assert_int_equal(record_batch_check_records(&view, (struct slice){0}, &error), STATUS_CORRUPT);
}

/* One record's bytes, and what is wrong with them. Varints: 1 is \2, -1 is \1, -2 is \3. */
struct bad_record {
    const char *bytes;
    size_t size;
    enum status status;
    const char *message;
};

static void test_says_what_is_wrong_with_a_record(void **state) {
    (void)state;
    const struct bad_record cases[] = {
        {"\x10\0\0\0\1\1\0", 7, STATUS_CORRUPT, "record 0: its length runs beyond the batch"},
        {"\1\0\0\0\1\1\0", 7, STATUS_CORRUPT, "record 0: its length runs beyond the batch"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11, STATUS_CORRUPT, "record 0: its length"},
        {"\xff", 1, STATUS_CORRUPT, "record 0: its length runs beyond the batch"},
        {"\0", 1, STATUS_CORRUPT, "record 0: its offset within the batch must be its number"},
        {"\x0c\0\0\2\1\1\0", 7, STATUS_CORRUPT, "record 0: its offset within the batch must be its number"},
        {"\x0c\0\0\0\3\1\0", 7, STATUS_CORRUPT, "record 0: its key, value or count of headers is cut off"},
        {"\x0c\0\0\0\6\1\0", 7, STATUS_CORRUPT, "record 0: its key, value or count of headers is cut off"},
        {"\x0c\0\0\0\1\3\0", 7, STATUS_CORRUPT, "record 0: its key, value or count of headers is cut off"},
        {"\x0c\0\0\0\1\1\1", 7, STATUS_CORRUPT, "record 0: its key, value or count of headers is cut off"},
        {"\x0a\0\0\0\1\1", 6, STATUS_CORRUPT, "record 0: its key, value or count of headers is cut off"},
        {"\x0c\0\0\0\1\1\2", 7, STATUS_CORRUPT, "record 0: its header 0 is cut off or has no key"},
        {"\x10\0\0\0\1\1\2\1\1", 9, STATUS_CORRUPT, "record 0: its header 0 is cut off or has no key"},
        {"\x10\0\0\0\1\1\4\0\1", 9, STATUS_CORRUPT, "record 0: its header 1 is cut off or has no key"},
        {"\x0e\0\0\0\1\1\x82\1", 8, STATUS_TOO_LARGE, "record 0 has 65 headers, at most 64 are allowed"},
        {"\x0e\0\0\0\1\1\0\0", 8, STATUS_CORRUPT, "record 0: 1 bytes are left behind its headers"},
        {"\x0c\0\0\0\1\1\0\0", 8, STATUS_CORRUPT, "1 bytes are left behind the batch's 1 records"},
        {"\x1e\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0\1\1\0", 16, STATUS_CORRUPT,
         "record 0: its timestamp or offset is beyond 64 bits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record_batch_view view = golden_view();
        view.count = 1;
        uint8_t *bytes = malloc(cases[i].size);
        assert_non_null(bytes);
        memcpy(bytes, cases[i].bytes, cases[i].size);
        struct error error;
        enum status status = record_batch_check_records(&view, slice_make(bytes, cases[i].size), &error);
        free(bytes);
        assert_int_equal(status, cases[i].status);
        assert_non_null(strstr(error.message, cases[i].message));
    }
}

static void test_no_cut_section_passes(void **state) {
    (void)state;
    struct record_batch_view view = golden_view();
    for (size_t size = 0; size < view.records.size; size++) {
        uint8_t *cut = malloc(size + 1);
        assert_non_null(cut);
        memcpy(cut, view.records.data, size);
        assert_int_equal(record_batch_check_records(&view, slice_make(cut, size), NULL), STATUS_CORRUPT);
        free(cut);
    }
}

struct model {
    struct record record;
    struct record_header headers[4];
};

static struct slice random_slice(struct prng *prng, const uint8_t *pool, size_t size_max) {
    return slice_make(pool, prng_below(prng, size_max + 1));
}

static void random_record(struct prng *prng, const uint8_t *pool, struct model *model, int64_t offset) {
    *model = (struct model){.record = {
                                .has_key = prng_chance(prng, 3, 4),
                                .has_value = prng_chance(prng, 3, 4),
                                .timestamp_ms = (int64_t)prng_between(prng, 0, 2000000000000),
                                .offset = offset,
                                .headers = model->headers,
                                .header_count = (uint32_t)prng_below(prng, 5),
                            }};
    if (model->record.has_key) {
        model->record.key = random_slice(prng, pool, 20);
    }
    if (model->record.has_value) {
        model->record.value = random_slice(prng, pool, 300);
    }
    for (uint32_t i = 0; i < model->record.header_count; i++) {
        model->headers[i].key = random_slice(prng, pool, 10);
        model->headers[i].has_value = prng_chance(prng, 3, 4);
        if (model->headers[i].has_value) {
            model->headers[i].value = random_slice(prng, pool, 70);
        }
    }
}

static void test_what_is_built_is_read(void **state) {
    (void)state;
    enum { RECORDS = 100 };
    uint8_t pool[300];
    struct prng prng;
    prng_init(&prng, 11);
    for (size_t i = 0; i < sizeof pool; i++) {
        pool[i] = (uint8_t)prng_next(&prng);
    }
    for (int round = 0; round < 100; round++) {
        static struct model models[RECORDS];
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000000);
        struct record_batch_builder builder;
        record_batch_builder_init(&builder, &out);
        for (int i = 0; i < RECORDS; i++) {
            random_record(&prng, pool, &models[i], 500 + i);
            assert_int_equal(record_batch_builder_add(&builder, &models[i].record, NULL), STATUS_OK);
        }
        assert_int_equal(record_batch_builder_finish(&builder, NULL), STATUS_OK);
        record_batch_set_position(out.data, 500, 3);
        struct record_batch_view view;
        assert_int_equal(record_batch_check(buffer_slice(&out), &view, NULL), STATUS_OK);
        struct record_iterator iterator;
        record_iterator_init(&iterator, &view, view.records);
        for (int i = 0; i < RECORDS; i++) {
            struct record record;
            assert_int_equal(record_iterator_next(&iterator, &record, NULL), STATUS_OK);
            assert_record(&record, &models[i].record);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_every_record_and_then_no_more),
        cmocka_unit_test(test_offsets_count_from_the_base),
        cmocka_unit_test(test_append_time_stands_for_all),
        cmocka_unit_test(test_skips),
        cmocka_unit_test(test_the_count_must_be_the_number_of_records),
        cmocka_unit_test(test_says_what_is_wrong_with_a_record),
        cmocka_unit_test(test_no_cut_section_passes),
        cmocka_unit_test(test_what_is_built_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
