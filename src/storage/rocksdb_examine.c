/*
 * Reading states, and what a database says of itself when it is opened.
 */
#include "rocksdb_database.h"
#include "rocksdb_error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A pinned value without its checksum; NULL in `ret_pinned` where there is none. */
static enum status get_pinned(const struct database *database, const struct state_key *key,
                              rocksdb_pinnableslice_t **ret_pinned, struct slice *ret_value) {
    char *failure = NULL;
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned_cf(database->db, database->read, database->families[FAMILY_STATE],
                              (const char *)key->bytes, STATE_KEY_SIZE, &failure);
    if (failure) {
        return rocksdb_error_translate(failure, "read a state", NULL);
    }
    if (!pinned) {
        return STATUS_NOT_FOUND;
    }
    size_t size = 0;
    const char *data = rocksdb_pinnableslice_value(pinned, &size);
    *ret_pinned = pinned;
    *ret_value = slice_make(data, size);
    return STATUS_OK;
}

static enum status check_state(const struct state_key *key, struct slice value, struct slice *ret_bytes) {
    struct slice bytes = slice_after(value, STATE_CHECKSUM_SIZE);
    if (value.size < STATE_CHECKSUM_SIZE || bytes_get_u32le(value.data) != state_checksum(key, bytes)) {
        return STATUS_CORRUPT;
    }
    *ret_bytes = bytes;
    return STATUS_OK;
}

enum status database_read_state(const struct database *database, uint64_t group, unsigned kind,
                                struct blob **ret_blob) {
    struct state_key key = state_key_make(group, kind);
    rocksdb_pinnableslice_t *pinned = NULL;
    struct slice value = {0};
    enum status status = get_pinned(database, &key, &pinned, &value);
    if (status != STATUS_OK) {
        return status;
    }
    struct slice bytes = {0};
    status = check_state(&key, value, &bytes);
    if (status == STATUS_OK) {
        struct blob *blob = blob_copy(bytes);
        if (blob) {
            *ret_blob = blob;
        } else {
            status = STATUS_NO_MEMORY;
        }
    }
    rocksdb_pinnableslice_destroy(pinned);
    return status;
}

struct group_list {
    uint64_t *groups;
    size_t count;
    size_t capacity;
};

static enum status group_list_add(struct group_list *list, uint64_t group) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        uint64_t *grown = realloc(list->groups, capacity * sizeof *grown);
        if (!grown) {
            return STATUS_NO_MEMORY;
        }
        list->groups = grown;
        list->capacity = capacity;
    }
    list->groups[list->count++] = group;
    return STATUS_OK;
}

/* From the first state of one group straight to the next group. */
static enum status collect_groups(rocksdb_iterator_t *iterator, struct group_list *list) {
    rocksdb_iter_seek_to_first(iterator);
    while (rocksdb_iter_valid(iterator)) {
        size_t size = 0;
        const char *key = rocksdb_iter_key(iterator, &size);
        if (size != STATE_KEY_SIZE) {
            return STATUS_CORRUPT;
        }
        uint64_t group = bytes_get_u64be((const uint8_t *)key);
        enum status status = group_list_add(list, group);
        if (status != STATUS_OK) {
            return status;
        }
        struct state_key next = state_key_make(group + 1, 0);
        rocksdb_iter_seek(iterator, (const char *)next.bytes, STATE_KEY_SIZE);
    }
    /* A damaged table ends an iteration early, without another sign. */
    char *failure = NULL;
    rocksdb_iter_get_error(iterator, &failure);
    return rocksdb_error_translate(failure, "list the groups", NULL);
}

enum status database_list_groups(const struct database *database, uint64_t **ret_groups, size_t *ret_count) {
    /* Not into the broker's own states: the count of commits there is a sum of many, until it is flushed. */
    struct state_key end = state_key_make(STORAGE_GROUP_BROKER, 0);
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)end.bytes, STATE_KEY_SIZE);
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(database->db, options, database->families[FAMILY_STATE]);
    struct group_list list = {0};
    enum status status = collect_groups(iterator, &list);
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    if (status != STATUS_OK) {
        free(list.groups);
        return status;
    }
    *ret_groups = list.groups;
    *ret_count = list.count;
    return STATUS_OK;
}

