/*
 * Ends, or disturbs, a process at the k-th call that changes its data directory. The calls are counted in a
 * page of memory that is shared by way of a file, so that the count goes on over several processes and
 * outlives them.
 *
 * Environment (not AVIARY_..., which the broker takes for options of its own):
 *   FAULT_ROOT     the data directory: calls elsewhere are not counted
 *   CRASH_COUNTER  the file of the page, at least 8 bytes: calls so far
 *   CRASH_AT       which call; 0: only count
 *   CRASH_MODE     exit: the process ends before the call. torn: it ends after the call, and of a write only
 * half is done. eio: the call fails with EIO, once
 */
#undef _FILE_OFFSET_BITS /* with it, a call and its 64-bit name would be one: both are caught here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CRASH_STATUS = 77 };

enum mode { MODE_EXIT, MODE_TORN, MODE_EIO };

static struct {
    const char *root;
    size_t root_size;
    _Atomic uint64_t *calls; /* NULL: the library does nothing */
    uint64_t at;
    enum mode mode;
} crash;

static enum mode mode_of(const char *name) {
    if (strcmp(name, "torn") == 0) {
        return MODE_TORN;
    }
    return strcmp(name, "eio") == 0 ? MODE_EIO : MODE_EXIT;
}

__attribute__((constructor)) static void crash_begin(void) {
    const char *root = getenv("FAULT_ROOT");
    const char *counter = getenv("CRASH_COUNTER");
    const char *at = getenv("CRASH_AT");
    const char *mode = getenv("CRASH_MODE");
    if (!root || !counter || !at || !mode) {
        return;
    }
    int fd = open(counter, O_RDWR | O_CLOEXEC);
    void *page =
        fd >= 0 ? mmap(NULL, sizeof *crash.calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (page == MAP_FAILED) {
        fputs("crash_point: no counter\n", stderr);
        abort();
    }
    close(fd);
    crash.root = root;
    crash.root_size = strlen(root);
    crash.at = strtoull(at, NULL, 10);
    crash.mode = mode_of(mode);
    crash.calls = page;
}

static bool path_is_covered(const char *path) {
    return strncmp(path, crash.root, crash.root_size) == 0 &&
           (path[crash.root_size] == '/' || path[crash.root_size] == '\0');
}

static bool fd_is_covered(int fd) {
    char link[64];
    char path[PATH_MAX];
    if (!crash.calls) {
        return false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) {
        return false;
    }
    path[size] = '\0';
    return path_is_covered(path);
}

/* A name as a call gives it: absolute, or below a directory. */
static bool name_is_covered(int directory, const char *name) {
    if (!crash.calls) {
        return false;
    }
    return name[0] == '/' ? path_is_covered(name) : directory != AT_FDCWD && fd_is_covered(directory);
}

enum verdict { GO_ON, FAIL, END_AFTER };

/* Counts the call; does not return where the process ends before it. */
static enum verdict reach(bool covered) {
    if (!covered || atomic_fetch_add(crash.calls, 1) + 1 != crash.at) {
        return GO_ON;
    }
    switch (crash.mode) {
    case MODE_EXIT:
        _exit(CRASH_STATUS);
    case MODE_TORN:
        return END_AFTER;
    case MODE_EIO:
        break;
    }
    errno = EIO;
    return FAIL;
}

static int settle(enum verdict verdict, int result) {
    if (verdict == END_AFTER) {
        _exit(CRASH_STATUS);
    }
    return result;
}

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* A call that is no write: a failure, or what the real one gives. */
#define SETTLED(covered, call)                                                                               \
    ({                                                                                                       \
        enum verdict verdict = reach(covered);                                                               \
        verdict == FAIL ? -1 : settle(verdict, (call));                                                      \
    })

static ssize_t settle_write(enum verdict verdict, ssize_t result) {
    return settle(verdict, 0) == 0 ? result : -1;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    enum verdict verdict = reach(fd_is_covered(fd));
    return verdict == FAIL
               ? -1
               : settle_write(verdict, NEXT(write)(fd, bytes, verdict == END_AFTER ? size / 2 : size));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    enum verdict verdict = reach(fd_is_covered(fd));
    return verdict == FAIL
               ? -1
               : settle_write(verdict, NEXT(pwrite64)(fd, bytes, verdict == END_AFTER ? size / 2 : size, at));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    return pwrite64(fd, bytes, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    enum verdict verdict = reach(fd_is_covered(fd));
    return verdict == FAIL
               ? -1
               : settle_write(verdict,
                              NEXT(writev)(fd, parts, verdict == END_AFTER ? (count + 1) / 2 : count));
}

int fsync(int fd) {
    return SETTLED(fd_is_covered(fd), NEXT(fsync)(fd));
}

int fdatasync(int fd) {
    return SETTLED(fd_is_covered(fd), NEXT(fdatasync)(fd));
}

int ftruncate64(int fd, off64_t size) {
    return SETTLED(fd_is_covered(fd), NEXT(ftruncate64)(fd, size));
}

int ftruncate(int fd, off_t size) {
    return ftruncate64(fd, size);
}

int fallocate64(int fd, int mode, off64_t at, off64_t size) {
    return SETTLED(fd_is_covered(fd), NEXT(fallocate64)(fd, mode, at, size));
}

int fallocate(int fd, int mode, off_t at, off_t size) {
    return fallocate64(fd, mode, at, size);
}

int rename(const char *from, const char *to) {
    return SETTLED(name_is_covered(AT_FDCWD, to), NEXT(rename)(from, to));
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return SETTLED(name_is_covered(to_directory, to), NEXT(renameat)(from_directory, from, to_directory, to));
}

int link(const char *from, const char *to) {
    return SETTLED(name_is_covered(AT_FDCWD, to), NEXT(link)(from, to));
}

int unlink(const char *name) {
    return SETTLED(name_is_covered(AT_FDCWD, name), NEXT(unlink)(name));
}

int unlinkat(int directory, const char *name, int flags) {
    return SETTLED(name_is_covered(directory, name), NEXT(unlinkat)(directory, name, flags));
}

int rmdir(const char *name) {
    return SETTLED(name_is_covered(AT_FDCWD, name), NEXT(rmdir)(name));
}

int mkdir(const char *name, mode_t mode) {
    return SETTLED(name_is_covered(AT_FDCWD, name), NEXT(mkdir)(name, mode));
}

int mkdirat(int directory, const char *name, mode_t mode) {
    return SETTLED(name_is_covered(directory, name), NEXT(mkdirat)(directory, name, mode));
}

static mode_t mode_argument(int flags, va_list arguments) {
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

int openat64(int directory, const char *name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    bool makes = (flags & O_CREAT) != 0 && name_is_covered(directory, name);
    return SETTLED(makes, NEXT(openat64)(directory, name, flags, mode));
}

int openat(int directory, const char *name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return openat64(directory, name, flags, mode);
}

int open64(const char *name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return openat64(AT_FDCWD, name, flags, mode);
}

int open(const char *name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, arguments);
    va_end(arguments);
    return openat64(AT_FDCWD, name, flags, mode);
}
