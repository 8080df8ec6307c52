#include "http/client_pool.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct client_link take(struct client_pool *pool, const char *authority) {
    struct client_link link;
    assert_true(client_pool_take(pool, authority, &link));
    assert_true(link.easy && link.multi);
    return link;
}

static void finds_the_latest_of_the_same_authority(void **state) {
    struct client_pool pool;
    (void)state;
    client_pool_init(&pool);
    struct client_link first = take(&pool, "a:1");
    struct client_link second = take(&pool, "a:1");
    struct client_link other = take(&pool, "b:1");
    client_pool_give(&pool, &first, "a:1");
    client_pool_give(&pool, &second, "a:1");
    client_pool_give(&pool, &other, "b:1");
    assert_ptr_equal(take(&pool, "a:1").easy, second.easy);
    assert_ptr_equal(take(&pool, "a:1").multi, first.multi);
    assert_int_equal(pool.count, 1);
    client_pool_give(&pool, &first, "a:1");
    client_pool_give(&pool, &second, "a:1");
    client_pool_finish(&pool);
}

static void the_one_idle_longest_goes(void **state) {
    struct client_pool pool;
    char authority[16];
    (void)state;
    client_pool_init(&pool);
    for (unsigned i = 0; i < HTTP_CLIENT_IDLE_MAX + 5; i++) {
        snprintf(authority, sizeof authority, "a:%u", i);
        struct client_link link = take(&pool, authority);
        client_pool_give(&pool, &link, authority);
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
