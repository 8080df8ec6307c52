/* Syncs that fail, that are slow, and that are remembered. */
#include "control.h"
#include "shadow.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

typedef int sync_function(int);

static void wait_us(uint64_t us) {
    struct timespec left = {.tv_sec = (time_t)(us / US_PER_S), .tv_nsec = (long)(us % US_PER_S) * NS_PER_US};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* Takes one of the failures that are wanted, if there is one. */
static int take_failure(struct control *control) {
    uint64_t wanted = control->syncs_to_fail;
    while (wanted > 0 && !atomic_compare_exchange_weak(&control->syncs_to_fail, &wanted, wanted - 1)) {
    }
    return wanted > 0;
}

static int sync_with(sync_function *next, int fd) {
    struct stat before;
    if (!shadow_covers(fd) || fstat(fd, &before) != 0) {
        return next(fd);
    }
    struct control *control = control_page();
    control->syncs_total++;
    wait_us(control->sync_delay_us);
    if (take_failure(control)) {
        shadow_spoil(fd, before.st_size);
        control->syncs_failed_total++;
        errno = EIO;
        return -1;
    }
    int result = next(fd);
    if (result == 0) {
        shadow_confirm(fd, before.st_size);
    }
    return result;
}

int fsync(int fd) {
    static _Atomic(sync_function *) next;
    if (next == NULL) {
        next = (sync_function *)dlsym(RTLD_NEXT, "fsync");
    }
    return sync_with(next, fd);
}

int fdatasync(int fd) {
    static _Atomic(sync_function *) next;
    if (next == NULL) {
        next = (sync_function *)dlsym(RTLD_NEXT, "fdatasync");
    }
    return sync_with(next, fd);
}
