#include "rocksdb_directory.h"

#include "files.h"
#include "identity.h"
#include "lost_databases.h"
#include "rehearsal.h"
#include "rocksdb_error.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

static const char database_name[] = "db";
static const char new_database_name[] = "db.new";

static enum status path_of(const struct data_directory *directory, const char *name, char ret_path[PATH_MAX],
                           struct error *error) {
    int length = snprintf(ret_path, PATH_MAX, "%s/%s", directory->path, name);
    if (length < 0 || length >= PATH_MAX) {
        return error_set(error, STATUS_INVALID, "the path of the data directory is too long");
    }
    return STATUS_OK;
}

/* Turns a load's status into evidence; what says nothing of the file's content is returned. */
static enum status evidence_of(enum status status, enum evidence_found *ret_found) {
    switch ((int)status) {
    case STATUS_OK:
        *ret_found = EVIDENCE_WHOLE;
        return STATUS_OK;
    case STATUS_NOT_FOUND:
        *ret_found = EVIDENCE_ABSENT;
        return STATUS_OK;
    case STATUS_CORRUPT:
        *ret_found = EVIDENCE_DAMAGED;
        return STATUS_OK;
    default:
        return status;
    }
}

/* What cannot be opened because it is damaged, against what another attempt or program could open. */
static bool is_damage(enum status status) {
    return status == STATUS_CORRUPT || status == STATUS_NOT_FOUND;
}

/* Some damage ends the process that opens it: the start after that one finds out. */
static enum status open_carefully(const struct data_directory *directory, const char *path,
                                  struct database *ret_database, struct error *error) {
    bool cut = false;
    enum status status = rehearsal_begin(directory->fd, &cut, error);
    if (status == STATUS_OK && cut) {
        status = rehearsal_run(directory->fd, path, &directory->sizing, error);
    }
    if (status == STATUS_OK) {
        status = database_open(ret_database, path, &directory->sizing, error);
    }
    rehearsal_end(directory->fd);
    return status;
}

