#include "aviary/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct bird {
    int number;
    struct list node;
};

static void test_keeps_the_order_and_forgets_what_is_removed(void **state) {
    (void)state;
    struct list birds;
    struct bird all[4];
    list_init(&birds);
    assert_true(list_empty(&birds));
    for (int i = 0; i < 4; i++) {
        all[i].number = i;
        list_append(&birds, &all[i].node);
    }
    list_remove(&all[1].node);
    list_remove(&all[3].node);
    list_remove(&all[3].node);
    int expected = 0;
    for (struct list *node = birds.next; node != &birds; node = node->next) {
        assert_int_equal(LIST_ENTRY(node, struct bird, node)->number, expected);
        expected += 2;
    }
    assert_int_equal(expected, 4);
    list_remove(&all[0].node);
    list_remove(&all[2].node);
    assert_true(list_empty(&birds));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keeps_the_order_and_forgets_what_is_removed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
