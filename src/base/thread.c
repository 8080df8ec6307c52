#include "aviary/base/thread.h"

#include "aviary/base/assert.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

void mutex_init(struct mutex *mutex) {
    pthread_mutexattr_t attributes;
    ASSERT(pthread_mutexattr_init(&attributes) == 0);
    ASSERT(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK) == 0);
    ASSERT(pthread_mutex_init(&mutex->raw, &attributes) == 0);
    ASSERT(pthread_mutexattr_destroy(&attributes) == 0);
}

void mutex_finish(struct mutex *mutex) {
    ASSERT(pthread_mutex_destroy(&mutex->raw) == 0);
}

void mutex_lock(struct mutex *mutex) {
    ASSERT(pthread_mutex_lock(&mutex->raw) == 0);
}

bool mutex_try_lock(struct mutex *mutex) {
    int result = pthread_mutex_trylock(&mutex->raw);
    ASSERT(result == 0 || result == EBUSY);
    return result == 0;
}

void mutex_unlock(struct mutex *mutex) {
    ASSERT(pthread_mutex_unlock(&mutex->raw) == 0);
}

void mutex_assert_held(struct mutex *mutex) {
    /* An error-checking mutex tells its owner apart from the others. */
    ASSERT(pthread_mutex_lock(&mutex->raw) == EDEADLK);
}

void condition_init(struct condition *condition) {
    pthread_condattr_t attributes;
    ASSERT(pthread_condattr_init(&attributes) == 0);
    ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(&condition->raw, &attributes) == 0);
    ASSERT(pthread_condattr_destroy(&attributes) == 0);
}

void condition_finish(struct condition *condition) {
    ASSERT(pthread_cond_destroy(&condition->raw) == 0);
}

void condition_wait(struct condition *condition, struct mutex *mutex) {
    ASSERT(pthread_cond_wait(&condition->raw, &mutex->raw) == 0);
}

bool condition_wait_until(struct condition *condition, struct mutex *mutex, uint64_t deadline_ms) {
    /* A deadline of UINT64_MAX ("never") must not overflow time_t. */
    uint64_t seconds = deadline_ms / 1000 > INT32_MAX ? INT32_MAX : deadline_ms / 1000;
    struct timespec deadline = {
        .tv_sec = (time_t)seconds,
        .tv_nsec = (long)(deadline_ms % 1000) * 1000000,
    };
    int result = pthread_cond_timedwait(&condition->raw, &mutex->raw, &deadline);
    ASSERT(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

void condition_signal(struct condition *condition) {
    ASSERT(pthread_cond_signal(&condition->raw) == 0);
}

void condition_broadcast(struct condition *condition) {
    ASSERT(pthread_cond_broadcast(&condition->raw) == 0);
}

static void *thread_main(void *context) {
    struct thread *thread = context;
    ASSERT(pthread_setname_np(pthread_self(), thread->name) == 0);
    thread->run(thread->argument);
    return NULL;
}

/* All but what a fault of the thread itself raises, which would kill the process if blocked, past any
 * handler. */
static void signals_of_the_main_thread(sigset_t *ret_signals) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
    ASSERT(sigfillset(ret_signals) == 0);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        ASSERT(sigdelset(ret_signals, faults[i]) == 0);
    }
}

enum status thread_start(struct thread *thread, const char *name, void (*run)(void *argument), void *argument,
                         struct error *error) {
    *thread = (struct thread){.run = run, .argument = argument};
    memcpy(thread->name, name, strnlen(name, THREAD_NAME_SIZE - 1));
    /* A thread inherits the mask of its maker, so it has it from its first instruction. */
    sigset_t blocked;
    sigset_t before;
    signals_of_the_main_thread(&blocked);
    ASSERT(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
    int failed = pthread_create(&thread->raw, NULL, thread_main, thread);
    ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (failed != 0) {
        return error_set(
            error, STATUS_UNAVAILABLE,
            "cannot start thread \"%s\": %s; raise the limit of processes (ulimit -u) or free memory",
            thread->name, strerrordesc_np(failed));
    }
    thread->started = true;
    return STATUS_OK;
}

void thread_join(struct thread *thread) {
    if (!thread || !thread->started) {
        return;
    }
    ASSERT(pthread_join(thread->raw, NULL) == 0);
    thread->started = false;
}
