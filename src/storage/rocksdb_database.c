#include "rocksdb_database.h"

#include "rocksdb_error.h"

#include <signal.h>

/* RocksDB's threads inherit the mask of the one that makes them: signals are the main thread's alone. */
static void block_signals(sigset_t *ret_before) {
    sigset_t all;
    ASSERT(sigfillset(&all) == 0);
    ASSERT(pthread_sigmask(SIG_SETMASK, &all, ret_before) == 0);
}

static void restore_signals(const sigset_t *before) {
    ASSERT(pthread_sigmask(SIG_SETMASK, before, NULL) == 0);
}

static enum status open_with(struct database *database, const char *path, const struct sizing *sizing,
                             bool create, struct error *error) {
    struct rocksdb_option_set set;
    rocksdb_option_set_init(&set, sizing, create);
    struct database opened = {0};
    char *failure = NULL;
    sigset_t before;
    block_signals(&before);
    opened.db = rocksdb_open_column_families(set.families[FAMILY_DEFAULT], path, FAMILIES, family_names,
                                             (const rocksdb_options_t *const *)set.families, opened.families,
                                             &failure);
    restore_signals(&before);
    rocksdb_option_set_finish(&set);
    enum status status =
        rocksdb_error_translate(failure, create ? "make the database" : "open the database", error);
    if (status != STATUS_OK) {
        return status;
    }
    opened.read = rocksdb_readoptions_create();
    *database = opened;
    return STATUS_OK;
}

enum status database_open(struct database *database, const char *path, const struct sizing *sizing,
                          struct error *error) {
    return open_with(database, path, sizing, false, error);
}

void database_close(struct database *database) {
    if (!database->db) {
        return;
    }
    rocksdb_readoptions_destroy(database->read);
    for (size_t i = 0; i < FAMILIES; i++) {
        rocksdb_column_family_handle_destroy(database->families[i]);
    }
    rocksdb_close(database->db);
    *database = (struct database){0};
}

static void put_state(const struct database *database, rocksdb_writebatch_t *out, uint64_t group,
                      unsigned kind, struct slice bytes) {
    struct state_key key = state_key_make(group, kind);
    uint8_t checksum[STATE_CHECKSUM_SIZE];
    bytes_put_u32le(checksum, state_checksum(&key, bytes));
    const char *keys[] = {(const char *)key.bytes};
    const size_t key_sizes[] = {STATE_KEY_SIZE};
    const char *values[] = {(const char *)checksum, (const char *)bytes.data};
    const size_t value_sizes[] = {sizeof checksum, bytes.size};
    rocksdb_writebatch_putv_cf(out, database->families[FAMILY_STATE], 1, keys, key_sizes,
                               bytes.size > 0 ? 2 : 1, values, value_sizes);
}

void database_put_commit(const struct database *database, rocksdb_writebatch_t *out, uint64_t number) {
    uint8_t bytes[sizeof number];
    bytes_put_u64le(bytes, number);
    put_state(database, out, STORAGE_GROUP_BROKER, BROKER_STATE_LAST_COMMIT, slice_make(bytes, sizeof bytes));
    struct state_key key = state_key_make(STORAGE_GROUP_BROKER, BROKER_STATE_COMMIT_COUNT);
    bytes_put_u64le(bytes, 1);
    rocksdb_writebatch_merge_cf(out, database->families[FAMILY_STATE], (const char *)key.bytes,
                                STATE_KEY_SIZE, (const char *)bytes, sizeof bytes);
}

static void put_birth(const struct database *database, rocksdb_writebatch_t *out,
                      const struct uuid *disk_uuid) {
    uint8_t format[sizeof(uint32_t)];
    bytes_put_u32le(format, STORAGE_FORMAT);
    put_state(database, out, STORAGE_GROUP_BROKER, BROKER_STATE_FORMAT, slice_make(format, sizeof format));
    put_state(database, out, STORAGE_GROUP_BROKER, BROKER_STATE_DISK_UUID,
              slice_make(disk_uuid->bytes, UUID_SIZE));
    database_put_commit(database, out, FIRST_COMMIT);
}

