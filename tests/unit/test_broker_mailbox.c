/* The mailbox: keeps the order, is bounded, and always takes what the storage answers. */
#include "allocation.h"
#include "aviary/raft/entry.h"
#include "broker/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BYTES_MAX = 1000, POSTERS = 4, POSTS = 5000 };

static struct mail *make(enum mail_type type, uint64_t number) {
    struct mail *mail = mail_create(type);
    assert_non_null(mail);
    mail->token = number;
    return mail;
}

/* A message with one entry, or a proposal, of `size` bytes. */
static struct mail *make_bulk(enum mail_type type, size_t size) {
    struct mail *mail = make(type, 0);
    struct blob *blob = blob_create(size);
    assert_non_null(blob);
    if (type == MAIL_PROPOSAL) {
        mail->proposal.blob = blob;
        return mail;
    }
    mail->message.entries = calloc(1, sizeof *mail->message.entries);
    assert_non_null(mail->message.entries);
    mail->message.entries[0].blob = blob;
    mail->message.entry_count = 1;
    mail->message.type = RAFT_MESSAGE_APPEND;
    return mail;
}

static size_t destroy_all(struct mail *mail) {
    size_t count = 0;
    while (mail) {
        struct mail *next = mail->next;
        mail_destroy(mail);
        mail = next;
        count++;
    }
    return count;
}

/* Destroys what is refused. */
static enum status post(struct mailbox *mailbox, struct mail *mail) {
    enum status status = mailbox_post(mailbox, mail);
    if (status != STATUS_OK) {
        mail_destroy(mail);
    }
    return status;
}

static void test_comes_out_in_order(void **state) {
    (void)state;
    struct mailbox mailbox;
    mailbox_init(&mailbox, BYTES_MAX);
    assert_null(mailbox_take(&mailbox, UINT64_MAX));
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(post(&mailbox, make(i % 2 ? MAIL_PEER_CLOSED : MAIL_PERSISTED, i)), STATUS_OK);
    }
    assert_int_equal(mailbox_items(&mailbox), 100);
    struct mail *mail = mailbox_take(&mailbox, UINT64_MAX);
    uint64_t next = 1;
    for (const struct mail *at = mail; at; at = at->next) {
        assert_int_equal(at->token, next++);
    }
    assert_int_equal(next, 101);
    assert_int_equal(destroy_all(mail), 100);
    assert_int_equal(mailbox_items(&mailbox), 0);
    assert_null(mailbox_take(&mailbox, UINT64_MAX));
    mailbox_finish(&mailbox);
}

/* A flood of writes waits; what is prompt does not wait with it, nor do the writes change their order. */
static void test_bulk_is_taken_in_pieces(void **state) {
    (void)state;
    struct mailbox mailbox;
    mailbox_init(&mailbox, BYTES_MAX);
    for (uint64_t i = 1; i <= 5; i++) {
        struct mail *write = make_bulk(i == 3 ? MAIL_MESSAGE : MAIL_PROPOSAL, 100);
        write->token = i;
        assert_int_equal(post(&mailbox, write), STATUS_OK);
    }
    struct mail *ping = make(MAIL_MESSAGE, 6); /* without entries, but behind those it asks about */
    ping->message.type = RAFT_MESSAGE_APPEND;
    assert_int_equal(post(&mailbox, ping), STATUS_OK);
    struct mail *heartbeat = make(MAIL_MESSAGE, 7);
    heartbeat->message.type = RAFT_MESSAGE_HEARTBEAT;
    assert_int_equal(post(&mailbox, heartbeat), STATUS_OK);
    const uint64_t wanted[4][4] = {{7, 1, 2, 0}, {3, 4, 0}, {5, 6, 0}, {0}};
    for (size_t turn = 0; turn < 4; turn++) {
        struct mail *mail = mailbox_take(&mailbox, 101);
        const uint64_t *next = wanted[turn];
        for (const struct mail *at = mail; at; at = at->next) {
            assert_int_equal(at->token, *next++);
        }
        assert_int_equal(*next, 0);
        (void)destroy_all(mail);
    }
    assert_int_equal(mailbox_items(&mailbox), 0);
    mailbox_finish(&mailbox);
}

static void test_is_bounded_in_bytes(void **state) {
    (void)state;
    struct mailbox mailbox;
    mailbox_init(&mailbox, BYTES_MAX);
    assert_int_equal(post(&mailbox, make_bulk(MAIL_MESSAGE, 600)), STATUS_OK);
    assert_int_equal(post(&mailbox, make_bulk(MAIL_PROPOSAL, 401)), STATUS_FULL);
    assert_int_equal(post(&mailbox, make_bulk(MAIL_MESSAGE, 401)), STATUS_FULL);
    assert_int_equal(post(&mailbox, make_bulk(MAIL_PROPOSAL, 400)), STATUS_OK);
    assert_int_equal(post(&mailbox, make_bulk(MAIL_PROPOSAL, 1)), STATUS_FULL);
    assert_int_equal(post(&mailbox, make(MAIL_MESSAGE, 1)), STATUS_OK); /* a heartbeat */
    assert_int_equal(mailbox.dropped_total, 3);
    assert_int_equal(destroy_all(mailbox_take(&mailbox, UINT64_MAX)), 3);
    /* However large, one fits: otherwise it never would. */
    assert_int_equal(post(&mailbox, make_bulk(MAIL_MESSAGE, 5 * BYTES_MAX)), STATUS_OK);
    assert_int_equal(post(&mailbox, make_bulk(MAIL_MESSAGE, 1)), STATUS_FULL);
    mailbox_finish(&mailbox); /* with what is left in it */
}

