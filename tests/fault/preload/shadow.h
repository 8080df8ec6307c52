/*
 * What a power cut would leave of the data directory: a copy, elsewhere, of all that a successful fsync or
 * fdatasync confirmed, and of nothing else. kill -9 keeps the page cache, so unsynced.py rebuilds the
 * directory from this copy after it.
 *
 * One file for each file and directory, named after its inode and the time it was made (inodes are used
 * again): of a file       its bytes up to where it ended when the sync began; a file of up to
 * SHADOW_REWRITTEN_MAX bytes is copied anew at each sync, of a longer one only what was appended since the
 * last one. That is enough for RocksDB's files, which only grow, and for identity and witness, which are
 * small; of a directory  a line for each entry, `<name of its shadow> <f or d> <entry's name>`. So names are
 * confirmed by a sync of their directory alone, as POSIX has it, though ext4, xfs and btrfs do more.
 */
#ifndef AVIARY_TESTS_FAULT_PRELOAD_SHADOW_H
#define AVIARY_TESTS_FAULT_PRELOAD_SHADOW_H

#include <sys/types.h>

enum { SHADOW_REWRITTEN_MAX = 64 * 1024 };

/* Whether the descriptor is of the data directory (FAULT_ROOT). */
int shadow_covers(int fd);

/* The descriptor was synced; `size` is what the file had when that began. Nothing without FAULT_SHADOW. Any
 * thread. */
void shadow_confirm(int fd, off_t size);

/*
 * A sync failed. Linux then takes the pages for clean: a later sync succeeds and does not write them. So in a
 * file that grows, zeros stand for ever where they were not written.
 */
void shadow_spoil(int fd, off_t size);

#endif