static enum status read_number(const struct database *database, unsigned kind, uint64_t *ret_number) {
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status = database_read_state(database, STORAGE_GROUP_BROKER, kind, &blob);
    if (status != STATUS_OK) {
        return status;
    }
    if (blob->size != sizeof(uint64_t)) {
        return STATUS_CORRUPT;
    }
    *ret_number = bytes_get_u64le(blob->data);
    return STATUS_OK;
}

static enum status read_commit_count(const struct database *database, uint64_t *ret_count) {
    struct state_key key = state_key_make(STORAGE_GROUP_BROKER, BROKER_STATE_COMMIT_COUNT);
    rocksdb_pinnableslice_t *pinned = NULL;
    struct slice value = {0};
    enum status status = get_pinned(database, &key, &pinned, &value);
    if (status != STATUS_OK) {
        return status;
    }
    if (value.size == sizeof(uint64_t)) {
        *ret_count = bytes_get_u64le(value.data);
    } else {
        status = STATUS_CORRUPT;
    }
    rocksdb_pinnableslice_destroy(pinned);
    return status;
}

static enum status read_uuid(const struct database *database, struct uuid *ret_uuid) {
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status = database_read_state(database, STORAGE_GROUP_BROKER, BROKER_STATE_DISK_UUID, &blob);
    if (status != STATUS_OK) {
        return status;
    }
    if (blob->size != UUID_SIZE) {
        return STATUS_CORRUPT;
    }
    memcpy(ret_uuid->bytes, blob->data, UUID_SIZE);
    return STATUS_OK;
}

static enum status check_format(const struct database *database, struct error *error) {
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status = database_read_state(database, STORAGE_GROUP_BROKER, BROKER_STATE_FORMAT, &blob);
    if (status != STATUS_OK) {
        return status;
    }
    if (blob->size != sizeof(uint32_t)) {
        return STATUS_CORRUPT;
    }
    uint32_t format = bytes_get_u32le(blob->data);
    if (format > STORAGE_FORMAT) {
        return error_set(error, STATUS_UNSUPPORTED,
                         "the database has format %" PRIu32 ", written by a newer version of aviaryd (this "
                         "one knows %d); start that one",
                         format, STORAGE_FORMAT);
    }
    return format == STORAGE_FORMAT ? STATUS_OK : STATUS_CORRUPT;
}

/* A vote that cannot be read must be known before the broker answers anyone. */
static enum status check_groups(const struct database *database) {
    _cleanup_free_ uint64_t *groups = NULL;
    size_t count = 0;
    enum status status = database_list_groups(database, &groups, &count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        static const unsigned kinds[] = {STORAGE_STATE_HARD, STORAGE_STATE_CONFIGURATIONS};
        for (size_t k = 0; status == STATUS_OK && k < sizeof kinds / sizeof kinds[0]; k++) {
            _cleanup_blob_ struct blob *blob = NULL;
            status = database_read_state(database, groups[i], kinds[k], &blob);
            status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
        }
    }
    return status;
}

/* CORRUPT and NOT_FOUND mean damage, as every one of these was written when the database was made. */
static enum status examine(const struct database *database, struct trust_evidence *evidence,
                           const char **ret_what, struct error *error) {
    *ret_what = "its format";
    enum status status = check_format(database, error);
    if (status == STATUS_OK) {
        *ret_what = "its disk uuid";
        status = read_uuid(database, &evidence->database_uuid);
    }
    if (status == STATUS_OK) {
        *ret_what = "its commit number";
        status = read_number(database, BROKER_STATE_LAST_COMMIT, &evidence->last_commit);
    }
    if (status == STATUS_OK) {
        *ret_what = "its count of commits";
        status = read_commit_count(database, &evidence->commit_count);
    }
    if (status == STATUS_OK) {
        *ret_what = "a group's hard state or configurations";
        status = check_groups(database);
    }
    return status;
}

enum status database_examine(const struct database *database, struct trust_evidence *evidence,
                             struct error *error) {
    const char *what;
    enum status status = examine(database, evidence, &what, error);
    if (status == STATUS_OK) {
        evidence->database = EVIDENCE_WHOLE;
        return STATUS_OK;
    }
    if (status == STATUS_CORRUPT || status == STATUS_NOT_FOUND) {
        evidence->database = EVIDENCE_DAMAGED;
        snprintf(evidence->damage, sizeof evidence->damage, "%s cannot be read (%s)", what,
                 status_name(status));
        return STATUS_OK;
    }
    return status == STATUS_UNSUPPORTED
               ? status
               : error_set(error, status, "cannot read %s from the database: %s", what, status_name(status));
}
