/*
 * A data directory: whose it is, what it holds, whether that can be trusted, and its replacement where it
 * cannot.
 *
 *   lock           held by the process that uses the directory
 *   identity       which disk this is (identity.h)
 *   witness        how far the database is known to be durable (witness.h)
 *   ballast        space for emergencies (disk_guard.h)
 *   db/            the database
 *   db.new/        a database being made; worth nothing until it is renamed
 *   db.lost-<ms>/  databases set aside, never read again
 */
#ifndef AVIARY_STORAGE_ROCKSDB_DIRECTORY_H
#define AVIARY_STORAGE_ROCKSDB_DIRECTORY_H

#include "disk_guard.h"
#include "rocksdb_database.h"

struct data_directory {
    const char *path;
    int fd;
    struct sizing sizing;
    enum storage_distrust distrust;
};

/*
 * Opens the database in a locked directory, after replacing it where it cannot be trusted, or as `distrust`
 * says. `ret_witness` is up to date. Errors as of storage_rocksdb_open.
 */
enum status data_directory_open(const struct data_directory *directory, struct database *ret_database,
                                struct witness *ret_witness, struct storage_rocksdb_info *ret_info,
                                struct error *error) AVIARY_MUST_USE;

#endif
