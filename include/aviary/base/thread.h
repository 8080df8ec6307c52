/*
 * Threads, locks and waits whose failures cannot pass unseen: what POSIX reports about a lock is a
 * programmer's error (locked twice, destroyed while held) and stops the process; what the system may refuse
 * is returned.
 */
#ifndef AVIARY_BASE_THREAD_H
#define AVIARY_BASE_THREAD_H

#include "aviary/base/status.h"

#include <pthread.h>
#include <stdint.h>

struct mutex {
    pthread_mutex_t raw;
};

/* Locking twice in one thread, or unlocking another thread's lock, aborts. */
void mutex_init(struct mutex *mutex);
/* Not while it is locked. */
void mutex_finish(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
/* False: it is locked, by whomever. */
bool mutex_try_lock(struct mutex *mutex) AVIARY_MUST_USE;
void mutex_unlock(struct mutex *mutex);
/* For assertions in functions that the caller must hold the lock for: aborts where it does not. */
void mutex_assert_held(struct mutex *mutex);

struct condition {
    pthread_cond_t raw;
};

void condition_init(struct condition *condition);
/* Not while a thread waits. */
void condition_finish(struct condition *condition);
/* Waits with `mutex` held; may wake without a signal, so the caller loops over what it waits for. */
void condition_wait(struct condition *condition, struct mutex *mutex);
/* The same until clock_monotonic_ms() reaches `deadline_ms`; false where it has. Never wakes early by the
 * clock. */
bool condition_wait_until(struct condition *condition, struct mutex *mutex, uint64_t deadline_ms);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);

enum { THREAD_NAME_SIZE = 16 }; /* the kernel's, with NUL */

/* In the caller's memory, where it stays until thread_join. Zeroed: no thread. */
struct thread {
    pthread_t raw;
    bool started;
    char name[THREAD_NAME_SIZE];
    void (*run)(void *argument);
    void *argument;
};

/*
 * Runs `run(argument)` in a new thread called `name` (cut at 15 bytes), with every signal blocked but those
 * that a fault raises: signals are the main thread's. UNAVAILABLE where the system gives no thread; then
 * `thread` may still be joined, which does nothing.
 */
enum status thread_start(struct thread *thread, const char *name, void (*run)(void *argument), void *argument,
                         struct error *error) AVIARY_MUST_USE;
/* Waits for its end. Takes NULL, a zeroed thread and one joined before; not the calling thread itself. */
void thread_join(struct thread *thread);

#endif
