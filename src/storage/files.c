#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIRECTORY_MODE = 0750, FILE_MODE = 0640, TREE_DESCRIPTORS_MAX = 8 };

enum status files_error(struct error *error, int number, const char *doing, const char *path) {
    enum status status = STATUS_IO;
    if (number == ENOSPC || number == EDQUOT) {
        status = STATUS_NO_SPACE;
    } else if (number == ENOMEM) {
        status = STATUS_NO_MEMORY;
    } else if (number == ENOENT) {
        status = STATUS_NOT_FOUND;
    }
    return error_set(error, status, "cannot %s %s: %s", doing, path, strerrordesc_np(number));
}

enum status files_sync_directory(int directory, struct error *error) {
    return fsync(directory) == 0 ? STATUS_OK : files_error(error, errno, "sync", "the data directory");
}

/* A new folder's name is durable only when its parent is synced. */
static enum status sync_parent(int directory, const char *path, struct error *error) {
    _cleanup_close_ int parent = openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fsync(parent) != 0) {
        return files_error(error, errno, "sync the parent of", path);
    }
    return STATUS_OK;
}

enum status files_open_directory(const char *path, int *ret_fd, struct error *error) {
    bool made = mkdir(path, DIRECTORY_MODE) == 0;
    if (!made && errno != EEXIST) {
        return files_error(error, errno, "make the directory", path);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return files_error(error, errno, "open the directory", path);
    }
    enum status status = made ? sync_parent(fd, path, error) : STATUS_OK;
    if (status != STATUS_OK) {
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return STATUS_OK;
}

enum status files_read(int directory, const char *name, uint8_t *bytes, size_t size, size_t *ret_size,
                       struct error *error) {
    _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return files_error(error, errno, "open", name);
    }
    size_t got = 0;
    while (got < size) {
        ssize_t part = read(fd, bytes + got, size - got);
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part < 0) {
            return files_error(error, errno, "read", name);
        }
        if (part == 0) {
            break;
        }
        got += (size_t)part;
    }
    *ret_size = got;
    return STATUS_OK;
}

enum status files_write_at(int fd, struct slice bytes, uint64_t offset, const char *name,
                           struct error *error) {
    size_t written = 0;
    while (written < bytes.size) {
        ssize_t part = pwrite(fd, bytes.data + written, bytes.size - written, (off_t)(offset + written));
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part <= 0) {
            return files_error(error, part < 0 ? errno : EIO, "write", name);
        }
        written += (size_t)part;
    }
    return STATUS_OK;
}

enum status files_replace(int directory, const char *name, struct slice bytes, struct error *error) {
    char temporary[NAME_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.new", name);
    ASSERT(length > 0 && (size_t)length < sizeof temporary);
    _cleanup_close_ int fd =
        openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return files_error(error, errno, "make", temporary);
    }
    enum status status = files_write_at(fd, bytes, 0, temporary, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (fsync(fd) != 0) {
        return files_error(error, errno, "sync", temporary);
    }
    if (renameat(directory, temporary, directory, name) != 0) {
        return files_error(error, errno, "replace", name);
    }
    return files_sync_directory(directory, error);
}

bool files_exist(int directory, const char *name) {
    struct stat unused;
    return fstatat(directory, name, &unused, AT_SYMLINK_NOFOLLOW) == 0;
}

enum status files_remove(int directory, const char *name, struct error *error) {
    if (unlinkat(directory, name, 0) != 0 && errno != ENOENT) {
        return files_error(error, errno, "remove", name);
    }
    return files_sync_directory(directory, error);
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *place) {
    (void)stat;
    (void)flag;
    (void)place;
    return remove(path);
}

enum status files_remove_tree(const char *path, struct error *error) {
    if (nftw(path, remove_one, TREE_DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) {
        return STATUS_OK;
    }
    return files_error(error, errno, "remove", path);
}
