#include "lost_databases.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

static const char prefix[] = "db.lost-";

/* Counts those set aside, and gives the name of the oldest: the times in the names have 13 digits. */
static enum status find_oldest(const char *path, size_t *ret_count, char ret_oldest[NAME_MAX + 1],
                               struct error *error) {
    DIR *listing = opendir(path);
    if (!listing) {
        return files_error(error, errno, "list", path);
    }
    size_t count = 0;
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        if (count == 0 || strcmp(entry->d_name, ret_oldest) < 0) {
            snprintf(ret_oldest, NAME_MAX + 1, "%s", entry->d_name);
        }
        count++;
    }
    closedir(listing);
    *ret_count = count;
    return STATUS_OK;
}

enum status lost_databases_count(const char *path, size_t *ret_count, struct error *error) {
    char oldest[NAME_MAX + 1];
    return find_oldest(path, ret_count, oldest, error);
}

static enum status prune(const char *path, struct error *error) {
    for (;;) {
        size_t count = 0;
        char oldest[NAME_MAX + 1] = {0};
        enum status status = find_oldest(path, &count, oldest, error);
        if (status != STATUS_OK || count <= STORAGE_LOST_DATABASES_MAX) {
            return status;
        }
        char victim[PATH_MAX];
        int length = snprintf(victim, sizeof victim, "%s/%s", path, oldest);
        if (length < 0 || (size_t)length >= sizeof victim) {
            return error_set(error, STATUS_INVALID, "the path of the data directory is too long");
        }
        log_warn("storage", "removing an older database that was set aside", "path=%s", victim);
        status = files_remove_tree(victim, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

enum status lost_databases_add(int directory, const char *path, const char *name, struct error *error) {
    char aside[NAME_MAX + 1];
    snprintf(aside, sizeof aside, "%s%013" PRId64, prefix, clock_wall_ms());
    if (renameat(directory, name, directory, aside) != 0) {
        return files_error(error, errno, "set aside", name);
    }
    enum status status = files_sync_directory(directory, error);
    return status == STATUS_OK ? prune(path, error) : status;
}
