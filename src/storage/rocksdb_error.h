/*
 * RocksDB's errors, translated once. The C API tells them as text that begins with the kind.
 */
#ifndef AVIARY_STORAGE_ROCKSDB_ERROR_H
#define AVIARY_STORAGE_ROCKSDB_ERROR_H

#include "aviary/base.h"

/*
 * Frees `text`, what a call left in its errptr; OK where it is NULL. FULL: a write was refused because of a
 * stall, nothing was written (no_slowdown). CORRUPT, IO, UNSUPPORTED, INVALID, NOT_FOUND (a file or column
 * family is missing, or the database), CONFLICT (RocksDB's own lock).
 */
enum status rocksdb_error_translate(char *text, const char *doing, struct error *error) AVIARY_MUST_USE;
/* The status of `text` alone. */
enum status rocksdb_error_status(const char *text);

#endif
