/*
 * Databases set aside as db.lost-<milliseconds since 1970>: kept for people, never read again.
 */
#ifndef AVIARY_STORAGE_LOST_DATABASES_H
#define AVIARY_STORAGE_LOST_DATABASES_H

#include "aviary/base.h"

/*
 * Renames folder `name` of the data directory `path` (open as `directory`), and removes the oldest of those
 * set aside until STORAGE_LOST_DATABASES_MAX are left.
 */
enum status lost_databases_add(int directory, const char *path, const char *name,
                               struct error *error) AVIARY_MUST_USE;
/* How many stand in the data directory. */
enum status lost_databases_count(const char *path, size_t *ret_count, struct error *error) AVIARY_MUST_USE;

#endif
