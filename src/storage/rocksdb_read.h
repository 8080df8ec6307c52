/*
 * The port's reads of the log, on RocksDB. As in storage_operations; any thread.
 */
#ifndef AVIARY_STORAGE_ROCKSDB_READ_H
#define AVIARY_STORAGE_ROCKSDB_READ_H

#include "rocksdb_database.h"

enum status database_read_entry(const struct database *database, uint64_t group, uint64_t index,
                                struct blob **ret_blob) AVIARY_MUST_USE;
enum status database_read_header(const struct database *database, uint64_t group, uint64_t index,
                                 struct entry_header *ret_header) AVIARY_MUST_USE;
enum status database_read_entries(const struct database *database, uint64_t group, uint64_t first,
                                  uint64_t last, size_t bytes_max,
                                  struct storage_entries *ret_entries) AVIARY_MUST_USE;
enum status database_verify_entries(const struct database *database, uint64_t group, uint64_t first,
                                    uint64_t last, size_t bytes_max,
                                    struct storage_verified *ret_verified) AVIARY_MUST_USE;
enum status database_log_bounds(const struct database *database, uint64_t group, uint64_t *ret_first,
                                uint64_t *ret_last) AVIARY_MUST_USE;

#endif
