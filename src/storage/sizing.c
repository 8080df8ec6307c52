#include "sizing.h"

#define MIB ((uint64_t)1024 * 1024)

static const uint64_t write_buffer_min = MIB / 2;
static const uint64_t write_buffer_max = 64 * MIB;
static const uint64_t block_cache_default = 64 * MIB;
/* A disk of 16 GiB has the full memtable. */
static const uint64_t write_buffers_in_disk = 256;

static uint64_t at_most(uint64_t value, uint64_t limit) {
    return value < limit ? value : limit;
}

static uint64_t at_least(uint64_t value, uint64_t limit) {
    return value > limit ? value : limit;
}

static uint64_t write_buffer_of(const struct storage_rocksdb_options *options, uint64_t disk_total_bytes) {
    if (options->write_buffer_bytes > 0) {
        return at_least(options->write_buffer_bytes, write_buffer_min);
    }
    uint64_t size = at_most(disk_total_bytes / write_buffers_in_disk, write_buffer_max);
    if (options->free_bytes_min > 0) {
        size = at_most(size, options->free_bytes_min / SIZING_WATERMARK_WRITE_BUFFERS);
    }
    return at_least(size, write_buffer_min);
}

/*
 * The watermark, in memtables of the log: 7/8 of 24 is 21, which covers what RocksDB may write after the last
 * batch it was given: the memtables of both column families (3 + 1.5) and one compaction of level 0, at its
 * fullest before writes slow down, into level 1 (12 + 4). The ballast is the eighth that is left.
 */
void sizing_compute(const struct storage_rocksdb_options *options, uint64_t disk_total_bytes,
                    struct sizing *ret_sizing) {
    struct sizing sizing = {0};
    sizing.write_buffer = write_buffer_of(options, disk_total_bytes);
    sizing.block_cache = options->block_cache_bytes > 0 ? options->block_cache_bytes : block_cache_default;
    sizing.free_min = options->free_bytes_min;
    if (sizing.free_min == 0) {
        sizing.free_min = at_most(SIZING_WATERMARK_WRITE_BUFFERS * sizing.write_buffer, disk_total_bytes / 2);
    }
    sizing.free_resume = sizing.free_min + sizing.free_min / 8;
    sizing.ballast = sizing.free_min / 8;
    sizing.reserve = sizing.free_min - sizing.ballast;
    sizing.open_min = sizing.free_min / 2;
    *ret_sizing = sizing;
}