static enum status examine_database(const struct data_directory *directory, struct database *ret_database,
                                    struct trust_evidence *evidence, struct error *error) {
    if (!files_exist(directory->fd, database_name)) {
        evidence->database = EVIDENCE_ABSENT;
        return STATUS_OK;
    }
    char path[PATH_MAX];
    enum status status = path_of(directory, database_name, path, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct error why;
    status = open_carefully(directory, path, ret_database, &why);
    if (status == STATUS_OK) {
        return database_examine(ret_database, evidence, error);
    }
    if (is_damage(status)) {
        evidence->database = EVIDENCE_DAMAGED;
        snprintf(evidence->damage, sizeof evidence->damage, "%.*s", (int)sizeof evidence->damage - 1,
                 why.message);
        return STATUS_OK;
    }
    return error_set(error, status, "%s", why.message);
}

/* Leaves a database that could be opened open in `database`, also on failure. */
static enum status gather_evidence(const struct data_directory *directory, struct database *database,
                                   struct trust_evidence *evidence, struct error *error) {
    enum status status =
        evidence_of(identity_load(directory->fd, &evidence->identity_uuid, error), &evidence->identity);
    if (status == STATUS_OK) {
        status =
            evidence_of(witness_load(directory->fd, &evidence->witness_record, error), &evidence->witness);
    }
    return status == STATUS_OK ? examine_database(directory, database, evidence, error) : status;
}

/* The database appears under its name whole or not at all. */
static enum status make_database(const struct data_directory *directory, const struct uuid *disk_uuid,
                                 struct error *error) {
    char path[PATH_MAX];
    enum status status = path_of(directory, new_database_name, path, error);
    if (status == STATUS_OK) {
        status = files_remove_tree(path, error);
    }
    return status == STATUS_OK ? database_create(path, &directory->sizing, disk_uuid, error) : status;
}

static enum status put_in_place(const struct data_directory *directory, struct error *error) {
    if (renameat(directory->fd, new_database_name, directory->fd, database_name) != 0) {
        return files_error(error, errno, "rename", new_database_name);
    }
    return files_sync_directory(directory->fd, error);
}

/*
 * In an order that a crash may cut anywhere: until the identity names the new disk, the next start finds
 * parts that do not belong together, and begins again.
 */
static enum status replace(const struct data_directory *directory, bool keep_old,
                           const struct uuid *disk_uuid, struct error *error) {
    enum status status = make_database(directory, disk_uuid, error);
    if (status == STATUS_OK && files_exist(directory->fd, database_name)) {
        char path[PATH_MAX];
        status = path_of(directory, database_name, path, error);
        if (status == STATUS_OK) {
            status = keep_old ? lost_databases_add(directory->fd, directory->path, database_name, error)
                              : files_remove_tree(path, error);
        }
    }
    if (status == STATUS_OK) {
        status = put_in_place(directory, error);
    }
    struct witness_record record = {.disk_uuid = *disk_uuid, .commit = FIRST_COMMIT};
    if (status == STATUS_OK) {
        status = witness_store(directory->fd, &record, error);
    }
    return status == STATUS_OK ? identity_store(directory->fd, disk_uuid, error) : status;
}

static enum status open_replacement(const struct data_directory *directory, bool keep_old,
                                    struct database *database, struct trust_evidence *evidence,
                                    struct error *error) {
    database_close(database);
    struct uuid disk_uuid;
    if (uuid_generate(&disk_uuid) != STATUS_OK) {
        return error_set(error, STATUS_IO, "the kernel gives no random numbers for a disk uuid");
    }
    enum status status = replace(directory, keep_old, &disk_uuid, error);
    if (status != STATUS_OK) {
        return status;
    }
    *evidence = (struct trust_evidence){0};
    status = gather_evidence(directory, database, evidence, error);
    char reason[ERROR_MESSAGE_MAX];
    if (status == STATUS_OK && trust_judge(evidence, reason) != STORAGE_ORIGIN_RECOVERED) {
        return error_set(error, STATUS_IO, "a database made just now cannot be read back: %s", reason);
    }
    return status;
}

static void report(const struct storage_rocksdb_info *info, uint64_t commit) {
    char uuid[UUID_TEXT_SIZE];
    uuid_format(&info->disk_uuid, uuid);
    switch (info->origin) {
    case STORAGE_ORIGIN_NEW:
        log_info("storage", "new data directory", "disk_uuid=%s", uuid);
        break;
    case STORAGE_ORIGIN_RECOVERED:
        log_info("storage", "database opened", "disk_uuid=%s commit=%" PRIu64, uuid, commit);
        break;
    case STORAGE_ORIGIN_SALVAGED:
        log_error("storage", "database not to be trusted, opened for unsafe recovery",
                  "disk_uuid=%s commit=%" PRIu64 " reason=%s", uuid, commit, info->reason);
        break;
    case STORAGE_ORIGIN_REPLACED:
        log_error("storage", "database not to be trusted, set aside; starting as a new disk",
                  "disk_uuid=%s reason=%s", uuid, info->reason);
        break;
    }
}

/* Until storage_rocksdb_vouch, the missing identity tells every start not to trust this database. */
static enum status salvage(const struct data_directory *directory, const struct database *database,
                           const struct trust_evidence *evidence, const char *reason, struct error *error) {
    if (evidence->database != EVIDENCE_WHOLE) {
        return error_set(error, STATUS_CORRUPT, "nothing can be read of the database: %.200s", reason);
    }
    enum status status = identity_remove(directory->fd, error);
    return status == STATUS_OK ? database_settle_count(database, evidence->last_commit, error) : status;
}

static enum status open_distrusted(const struct data_directory *directory, struct database *database,
                                   struct trust_evidence *evidence, struct storage_rocksdb_info *info,
                                   struct error *error) {
    switch (directory->distrust) {
    case STORAGE_DISTRUST_REPLACE:
        return open_replacement(directory, !trust_database_is_remnant(evidence), database, evidence, error);
    case STORAGE_DISTRUST_SALVAGE:
        info->origin = STORAGE_ORIGIN_SALVAGED;
        return salvage(directory, database, evidence, info->reason, error);
    case STORAGE_DISTRUST_REFUSE:
        break;
    }
    return error_set(error, STATUS_CORRUPT, "the database cannot be trusted: %.200s", info->reason);
}

static enum status open_trusted(const struct data_directory *directory, struct database *database,
                                struct witness *ret_witness, struct storage_rocksdb_info *ret_info,
                                struct error *error) {
    struct trust_evidence evidence = {0};
    struct storage_rocksdb_info info = {0};
    enum status status = gather_evidence(directory, database, &evidence, error);
    if (status != STATUS_OK) {
        return status;
    }
    info.origin = trust_judge(&evidence, info.reason);
    if (info.origin == STORAGE_ORIGIN_NEW) {
        status = open_replacement(directory, false, database, &evidence, error);
    } else if (info.origin == STORAGE_ORIGIN_REPLACED) {
        status = open_distrusted(directory, database, &evidence, &info, error);
    }
    struct witness_record record = {.disk_uuid = evidence.database_uuid, .commit = evidence.last_commit};
    if (status == STATUS_OK) {
        status = witness_store(directory->fd, &record, error);
    }
    if (status == STATUS_OK) {
        status = witness_open(ret_witness, directory->fd, &record, error);
    }
    size_t set_aside = 0;
    if (status == STATUS_OK) {
        status = lost_databases_count(directory->path, &set_aside, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    info.had_another = set_aside > 0;
    info.disk_uuid = evidence.database_uuid;
    *ret_info = info;
    report(&info, record.commit);
    return STATUS_OK;
}

enum status data_directory_open(const struct data_directory *directory, struct database *ret_database,
                                struct witness *ret_witness, struct storage_rocksdb_info *ret_info,
                                struct error *error) {
    struct database database = {0};
    enum status status = open_trusted(directory, &database, ret_witness, ret_info, error);
    if (status != STATUS_OK) {
        database_close(&database);
        return status;
    }
    *ret_database = database;
    return STATUS_OK;
}
