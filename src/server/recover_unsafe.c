#include "recover_unsafe.h"

#include "aviary/broker/unsafe.h"
#include "aviary/storage.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { EXIT_USAGE = 2, GROUPS_NAMED_MAX = 1024 };

/* The groups that were named; none: all. */
struct named_groups {
    uint64_t ids[GROUPS_NAMED_MAX];
    size_t count;
};

static enum status parse_groups(const char *text, struct named_groups *ret_groups, struct error *error) {
    ret_groups->count = 0;
    if (strcmp(text, "all") == 0) {
        return STATUS_OK;
    }
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        unsigned long long id = strtoull(at, &end, 10);
        bool ascends = ret_groups->count == 0 || id > ret_groups->ids[ret_groups->count - 1];
        if (!isdigit((unsigned char)*at) || (*end != ',' && *end != '\0') || errno != 0 || !ascends ||
            ret_groups->count == GROUPS_NAMED_MAX) {
            return error_set(error, STATUS_INVALID,
                             "--recover-unsafe %.64s: say all, or up to %d ascending numbers of groups with "
                             "commas between, as /v1/partitions tells them (0: the metadata)",
                             text, GROUPS_NAMED_MAX);
        }
        ret_groups->ids[ret_groups->count++] = id;
        at = end;
        if (*end == '\0') {
            return STATUS_OK;
        }
    }
}

/* A mistyped directory shall not become a data directory. */
static enum status check_directory(const struct config *config, struct error *error) {
    char path[PATH_MAX];
    struct stat found;
    int length = snprintf(path, sizeof path, "%s/db", config->data);
    if (length < 0 || (size_t)length >= sizeof path || stat(path, &found) != 0) {
        return error_set(error, STATUS_NOT_FOUND, "%s holds no database", config->data);
    }
    return STATUS_OK;
}

/*
 * A database that cannot be trusted is opened only to be taken as a whole: its votes in groups that are not
 * recovered would count again.
 */
static enum status open_storage(const struct config *config, bool salvage, struct storage **ret_storage,
                                struct storage_rocksdb_info *ret_info, struct error *error) {
    struct storage_rocksdb_options options = {
        .directory = config->data,
        .free_bytes_min = config->free_bytes_min,
        .distrust = salvage ? STORAGE_DISTRUST_SALVAGE : STORAGE_DISTRUST_REFUSE,
    };
    struct error why;
    enum status status = check_directory(config, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = storage_rocksdb_open(&options, ret_storage, ret_info, &why);
    if (status == STATUS_CORRUPT && !salvage) {
        return error_set(error, status,
                         "%.300s. --recover-unsafe all --yes goes on with what can be read of it",
                         why.message);
    }
    return status == STATUS_OK ? status : error_set(error, status, "%s", why.message);
}

static enum status recover(const struct config *config, const struct named_groups *groups, bool yes,
                           struct error *error) {
    struct storage *storage;
    struct storage_rocksdb_info info;
    enum status status = open_storage(config, yes && groups->count == 0, &storage, &info, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct broker_unsafe_request request = {
        .storage = storage,
        .id = config->id,
        .groups = groups->ids,
        .group_count = groups->count,
        .apply = yes,
        .out = stdout,
    };
    status = broker_recover_unsafe(&request, error);
    if (status == STATUS_OK && info.origin == STORAGE_ORIGIN_SALVAGED) {
        status = storage_rocksdb_vouch(storage, &info.disk_uuid, error);
    }
    storage->operations->destroy(storage);
    return status;
}

int recover_unsafe(const struct config *config, const char *groups, bool yes) {
    struct error error;
    struct named_groups named;
    enum status status = parse_groups(groups, &named, &error);
    if (status != STATUS_OK) {
        fprintf(stderr, "aviaryd: %s\n", error.message);
        return EXIT_USAGE;
    }
    log_configure(config->log_level, config->log_format, config->id);
    status = recover(config, &named, yes, &error);
    if (status != STATUS_OK) {
        log_error("server", "not recovered", "%s", error.message);
        return EXIT_FAILURE;
    }
    puts(yes ? "Done. Start this broker; then those whose disks are lost, with empty data directories.\n"
               "Never bring the lost disks back, and recover a group on one disk only."
             : "Nothing was changed. Do it only where a majority of the disks is lost for good, on the disk "
               "with "
               "the\nhighest term and, of equal ones, the highest entry, of a group on no other disk: add "
               "--yes.");
    return EXIT_SUCCESS;
}
