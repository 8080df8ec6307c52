#include "wal_size.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char suffix[] = ".log";

static bool is_wal(const char *name) {
    size_t length = strlen(name);
    return length >= sizeof suffix && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

static uint64_t sum_of(DIR *listing) {
    uint64_t bytes = 0;
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        struct stat stat;
        if (is_wal(entry->d_name) && fstatat(dirfd(listing), entry->d_name, &stat, 0) == 0) {
            bytes += (uint64_t)stat.st_size;
        }
    }
    return bytes;
}

enum status wal_size(int directory, const char *name, uint64_t *ret_bytes, struct error *error) {
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_bytes = 0;
        return STATUS_OK;
    }
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (!listing) {
        enum status status = files_error(error, errno, "list", name);
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    *ret_bytes = sum_of(listing);
    closedir(listing);
    return STATUS_OK;
}
