/*
 * How much memory and disk the database may take, from what the user asked for and how big the disk is. All
 * follows from the memtable's size, since a RocksDB with small memtables also flushes and compacts in small
 * pieces.
 */
#ifndef AVIARY_STORAGE_SIZING_H
#define AVIARY_STORAGE_SIZING_H

#include "aviary/storage.h"

enum {
    SIZING_MEMTABLES = 3, /* of one column family: one is written, two may wait for their flush */
    SIZING_LEVEL0_COMPACTION_FILES = 4,  /* level 0 files that start a compaction */
    SIZING_LEVEL0_SLOWDOWN_FILES = 12,   /* level 0 files that slow writes down */
    SIZING_LEVEL0_STOP_FILES = 24,       /* level 0 files that stop them */
    SIZING_LEVEL1_FILES = 4,             /* files' worth of level 1 */
    SIZING_WATERMARK_WRITE_BUFFERS = 24, /* see sizing_compute */
};

/* All in bytes. */
struct sizing {
    uint64_t write_buffer;
    uint64_t block_cache;
    uint64_t free_min;    /* below it clients' writes are refused */
    uint64_t free_resume; /* from there on they are taken again */
    uint64_t reserve;     /* below it nothing is written: what RocksDB itself may still need */
    uint64_t ballast;     /* set aside on the disk, given back when free space falls below the reserve */
    uint64_t open_min;    /* below it the database is not opened */
};

void sizing_compute(const struct storage_rocksdb_options *options, uint64_t disk_total_bytes,
                    struct sizing *ret_sizing);

#endif
