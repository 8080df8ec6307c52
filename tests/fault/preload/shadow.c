#include "shadow.h"

#include "control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES_MAX = 64, PATH_BYTES_MAX = PATH_MAX, COPY_BYTES = 64 * 1024, ENTRIES_MAX = 4096 };

/* Held while anything below the shadow is written. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *shadow_folder(void) {
    return getenv("FAULT_SHADOW");
}

int shadow_covers(int fd) {
    const char *root = getenv("FAULT_ROOT");
    char link[NAME_BYTES_MAX], path[PATH_BYTES_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (root == NULL || length < 0) {
        return 0;
    }
    path[length] = '\0';
    size_t prefix = strlen(root);
    return strncmp(path, root, prefix) == 0 && (path[prefix] == '/' || path[prefix] == '\0');
}

static int is_root(const struct statx *about) {
    struct stat root;
    return S_ISDIR(about->stx_mode) && stat(getenv("FAULT_ROOT"), &root) == 0 &&
           root.st_ino == about->stx_ino;
}

/* The name of the shadow of `name` in `folder`, or of the descriptor itself with an empty name. */
static void shadow_name(int folder, const char *name, char ret_name[NAME_BYTES_MAX], int *ret_is_folder) {
    struct statx about;
    if (statx(folder, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_TYPE | STATX_BTIME,
              &about) != 0) {
        *ret_name = '\0';
        if (errno != ENOENT) {
            control_give_up("statx");
        }
        return;
    }
    if ((about.stx_mask & STATX_BTIME) == 0) {
        control_give_up("the file system does not keep when a file was made");
    }
    *ret_is_folder = S_ISDIR(about.stx_mode);
    if (is_root(&about)) {
        snprintf(ret_name, NAME_BYTES_MAX, "root");
        return;
    }
    snprintf(ret_name, NAME_BYTES_MAX, "%llx-%llx-%x", (unsigned long long)about.stx_ino,
             (unsigned long long)about.stx_btime.tv_sec, about.stx_btime.tv_nsec);
}

static void shadow_path(const char *name, const char *suffix, char ret_path[PATH_BYTES_MAX]) {
    snprintf(ret_path, PATH_BYTES_MAX, "%s/%s%s", shadow_folder(), name, suffix);
}

/* Copies what lies between, holes left out; the file may meanwhile grow or end. */
static void copy_range(int from, int to, off_t at, off_t end) {
    static char bytes[COPY_BYTES]; /* under the lock */
    while (at < end && (at = lseek(from, at, SEEK_DATA)) >= 0 && at < end) {
        size_t wanted = end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES;
        ssize_t got = pread(from, bytes, wanted, at);
        if (got <= 0) {
            return;
        }
        if (pwrite(to, bytes, (size_t)got, at) != got) {
            control_give_up("the shadow of a file");
        }
        at += got;
    }
}

/*
 * RocksDB writes through descriptors that cannot be read, so the file is opened again; NULL names are files
 * that were removed meanwhile, and need no shadow.
 */