static enum status write_synced(const struct database *database, rocksdb_writebatch_t *batch,
                                const char *doing, struct error *error) {
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(options, 1);
    char *failure = NULL;
    rocksdb_write(database->db, options, batch, &failure);
    rocksdb_writeoptions_destroy(options);
    return rocksdb_error_translate(failure, doing, error);
}

enum status database_settle_count(const struct database *database, uint64_t count, struct error *error) {
    struct state_key key = state_key_make(STORAGE_GROUP_BROKER, BROKER_STATE_COMMIT_COUNT);
    uint8_t bytes[sizeof count];
    bytes_put_u64le(bytes, count);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(batch, database->families[FAMILY_STATE], (const char *)key.bytes,
                              STATE_KEY_SIZE, (const char *)bytes, sizeof bytes);
    enum status status = write_synced(database, batch, "write the count of commits", error);
    rocksdb_writebatch_destroy(batch);
    return status;
}

enum status database_create(const char *path, const struct sizing *sizing, const struct uuid *disk_uuid,
                            struct error *error) {
    struct database database;
    enum status status = open_with(&database, path, sizing, true, error);
    if (status != STATUS_OK) {
        return status;
    }
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    put_birth(&database, batch, disk_uuid);
    status = write_synced(&database, batch, "write the identity to the database", error);
    rocksdb_writebatch_destroy(batch);
    database_close(&database);
    return status;
}

static void put_removal(const struct database *database, rocksdb_writebatch_t *out, uint64_t group,
                        uint64_t first, uint64_t last) {
    rocksdb_column_family_handle_t *log = database->families[FAMILY_LOG];
    if (last - first >= STORAGE_POINT_DELETES_MAX) {
        /* Range tombstones slow every read of the table they are in: only where they replace many. */
        struct log_key start = log_key_make(group, first);
        struct log_key end = log_key_after(group, last);
        rocksdb_writebatch_delete_range_cf(out, log, (const char *)start.bytes, LOG_KEY_SIZE,
                                           (const char *)end.bytes, LOG_KEY_SIZE);
        return;
    }
    for (uint64_t i = 0; i <= last - first; i++) {
        struct log_key key = log_key_make(group, first + i);
        rocksdb_writebatch_delete_cf(out, log, (const char *)key.bytes, LOG_KEY_SIZE);
    }
}

static void put_group_removal(const struct database *database, rocksdb_writebatch_t *out, uint64_t group) {
    put_removal(database, out, group, 0, UINT64_MAX);
    for (unsigned kind = STORAGE_STATE_HARD; kind <= STORAGE_STATE_META; kind++) {
        struct state_key key = state_key_make(group, kind);
        rocksdb_writebatch_delete_cf(out, database->families[FAMILY_STATE], (const char *)key.bytes,
                                     STATE_KEY_SIZE);
    }
}

void database_put_batch(const struct database *database, rocksdb_writebatch_t *out,
                        const struct storage_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_operation *operation = &batch->operations[i];
        struct log_key key;
        switch (operation->type) {
        case BATCH_PUT_ENTRY:
            key = log_key_make(operation->group, operation->first);
            rocksdb_writebatch_put_cf(out, database->families[FAMILY_LOG], (const char *)key.bytes,
                                      LOG_KEY_SIZE, (const char *)operation->blob->data,
                                      operation->blob->size);
            break;
        case BATCH_REMOVE_ENTRIES:
            put_removal(database, out, operation->group, operation->first, operation->last);
            break;
        case BATCH_PUT_STATE:
            put_state(database, out, operation->group, operation->state, blob_slice(operation->blob));
            break;
        case BATCH_REMOVE_GROUP:
            put_group_removal(database, out, operation->group);
            break;
        }
    }
}
