/*
 * The leader's view of what it has proposed and not yet applied.
 */
#include "allocation.h"
#include "partition_entries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct slice NOTHING = {0};

static struct partition *make(void) {
    struct partition *partition = partition_create(8);
    assert_non_null(partition);
    return partition;
}

static struct entry_header propose(struct partition *partition, struct entry_header header, int64_t now_ms) {
    assert_int_equal(partition_propose(partition, &header, now_ms), STATUS_OK);
    return header;
}

static void apply(struct partition *partition, struct entry_header header) {
    assert_int_equal(partition_apply(partition, &header, NOTHING), STATUS_OK);
}

static void test_proposals_follow_each_other(void **state) {
    (void)state;
    struct partition *partition = make();
    struct entry_header a = propose(partition, entry_records(1, -1, 3, -1), 100);
    struct entry_header b = propose(partition, entry_records(3, -1, 2, -1), 90);
    assert_int_equal(a.base_offset, 0);
    assert_int_equal(a.append_time_ms, 100);
    assert_int_equal(b.base_offset, 3);
    assert_int_equal(b.append_time_ms, 100);
    assert_int_equal(partition_pending_next_offset(partition), 5);
    assert_int_equal(partition_next_offset(partition), 0);

    apply(partition, a);
    assert_int_equal(partition_next_offset(partition), 3);
    assert_int_equal(partition_pending_next_offset(partition), 5);
    apply(partition, entry_of_type(RAFT_ENTRY_CONFIGURATION, 2));
    apply(partition, b);
    assert_int_equal(partition_next_offset(partition), 5);
    assert_int_equal(partition_pending_next_offset(partition), 5);

    /* With nothing pending, the next one builds on what was applied. */
    struct entry_header c = propose(partition, entry_records(4, -1, 1, -1), 50);
    assert_int_equal(c.base_offset, 5);
    assert_int_equal(c.append_time_ms, 100);
    partition_destroy(partition);
}

static void test_a_pending_key_is_found_and_moves_to_applied(void **state) {
    (void)state;
    struct partition *partition = make();
    struct partition_answer answer = {0};
    propose(partition, entry_records(1, 0, 3, 0), 5);
    struct entry_header keyed = propose(partition, entry_keyed(entry_records(2, 0, 2, 0), 1, 10), 6);
    assert_int_equal(find_key(partition, 1, 10, &answer), PARTITION_KEY_PENDING);
    assert_int_equal(answer.index, 2);
    assert_int_equal(answer.base_offset, 3);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.append_time_ms, 6);
    assert_int_equal(find_key(partition, 1, 11, &answer), PARTITION_KEY_MISMATCH);
    assert_int_equal(partition_key_count(partition), 0);

    apply(partition, entry_records(1, 0, 3, 5));
    assert_int_equal(find_key(partition, 1, 10, &answer), PARTITION_KEY_PENDING);
    apply(partition, keyed);
    assert_int_equal(find_key(partition, 1, 10, &answer), PARTITION_KEY_DUPLICATE);
    partition_forget_pending(partition);
    assert_int_equal(find_key(partition, 1, 10, &answer), PARTITION_KEY_DUPLICATE);
    partition_destroy(partition);
}

static void test_forgetting_leaves_the_applied_state(void **state) {
    (void)state;
    struct partition *partition = make();
    struct partition_answer answer;
    struct entry_header a = propose(partition, entry_keyed(entry_records(1, 0, 1, 0), 1, 1), 10);
    struct entry_header b = propose(partition, entry_keyed(entry_records(2, 0, 1, 0), 2, 2), 999);
    apply(partition, a);
    partition_forget_pending(partition);
    assert_int_equal(find_key(partition, 1, 1, &answer), PARTITION_KEY_DUPLICATE);
    assert_int_equal(find_key(partition, 2, 2, &answer), PARTITION_KEY_NEW);
    assert_int_equal(partition_pending_next_offset(partition), 1);

    /* Led again: another entry took index 2, the forgotten key may come again, the forgotten time counts not.
     */
    apply(partition, entry_of_type(RAFT_ENTRY_NOOP, 2));
    struct entry_header again = propose(partition, entry_keyed(entry_records(3, 0, 1, 0), 2, 2), 20);
    assert_int_equal(again.base_offset, b.base_offset);
    assert_int_equal(again.append_time_ms, 20);
    partition_destroy(partition);
}

static void test_a_forgotten_proposal_may_still_be_applied(void **state) {
    (void)state;
    struct partition *partition = make();
    struct partition_answer answer;
    struct entry_header a = propose(partition, entry_keyed(entry_records(1, 0, 1, 0), 1, 1), 10);
    partition_forget_pending(partition);
    apply(partition, a);
    assert_int_equal(find_key(partition, 1, 1, &answer), PARTITION_KEY_DUPLICATE);
    assert_int_equal(partition_pending_next_offset(partition), 1);
    partition_destroy(partition);
}

static void test_pending_keys_are_bounded(void **state) {
    (void)state;
    struct partition *partition = make();
    uint64_t index = 1;
    for (; index <= PENDING_KEYS_MAX; index++) {
        propose(partition, entry_keyed(entry_records(index, 0, 1, 0), index, index), 10);
    }
    struct entry_header header = entry_keyed(entry_records(index, -1, 1, -1), index, index);
    assert_int_equal(partition_propose(partition, &header, 10), STATUS_FULL);
    assert_int_equal(header.base_offset, -1);
    assert_int_equal(header.append_time_ms, -1);
    assert_int_equal(partition_pending_next_offset(partition), PENDING_KEYS_MAX);
    propose(partition, entry_records(index, -1, 1, -1), 10); /* without a key there is room */
    apply(partition, entry_keyed(entry_records(1, 0, 1, 10), 1, 1));
    header.index++;
    assert_int_equal(partition_propose(partition, &header, 10), STATUS_OK);
    partition_destroy(partition);
}

static void test_propose_without_memory_changes_nothing(void **state) {
    (void)state;
    struct partition *partition = make();
    struct entry_header header = entry_keyed(entry_records(1, -1, 1, -1), 1, 1);
    uint64_t nth = 1;
    for (;; nth++) {
        allocation_fail_at(nth);
        enum status status = partition_propose(partition, &header, 10);
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            break;
        }
        struct partition_answer answer;
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(header.base_offset, -1);
        assert_int_equal(partition_pending_next_offset(partition), 0);
        assert_int_equal(find_key(partition, 1, 1, &answer), PARTITION_KEY_NEW);
    }
    assert_true(nth > 1);
    partition_destroy(partition);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proposals_follow_each_other),
        cmocka_unit_test(test_a_pending_key_is_found_and_moves_to_applied),
        cmocka_unit_test(test_forgetting_leaves_the_applied_state),
        cmocka_unit_test(test_a_forgotten_proposal_may_still_be_applied),
        cmocka_unit_test(test_pending_keys_are_bounded),
        cmocka_unit_test(test_propose_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