static void confirm_file(int fd, off_t size, const char *path) {
    char link[NAME_BYTES_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    int from = open(link, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat confirmed;
    if (to < 0 || fstat(to, &confirmed) != 0) {
        control_give_up(path);
    }
    if (from >= 0) {
        copy_range(from, to, size <= SHADOW_REWRITTEN_MAX ? 0 : confirmed.st_size, size);
        close(from);
    }
    /* Two syncs at once may end in another order than they began; but a small file may have been cut. */
    if ((size > confirmed.st_size || size <= SHADOW_REWRITTEN_MAX) && ftruncate(to, size) != 0) {
        control_give_up(path);
    }
    close(to);
}

/* Writes the lines of the directory; the stream is closed. */
static void write_entries(DIR *folder, FILE *lines) {
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char name[NAME_BYTES_MAX];
        int is_folder = 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        shadow_name(dirfd(folder), entry->d_name, name, &is_folder);
        if (*name != '\0') {
            fprintf(lines, "%s %c %s\n", name, is_folder ? 'd' : 'f', entry->d_name);
        }
    }
    if (fclose(lines) != 0) {
        control_give_up("the shadow of a directory");
    }
}

static int lists(const char *path, const char *name) {
    FILE *lines = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    int found = 0;
    while (lines != NULL && !found && getline(&line, &capacity, lines) > 0) {
        found = strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ';
    }
    free(line);
    if (lines != NULL) {
        fclose(lines);
    }
    return found;
}

/* Removes the shadows of files that `path` lists and `newer` does not: they are gone for good. */
static void forget_removed(const char *path, const char *newer) {
    FILE *lines = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    while (lines != NULL && getline(&line, &capacity, lines) > 0) {
        char gone[PATH_BYTES_MAX];
        char *space = strchr(line, ' ');
        if (space != NULL && space[1] == 'f') {
            *space = '\0';
            if (!lists(newer, line)) {
                shadow_path(line, "", gone);
                unlink(gone);
            }
        }
    }
    free(line);
    if (lines != NULL) {
        fclose(lines);
    }
}

static void confirm_folder(int fd, const char *name, const char *path) {
    char newer[PATH_BYTES_MAX];
    shadow_path(name, ".new", newer);
    int reading = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = reading < 0 ? NULL : fdopendir(reading);
    FILE *lines = fopen(newer, "we");
    if (folder == NULL || lines == NULL) {
        control_give_up(newer);
    }
    write_entries(folder, lines);
    closedir(folder);
    forget_removed(path, newer);
    if (rename(newer, path) != 0) {
        control_give_up(newer);
    }
}

void shadow_confirm(int fd, off_t size) {
    char name[NAME_BYTES_MAX], path[PATH_BYTES_MAX];
    int is_folder = 0;
    if (shadow_folder() == NULL) {
        return;
    }
    shadow_name(fd, "", name, &is_folder);
    shadow_path(name, "", path);
    pthread_mutex_lock(&lock);
    if (is_folder) {
        confirm_folder(fd, name, path);
    } else {
        confirm_file(fd, size, path);
    }
    pthread_mutex_unlock(&lock);
}

/* All below the open directory, and itself. */
static void confirm_tree(int folder) {
    DIR *entries = fdopendir(folder);
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        struct stat about;
        int fd = openat(folder, entry->d_name, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &about) != 0) {
            control_give_up(entry->d_name);
        }
        if (!S_ISDIR(about.st_mode)) {
            shadow_confirm(fd, about.st_size);
            close(fd);
        } else if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            close(fd);
        } else {
            confirm_tree(fd);
        }
    }
    shadow_confirm(folder, 0);
    closedir(entries);
}

__attribute__((constructor)) static void begin_shadow(void) {
    char begun[PATH_BYTES_MAX];
    if (shadow_folder() == NULL || getenv("FAULT_ROOT") == NULL) {
        return;
    }
    shadow_path("begun", "", begun);
    if (access(begun, F_OK) == 0) {
        return;
    }
    int root = open(getenv("FAULT_ROOT"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0) {
        confirm_tree(root);
    }
    int mark = open(begun, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (mark < 0) {
        control_give_up(begun);
    }
    close(mark);
}

void shadow_spoil(int fd, off_t size) {
    char name[NAME_BYTES_MAX], path[PATH_BYTES_MAX];
    int is_folder = 0;
    if (shadow_folder() == NULL || size <= SHADOW_REWRITTEN_MAX) {
        return;
    }
    shadow_name(fd, "", name, &is_folder);
    shadow_path(name, "", path);
    pthread_mutex_lock(&lock);
    int shadow = is_folder ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (shadow >= 0) {
        struct stat confirmed;
        if (fstat(shadow, &confirmed) != 0 || (size > confirmed.st_size && ftruncate(shadow, size) != 0)) {
            control_give_up(path);
        }
        close(shadow);
    }
    pthread_mutex_unlock(&lock);
}
