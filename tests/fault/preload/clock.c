/*
 * A wall clock that jumps. The kernel's own stays, so times on the wall that are handed to it are turned
 * back.
 */
#include "control.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, MS_PER_S = 1000, US_PER_MS = 1000 };
/* Seconds of the wall clock are above it, those since the machine's start below: a condition variable does
 * not tell which of the two clocks it was made for. */
enum { WALL_SECONDS_MIN = 1000000000 };

typedef int clock_gettime_function(clockid_t, struct timespec *);
typedef int timedwait_function(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static struct timespec shifted(struct timespec time, int64_t by_ms) {
    time.tv_sec += by_ms / MS_PER_S;
    time.tv_nsec += by_ms % MS_PER_S * NS_PER_MS;
    if (time.tv_nsec < 0) {
        time.tv_nsec += NS_PER_S;
        time.tv_sec--;
    } else if (time.tv_nsec >= NS_PER_S) {
        time.tv_nsec -= NS_PER_S;
        time.tv_sec++;
    }
    return time;
}

int clock_gettime(clockid_t clock, struct timespec *ret_time) {
    static _Atomic(clock_gettime_function *) next;
    if (next == NULL) {
        next = (clock_gettime_function *)dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = next(clock, ret_time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        *ret_time = shifted(*ret_time, control_page()->realtime_offset_ms);
    }
    return result;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone) {
    (void)zone; /* nobody has asked for it since the seventies */
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    ret_time->tv_sec = now.tv_sec;
    ret_time->tv_usec = now.tv_nsec / US_PER_MS;
    return result;
}

time_t time(time_t *ret_time) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time != NULL) {
        *ret_time = now.tv_sec;
    }
    return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static _Atomic(timedwait_function *) next;
    if (next == NULL) {
        next = (timedwait_function *)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    }
    struct timespec kernel = *until;
    if (until->tv_sec >= WALL_SECONDS_MIN) {
        kernel = shifted(kernel, -control_page()->realtime_offset_ms);
    }
    return next(condition, mutex, &kernel);
}
