/*
 * How much write-ahead log a closed database has to replay when it is opened.
 */
#ifndef AVIARY_STORAGE_WAL_SIZE_H
#define AVIARY_STORAGE_WAL_SIZE_H

#include "aviary/base.h"

/* Bytes of all files *.log in folder `name` of `directory`; 0 where there is no such folder. */
enum status wal_size(int directory, const char *name, uint64_t *ret_bytes,
                     struct error *error) AVIARY_MUST_USE;

#endif
