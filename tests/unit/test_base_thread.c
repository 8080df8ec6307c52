#include "aviary/base/thread.h"

#include "aviary/base/clock.h"

#include "aborts.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct room {
    struct mutex mutex;
    struct condition changed;
    int number;
    char name[THREAD_NAME_SIZE];
    bool takes_sigterm;
    bool takes_sigsegv;
};

static void room_init(struct room *room) {
    *room = (struct room){0};
    mutex_init(&room->mutex);
    condition_init(&room->changed);
}

static void room_finish(struct room *room) {
    condition_finish(&room->changed);
    mutex_finish(&room->mutex);
}

static void count_to_thousand(void *argument) {
    struct room *room = argument;
    for (int i = 0; i < 1000; i++) {
        mutex_lock(&room->mutex);
        mutex_assert_held(&room->mutex);
        room->number++;
        condition_signal(&room->changed);
        mutex_unlock(&room->mutex);
    }
}

static void test_locks_and_wakes(void **state) {
    (void)state;
    struct room room;
    room_init(&room);
    struct thread threads[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(thread_start(&threads[i], "counter", count_to_thousand, &room, NULL), STATUS_OK);
    }
    mutex_lock(&room.mutex);
    while (room.number < 4000) {
        condition_wait(&room.changed, &room.mutex);
    }
    mutex_unlock(&room.mutex);
    for (size_t i = 0; i < 4; i++) {
        thread_join(&threads[i]);
    }
    assert_int_equal(room.number, 4000);
    room_finish(&room);
}

static void try_lock_in_vain(void *argument) {
    struct room *room = argument;
    room->number = mutex_try_lock(&room->mutex) ? 1 : 2;
}

static void test_tries_a_lock(void **state) {
    (void)state;
    struct room room;
    room_init(&room);
    assert_true(mutex_try_lock(&room.mutex));
    mutex_assert_held(&room.mutex);
    assert_false(mutex_try_lock(&room.mutex));
    struct thread thread = {0};
    assert_int_equal(thread_start(&thread, "tries", try_lock_in_vain, &room, NULL), STATUS_OK);
    thread_join(&thread);
    assert_int_equal(room.number, 2);
    mutex_unlock(&room.mutex);
    room_finish(&room);
}

static void test_waits_until_its_deadline_and_no_shorter(void **state) {
    (void)state;
    struct room room;
    room_init(&room);
    uint64_t deadline_ms = clock_monotonic_ms() + 30;
    mutex_lock(&room.mutex);
    while (condition_wait_until(&room.changed, &room.mutex, deadline_ms)) {
    }
    mutex_assert_held(&room.mutex);
    mutex_unlock(&room.mutex);
    assert_true(clock_monotonic_ms() >= deadline_ms);
    room_finish(&room);
}

static void test_a_deadline_that_has_passed_does_not_wait(void **state) {
    (void)state;
    struct room room;
    room_init(&room);
    mutex_lock(&room.mutex);
    assert_false(condition_wait_until(&room.changed, &room.mutex, 0));
    mutex_unlock(&room.mutex);
    room_finish(&room);
}

static void set_number(void *argument) {
    struct room *room = argument;
    mutex_lock(&room->mutex);
    room->number = 1;
    condition_broadcast(&room->changed);
    mutex_unlock(&room->mutex);
}

static void test_a_deadline_at_the_end_of_time_waits_for_the_signal(void **state) {
    (void)state;
    struct room room;
    room_init(&room);
    struct thread thread;
    mutex_lock(&room.mutex);
    assert_int_equal(thread_start(&thread, "setter", set_number, &room, NULL), STATUS_OK);
    while (room.number == 0) {
        assert_true(condition_wait_until(&room.changed, &room.mutex, UINT64_MAX));
    }
    mutex_unlock(&room.mutex);
    thread_join(&thread);
    room_finish(&room);
}

static void look_at_myself(void *argument) {
    struct room *room = argument;
    (void)pthread_getname_np(pthread_self(), room->name, sizeof room->name);
    sigset_t blocked;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    room->takes_sigterm = sigismember(&blocked, SIGTERM) == 0;
    room->takes_sigsegv = sigismember(&blocked, SIGSEGV) == 0;
}

static void test_a_thread_has_its_name_and_no_signals(void **state) {
    (void)state;
    struct room room = {0};
    struct thread thread;
    assert_int_equal(thread_start(&thread, "a-name-that-is-too-long", look_at_myself, &room, NULL),
                     STATUS_OK);
    thread_join(&thread);
    assert_string_equal(room.name, "a-name-that-is-");
    assert_false(room.takes_sigterm);
    assert_true(room.takes_sigsegv);
    sigset_t blocked;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
}

static void test_joining_nothing_does_nothing(void **state) {
    (void)state;
    struct thread thread = {0};
    thread_join(NULL);
    thread_join(&thread);
    struct room room = {0};
    assert_int_equal(thread_start(&thread, "once", look_at_myself, &room, NULL), STATUS_OK);
    thread_join(&thread);
    thread_join(&thread);
}

static void lock_twice(void *argument) {
    mutex_lock(argument);
    mutex_lock(argument);
}

static void unlock_what_is_not_locked(void *argument) {
    mutex_unlock(argument);
}

static void claim_what_is_not_held(void *argument) {
    mutex_assert_held(argument);
}

static void test_misuse_of_a_lock_aborts(void **state) {
    (void)state;
    struct mutex mutex;
    mutex_init(&mutex);
    assert_true(aborts(lock_twice, &mutex));
    assert_true(aborts(unlock_what_is_not_locked, &mutex));
    assert_true(aborts(claim_what_is_not_held, &mutex));
    mutex_finish(&mutex);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locks_and_wakes),
        cmocka_unit_test(test_tries_a_lock),
        cmocka_unit_test(test_waits_until_its_deadline_and_no_shorter),
        cmocka_unit_test(test_a_deadline_that_has_passed_does_not_wait),
        cmocka_unit_test(test_a_deadline_at_the_end_of_time_waits_for_the_signal),
        cmocka_unit_test(test_a_thread_has_its_name_and_no_signals),
        cmocka_unit_test(test_joining_nothing_does_nothing),
        cmocka_unit_test(test_misuse_of_a_lock_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
