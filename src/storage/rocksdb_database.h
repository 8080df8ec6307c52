/*
 * One open RocksDB database with our column families, what it says of itself, and how its batches are built.
 */
#ifndef AVIARY_STORAGE_ROCKSDB_DATABASE_H
#define AVIARY_STORAGE_ROCKSDB_DATABASE_H

#include "batch.h"
#include "rocksdb_keys.h"
#include "rocksdb_options.h"
#include "trust.h"

struct database {
    rocksdb_t *db; /* NULL: closed */
    rocksdb_column_family_handle_t *families[FAMILIES];
    rocksdb_readoptions_t *read;
};

/* Makes a database at `path`, which must not be there, that holds `disk_uuid` and one commit; closes it. */
enum status database_create(const char *path, const struct sizing *sizing, const struct uuid *disk_uuid,
                            struct error *error) AVIARY_MUST_USE;
/* CORRUPT and NOT_FOUND (files missing, or not a database of ours) are damage; IO, CONFLICT, UNSUPPORTED,
 * INVALID are not. */
enum status database_open(struct database *database, const char *path, const struct sizing *sizing,
                          struct error *error) AVIARY_MUST_USE;
/* Takes a zeroed or closed one. No iterator may live. */
void database_close(struct database *database);

/*
 * Fills the database's part of `evidence`, after reading the hard state and the configurations of every
 * group. What is damaged makes it EVIDENCE_DAMAGED. UNSUPPORTED: written by a newer format; IO, NO_MEMORY.
 */
enum status database_examine(const struct database *database, struct trust_evidence *evidence,
                             struct error *error) AVIARY_MUST_USE;

/* Writes the count that says that no commit is missing, whether or not some are. */
enum status database_settle_count(const struct database *database, uint64_t count,
                                  struct error *error) AVIARY_MUST_USE;

/* The bytes of a state, checked. NOT_FOUND, CORRUPT, IO, NO_MEMORY. `kind` may be of enum broker_state. */
enum status database_read_state(const struct database *database, uint64_t group, unsigned kind,
                                struct blob **ret_blob) AVIARY_MUST_USE;
/* As in storage_operations. */
enum status database_list_groups(const struct database *database, uint64_t **ret_groups,
                                 size_t *ret_count) AVIARY_MUST_USE;

/* Adds the operations of `batch`, in order. */
void database_put_batch(const struct database *database, rocksdb_writebatch_t *out,
                        const struct storage_batch *batch);
/* Adds what makes it commit `number`; once in each write. */
void database_put_commit(const struct database *database, rocksdb_writebatch_t *out, uint64_t number);

#endif
