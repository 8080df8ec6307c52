/*
 * Small files of a data directory: read whole, replaced whole, made durable; and errno in words, once.
 */
#ifndef AVIARY_STORAGE_FILES_H
#define AVIARY_STORAGE_FILES_H

#include "aviary/base.h"

/* IO, or NO_SPACE, NO_MEMORY or NOT_FOUND where errno says so: "cannot <doing> <path>: <why>". */
enum status files_error(struct error *error, int number, const char *doing, const char *path);

/* Makes `path` (its parent must be there) durably and opens it. The caller closes `ret_fd`. */
enum status files_open_directory(const char *path, int *ret_fd, struct error *error) AVIARY_MUST_USE;
enum status files_sync_directory(int directory, struct error *error) AVIARY_MUST_USE;
/* NOT_FOUND where there is none; a longer file is cut at `size`. */
enum status files_read(int directory, const char *name, uint8_t *bytes, size_t size, size_t *ret_size,
                       struct error *error) AVIARY_MUST_USE;
/* After a crash the file has either its old bytes or all of the new ones. */
enum status files_replace(int directory, const char *name, struct slice bytes,
                          struct error *error) AVIARY_MUST_USE;
/* IO where not all `bytes` could be written at `offset`. */
enum status files_write_at(int fd, struct slice bytes, uint64_t offset, const char *name,
                           struct error *error) AVIARY_MUST_USE;
bool files_exist(int directory, const char *name);
/* Durably; OK where it is not there. */
enum status files_remove(int directory, const char *name, struct error *error) AVIARY_MUST_USE;
/* A folder and all in it; OK where it is not there. `path` is taken from the working directory. */
enum status files_remove_tree(const char *path, struct error *error) AVIARY_MUST_USE;

#endif
