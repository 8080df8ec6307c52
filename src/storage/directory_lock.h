/*
 * One process a data directory: flock(2) on a file of our own, taken before RocksDB is asked for anything.
 */
#ifndef AVIARY_STORAGE_DIRECTORY_LOCK_H
#define AVIARY_STORAGE_DIRECTORY_LOCK_H

#include "aviary/base.h"

/*
 * CONFLICT where another process (or another storage of this one) has it; IO. The caller closes `ret_fd` to
 * unlock; the end of the process does, too.
 */
enum status directory_lock(int directory, const char *path, int *ret_fd, struct error *error) AVIARY_MUST_USE;

#endif
