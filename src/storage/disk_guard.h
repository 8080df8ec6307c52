/*
 * Keeps RocksDB from ever meeting a full disk, which aborts the process (design: measured of this build).
 *
 * Free space, from much to none:
 *   free_min   below it clients' writes are refused (disk_guard_low), until free_resume is reached again
 *   reserve    below it the ballast is given back to the file system, and the writer writes nothing more:
 *              what is left is for the flushes and compactions of what RocksDB has already
 *   open_min   below it the database is not even opened
 * The ballast is a file of allocated, unused blocks; it is made again once there is room for it beyond
 * free_resume, and only then are clients' writes taken again.
 *
 * Threads: disk_guard_poll from one thread; the others from any.
 */
#ifndef AVIARY_STORAGE_DISK_GUARD_H
#define AVIARY_STORAGE_DISK_GUARD_H

#include "sizing.h"

#include <stdatomic.h>

struct disk_usage {
    uint64_t free_bytes; /* for a process without privileges; 0 where there are no inodes left */
    uint64_t total_bytes;
};

enum status disk_usage_read(int directory, struct disk_usage *ret_usage, struct error *error) AVIARY_MUST_USE;

struct disk_guard {
    int directory; /* the data directory; borrowed */
    struct sizing sizing;
    atomic_bool ballast; /* whole, on the disk; set by the polling thread */
    atomic_uint_least64_t free_bytes;
    atomic_uint_least64_t total_bytes;
    atomic_bool low;
};

void disk_guard_init(struct disk_guard *guard, int directory, const struct sizing *sizing);
/*
 * NO_SPACE where the database must not be opened: free space, with the ballast given back if need be, is
 * below open_min or below what replaying `wal_bytes` of write-ahead log takes.
 */
enum status disk_guard_admit_open(struct disk_guard *guard, uint64_t wal_bytes,
                                  struct error *error) AVIARY_MUST_USE;
/* Measures, gives the ballast back or makes it, and judges. */
void disk_guard_poll(struct disk_guard *guard);
/* False where a write of about `bytes` would take from the reserve. Measures: one system call. */
bool disk_guard_admit_write(struct disk_guard *guard, size_t bytes);
bool disk_guard_low(const struct disk_guard *guard);

#endif