static void test_is_bounded_in_items(void **state) {
    (void)state;
    struct mailbox mailbox;
    mailbox_init(&mailbox, BYTES_MAX);
    for (uint64_t i = 0; i < MAILBOX_ITEMS_MAX; i++) {
        assert_int_equal(post(&mailbox, make(MAIL_MESSAGE, i)), STATUS_OK);
    }
    assert_int_equal(post(&mailbox, make(MAIL_MESSAGE, 0)), STATUS_FULL);
    assert_int_equal(post(&mailbox, make(MAIL_TASK, 0)), STATUS_FULL);
    assert_int_equal(post(&mailbox, make(MAIL_PEER_CLOSED, 0)), STATUS_FULL);
    assert_int_equal(post(&mailbox, make(MAIL_PERSISTED, 0)), STATUS_OK);
    assert_int_equal(destroy_all(mailbox_take(&mailbox, UINT64_MAX)), MAILBOX_ITEMS_MAX + 1);
    mailbox_finish(&mailbox);
}

static void test_closed_it_takes_only_the_storage_s_answers(void **state) {
    (void)state;
    struct mailbox mailbox;
    mailbox_init(&mailbox, BYTES_MAX);
    assert_int_equal(post(&mailbox, make(MAIL_TASK, 0)), STATUS_OK);
    mailbox_close(&mailbox);
    assert_int_equal(post(&mailbox, make(MAIL_TASK, 0)), STATUS_CLOSED);
    assert_int_equal(post(&mailbox, make_bulk(MAIL_PROPOSAL, 1)), STATUS_CLOSED);
    assert_int_equal(post(&mailbox, make(MAIL_MESSAGE, 0)), STATUS_CLOSED);
    assert_int_equal(post(&mailbox, make(MAIL_PERSISTED, 0)), STATUS_OK);
    assert_int_equal(mailbox.dropped_total, 0);
    assert_int_equal(destroy_all(mailbox_take(&mailbox, UINT64_MAX)), 2);
    mailbox_finish(&mailbox);
}

static void post_many(void *argument) {
    struct mailbox *mailbox = argument;
    for (uint64_t i = 0; i < POSTS; i++) {
        struct mail *mail = mail_create(MAIL_PERSISTED);
        ASSERT(mail != NULL);
        mail->token = i;
        ASSERT(mailbox_post(mailbox, mail) == STATUS_OK);
    }
}

static void test_many_post_and_one_takes(void **state) {
    (void)state;
    struct mailbox mailbox;
    struct thread threads[POSTERS];
    mailbox_init(&mailbox, BYTES_MAX);
    for (size_t i = 0; i < POSTERS; i++) {
        assert_int_equal(thread_start(&threads[i], "poster", post_many, &mailbox, NULL), STATUS_OK);
    }
    size_t taken = 0;
    while (taken < (size_t)POSTERS * POSTS) {
        uint64_t deadline_ms = clock_monotonic_ms() + 10000;
        mailbox_wait(&mailbox, deadline_ms);
        assert_true(clock_monotonic_ms() < deadline_ms); /* a post wakes who waits */
        taken += destroy_all(mailbox_take(&mailbox, UINT64_MAX));
    }
    for (size_t i = 0; i < POSTERS; i++) {
        thread_join(&threads[i]);
    }
    mailbox_finish(&mailbox);
}

static void test_waits_until_somebody_wakes_it(void **state) {
    (void)state;
    struct mailbox mailbox;
    mailbox_init(&mailbox, BYTES_MAX);
    uint64_t begin_ms = clock_monotonic_ms();
    mailbox_wait(&mailbox, begin_ms + 20);
    assert_true(clock_monotonic_ms() >= begin_ms + 20);
    assert_int_equal(mailbox_items(&mailbox), 0);
    mailbox_wake(&mailbox); /* before the wait: it is not lost */
    mailbox_wait(&mailbox, clock_monotonic_ms() + 10000);
    assert_true(clock_monotonic_ms() < begin_ms + 10000);
    /* What is added without a wake is found by the next wait. */
    assert_int_equal(mailbox_add(&mailbox, make(MAIL_PERSISTED, 1)), STATUS_OK);
    assert_int_not_equal(mailbox_items(&mailbox), 0);
    mailbox_wait(&mailbox, clock_monotonic_ms() + 10000);
    assert_true(clock_monotonic_ms() < begin_ms + 10000);
    assert_int_equal(destroy_all(mailbox_take(&mailbox, UINT64_MAX)), 1);
    mailbox_finish(&mailbox);
}

/* A mail takes one piece of memory, when it is made; posting and taking take none. */
static void test_memory_runs_out_before_posting(void **state) {
    (void)state;
    struct mailbox mailbox;
    mailbox_init(&mailbox, BYTES_MAX);
    allocation_fail_at(1);
    assert_null(mail_create(MAIL_MESSAGE));
    assert_true(allocation_failed());
    struct mail *mail = make_bulk(MAIL_MESSAGE, 10);
    allocation_fail_at(1);
    assert_int_equal(mailbox_post(&mailbox, mail), STATUS_OK);
    struct mail *taken = mailbox_take(&mailbox, UINT64_MAX);
    assert_false(allocation_failed());
    assert_ptr_equal(taken, mail);
    assert_int_equal(destroy_all(taken), 1);
    mailbox_finish(&mailbox);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_out_in_order),
        cmocka_unit_test(test_bulk_is_taken_in_pieces),
        cmocka_unit_test(test_is_bounded_in_bytes),
        cmocka_unit_test(test_is_bounded_in_items),
        cmocka_unit_test(test_closed_it_takes_only_the_storage_s_answers),
        cmocka_unit_test(test_many_post_and_one_takes),
        cmocka_unit_test(test_waits_until_somebody_wakes_it),
        cmocka_unit_test(test_memory_runs_out_before_posting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
