/*
 * How RocksDB is set up, and why: one place.
 */
#ifndef AVIARY_STORAGE_ROCKSDB_OPTIONS_H
#define AVIARY_STORAGE_ROCKSDB_OPTIONS_H

#include "sizing.h"

#include <rocksdb/c.h>

/* RocksDB insists on a column family "default"; it stays empty. */
enum { FAMILY_DEFAULT, FAMILY_LOG, FAMILY_STATE, FAMILIES };

extern const char *const family_names[FAMILIES];

struct rocksdb_option_set {
    rocksdb_options_t *families[FAMILIES]; /* FAMILY_DEFAULT's are the database's, too */
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
};

/* `create`: the database is made, and must not be there. */
void rocksdb_option_set_init(struct rocksdb_option_set *set, const struct sizing *sizing, bool create);
/* An open database goes on without them. */
void rocksdb_option_set_finish(struct rocksdb_option_set *set);

#endif
