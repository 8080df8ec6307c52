#include "aviary/base/blob.h"

#include "aviary/base/cleanup.h"
#include "aviary/base/thread.h"

#include "allocation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_copies_and_counts(void **state) {
    (void)state;
    struct blob *blob = blob_copy(slice_of_string("bytes"));
    assert_non_null(blob);
    assert_true(slice_equal(blob_slice(blob), slice_of_string("bytes")));
    assert_ptr_equal(blob_retain(blob), blob);
    blob_release(blob);
    assert_true(slice_equal(blob_slice(blob), slice_of_string("bytes")));
    blob_release(blob);
}

static void test_takes_null_and_nothing(void **state) {
    (void)state;
    blob_release(NULL);
    assert_int_equal(blob_slice(NULL).size, 0);
    _cleanup_blob_ struct blob *empty = blob_copy((struct slice){0});
    assert_non_null(empty);
    assert_int_equal(empty->size, 0);
}

static void test_no_memory_is_null(void **state) {
    (void)state;
    allocation_fail_at(1);
    assert_null(blob_create(10));
    assert_true(allocation_failed());
    allocation_fail_at(1);
    assert_null(blob_copy(slice_of_string("x")));
    assert_true(allocation_failed());
    assert_null(blob_create(SIZE_MAX));
    assert_null(blob_create(SIZE_MAX - sizeof(struct blob) + 1));
}

enum { ROUNDS = 20000 };

static void retain_and_release(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        blob_release(blob_retain(argument));
    }
    blob_release(argument);
}

static void test_threads_share_one(void **state) {
    (void)state;
    struct blob *blob = blob_copy(slice_of_string("shared"));
    struct thread other;
    assert_int_equal(thread_start(&other, "sharer", retain_and_release, blob_retain(blob), NULL), STATUS_OK);
    retain_and_release(blob_retain(blob));
    thread_join(&other);
    assert_int_equal(atomic_load(&blob->references), 1);
    blob_release(blob);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_and_counts),
        cmocka_unit_test(test_takes_null_and_nothing),
        cmocka_unit_test(test_no_memory_is_null),
        cmocka_unit_test(test_threads_share_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
