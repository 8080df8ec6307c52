#include "aviary/base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_writes_and_reads_its_text(void **state) {
    (void)state;
    const char *text = "00112233-4455-6677-8899-aabbccddeeff";
    struct uuid uuid;
    assert_int_equal(uuid_parse(slice_of_string(text), &uuid), STATUS_OK);
    for (unsigned i = 0; i < UUID_SIZE; i++) {
        assert_int_equal(uuid.bytes[i], 0x11 * i);
    }
    char written[UUID_TEXT_SIZE];
    uuid_format(&uuid, written);
    assert_string_equal(written, text);
    struct uuid upper;
    assert_int_equal(uuid_parse(slice_of_string("00112233-4455-6677-8899-AABBCCDDEEFF"), &upper), STATUS_OK);
    assert_true(uuid_equal(&uuid, &upper));
}

static void test_refuses_other_texts_and_leaves_the_output(void **state) {
    (void)state;
    const char *texts[] = {
        "",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "00112233-4455-6677-8899-aabbccddeefg",
        "001122334-455-6677-8899-aabbccddeeff",
        "00112233445566778899aabbccddeeff0000",
        "{0112233-4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899_aabbccddeeff",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct uuid uuid = {.bytes = {1, 2, 3}};
        const struct uuid before = uuid;
        assert_int_equal(uuid_parse(slice_of_string(texts[i]), &uuid), STATUS_INVALID);
        assert_true(uuid_equal(&uuid, &before));
    }
}

static void test_random_ones_differ_and_are_version_4(void **state) {
    (void)state;
    struct uuid a;
    struct uuid b;
    assert_int_equal(uuid_generate(&a), STATUS_OK);
    assert_int_equal(uuid_generate(&b), STATUS_OK);
    assert_false(uuid_equal(&a, &b));
    assert_false(uuid_is_zero(&a));
    assert_int_equal(a.bytes[6] >> 4, 4);
    assert_int_equal(a.bytes[8] >> 6, 2);
    const struct uuid zero = {0};
    assert_true(uuid_is_zero(&zero));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_and_reads_its_text),
        cmocka_unit_test(test_refuses_other_texts_and_leaves_the_output),
        cmocka_unit_test(test_random_ones_differ_and_are_version_4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
