#include "http/client_pool.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void finds_the_latest_of_the_same_authority(void **state) {
    struct client_pool pool;
    (void)state;
    client_pool_init(&pool);
    CURL *first = client_pool_take(&pool, "a:1");
    CURL *second = client_pool_take(&pool, "a:1");
    CURL *other = client_pool_take(&pool, "b:1");
    assert_true(first && second && other);
    client_pool_give(&pool, first, "a:1");
    client_pool_give(&pool, second, "a:1");
    client_pool_give(&pool, other, "b:1");
    assert_ptr_equal(client_pool_take(&pool, "a:1"), second);
    assert_ptr_equal(client_pool_take(&pool, "a:1"), first);
    assert_int_equal(pool.count, 1);
    client_pool_give(&pool, first, "a:1");
    client_pool_give(&pool, second, "a:1");
    client_pool_finish(&pool);
}

static void the_one_idle_longest_goes(void **state) {
    struct client_pool pool;
    char authority[16];
    (void)state;
    client_pool_init(&pool);
    for (unsigned i = 0; i < HTTP_CLIENT_IDLE_MAX + 5; i++) {
        snprintf(authority, sizeof authority, "a:%u", i);
        client_pool_give(&pool, client_pool_take(&pool, authority), authority);
    }
    assert_int_equal(pool.count, HTTP_CLIENT_IDLE_MAX);
    assert_string_equal(pool.idle[0].authority, "a:5");
    assert_string_equal(pool.idle[HTTP_CLIENT_IDLE_MAX - 1].authority, authority);
    client_pool_finish(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_latest_of_the_same_authority),
        cmocka_unit_test(the_one_idle_longest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
