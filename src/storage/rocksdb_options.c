#include "rocksdb_options.h"

const char *const family_names[FAMILIES] = {
    [FAMILY_DEFAULT] = "default",
    [FAMILY_LOG] = "log",
    [FAMILY_STATE] = "state",
};

enum {
    RECOVERY_POINT_IN_TIME = 2,
    CHECKSUM_XXH3 = 4,
    LOG_LEVEL_RECORDED = 1, /* info */
    INFO_LOG_FILES_MAX = 4,
    INFO_LOG_BYTES_MAX = 2 * 1024 * 1024,
    MANIFEST_BYTES_MAX = 16 * 1024 * 1024,
    MANIFEST_PREALLOCATED_BYTES = 64 * 1024,
    OPEN_FILES_MAX = 512,
    BACKGROUND_JOBS = 2,
    BYTES_PER_SYNC = 1024 * 1024,
    BLOCK_BYTES = 16 * 1024,
    FIRST_COMPRESSED_LEVEL = 2,
};

static void set_durability(rocksdb_options_t *options) {
    /* Modes 0 and 1 refuse the log after an ordinary power cut; what mode 2 may drop in silence, the witness
     * and the count of commits tell (trust.h). */
    rocksdb_options_set_wal_recovery_mode(options, RECOVERY_POINT_IN_TIME);
    rocksdb_options_set_paranoid_checks(options, 1);
    /* The column families reach the disk together: so the count of commits in `state` vouches for `log`. */
    rocksdb_options_set_atomic_flush(options, 1);
}

static void set_latency(rocksdb_options_t *options) {
    /* There is one writer, and few cores: nothing to spin for, nothing to insert side by side. */
    rocksdb_options_set_enable_write_thread_adaptive_yield(options, 0);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    /* Flushes write out as they go: a commit's fsync must not wait for a whole table (ext4 syncs all). */
    rocksdb_options_set_bytes_per_sync(options, BYTES_PER_SYNC);
}

static void set_bounds(rocksdb_options_t *options) {
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    rocksdb_options_set_info_log_level(options, LOG_LEVEL_RECORDED);
    rocksdb_options_set_keep_log_file_num(options, INFO_LOG_FILES_MAX);
    rocksdb_options_set_max_log_file_size(options, INFO_LOG_BYTES_MAX);
    rocksdb_options_set_max_manifest_file_size(options, MANIFEST_BYTES_MAX);
    rocksdb_options_set_manifest_preallocation_size(options, MANIFEST_PREALLOCATED_BYTES);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
}

static void set_family(rocksdb_options_t *options, uint64_t write_buffer,
                       rocksdb_block_based_table_options_t *table) {
    rocksdb_options_set_write_buffer_size(options, write_buffer);
    rocksdb_options_set_max_write_buffer_number(options, SIZING_MEMTABLES);
    rocksdb_options_set_level0_file_num_compaction_trigger(options, SIZING_LEVEL0_COMPACTION_FILES);
    rocksdb_options_set_level0_slowdown_writes_trigger(options, SIZING_LEVEL0_SLOWDOWN_FILES);
    rocksdb_options_set_level0_stop_writes_trigger(options, SIZING_LEVEL0_STOP_FILES);
    rocksdb_options_set_target_file_size_base(options, write_buffer);
    rocksdb_options_set_max_bytes_for_level_base(options, write_buffer * SIZING_LEVEL1_FILES);
    rocksdb_options_set_max_compaction_bytes(options, write_buffer * SIZING_LEVEL0_SLOWDOWN_FILES);
    /* Clients' records are often compressed already, and flushes must be quick: only what has aged. */
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_min_level_to_compress(options, FIRST_COMPRESSED_LEVEL);
    rocksdb_options_set_block_based_table_factory(options, table);
}

void rocksdb_option_set_init(struct rocksdb_option_set *set, const struct sizing *sizing, bool create) {
    set->cache = rocksdb_cache_create_lru(sizing->block_cache);
    set->table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(set->table, set->cache);
    rocksdb_block_based_options_set_block_size(set->table, BLOCK_BYTES);
    /* This build's CRC-32C is a table; XXH3 is quick everywhere. */
    rocksdb_block_based_options_set_checksum(set->table, CHECKSUM_XXH3);
    /* Indexes count towards the cache: memory stays bounded however full the disk. */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(set->table, 1);
    for (size_t i = 0; i < FAMILIES; i++) {
        set->families[i] = rocksdb_options_create();
        uint64_t write_buffer = i == FAMILY_LOG ? sizing->write_buffer : sizing->write_buffer / 2;
        set_family(set->families[i], write_buffer, set->table);
    }
    rocksdb_options_set_uint64add_merge_operator(set->families[FAMILY_STATE]);
    rocksdb_options_t *database = set->families[FAMILY_DEFAULT];
    set_durability(database);
    set_latency(database);
    set_bounds(database);
    rocksdb_options_set_create_if_missing(database, create);
    rocksdb_options_set_error_if_exists(database, create);
    rocksdb_options_set_create_missing_column_families(database, create);
}

void rocksdb_option_set_finish(struct rocksdb_option_set *set) {
    for (size_t i = 0; i < FAMILIES; i++) {
        rocksdb_options_destroy(set->families[i]);
    }
    rocksdb_block_based_options_destroy(set->table);
    rocksdb_cache_destroy(set->cache);
}
