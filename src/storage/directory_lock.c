#include "directory_lock.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>

enum { LOCK_FILE_MODE = 0640, PID_TEXT_SIZE = 24 };

static const char lock_name[] = "lock";

/* Who holds it, for people; the lock itself is the kernel's. */
static enum status refused(int directory, const char *path, struct error *error) {
    uint8_t text[PID_TEXT_SIZE] = {0};
    size_t size = 0;
    if (files_read(directory, lock_name, text, sizeof text - 1, &size, NULL) != STATUS_OK) {
        size = 0;
    }
    while (size > 0 && (text[size - 1] < '0' || text[size - 1] > '9')) {
        size--;
    }
    return error_set(error, STATUS_CONFLICT,
                     "the data directory %s is used by another process%s%.*s; stop that one, or give this "
                     "broker a directory of its own",
                     path, size > 0 ? ", pid " : "", (int)size, (const char *)text);
}

enum status directory_lock(int directory, const char *path, int *ret_fd, struct error *error) {
    int fd = openat(directory, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_FILE_MODE);
    if (fd < 0) {
        return files_error(error, errno, "open the lock file of", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum status status =
            errno == EWOULDBLOCK ? refused(directory, path, error) : files_error(error, errno, "lock", path);
        close(fd);
        return status;
    }
    char text[PID_TEXT_SIZE];
    int size = snprintf(text, sizeof text, "%" PRIdMAX "\n", (intmax_t)getpid());
    if (ftruncate(fd, 0) != 0 || size < 0 ||
        files_write_at(fd, slice_make(text, (size_t)size), 0, lock_name, NULL) != STATUS_OK) {
        /* On a full disk the lock holds without saying whose it is. */
        log_warn("storage", "cannot write the pid into the lock file", "directory=%s", path);
    }
    *ret_fd = fd;
    return STATUS_OK;
}
