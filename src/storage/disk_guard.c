#include "disk_guard.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    BALLAST_MODE = 0640,
    BLOCK_SIZE = 512,     /* of st_blocks */
    WRITE_COPIES_MAX = 3, /* of a batch on the disk: log, memtable's flush, its first compaction */
};

static const char ballast_name[] = "ballast";

enum status disk_usage_read(int directory, struct disk_usage *ret_usage, struct error *error) {
    struct statvfs stat;
    if (fstatvfs(directory, &stat) != 0) {
        return files_error(error, errno, "ask for free space of", "the data directory");
    }
    /* A file system that counts no inodes has f_files 0. */
    bool inodes = stat.f_files == 0 || stat.f_favail >= STORAGE_INODES_MIN;
    ret_usage->free_bytes = inodes ? (uint64_t)stat.f_bavail * stat.f_frsize : 0;
    ret_usage->total_bytes = (uint64_t)stat.f_blocks * stat.f_frsize;
    return STATUS_OK;
}

/* Free bytes now. What cannot be measured counts as full. */
static uint64_t measure(struct disk_guard *guard) {
    struct disk_usage usage;
    struct error error;
    if (disk_usage_read(guard->directory, &usage, &error) != STATUS_OK) {
        if (atomic_exchange(&guard->free_bytes, 0) != 0) {
            log_error("storage", "cannot measure free disk space", "%s", error.message);
        }
        return 0;
    }
    atomic_store_explicit(&guard->free_bytes, usage.free_bytes, memory_order_relaxed);
    atomic_store_explicit(&guard->total_bytes, usage.total_bytes, memory_order_relaxed);
    return usage.free_bytes;
}

static void set_low(struct disk_guard *guard, uint64_t free_bytes) {
    if (!atomic_exchange(&guard->low, true)) {
        log_warn("storage", "disk nearly full, refusing clients' writes",
                 "free_bytes=%" PRIu64 " free_bytes_min=%" PRIu64 " ballast=%s", free_bytes,
                 guard->sizing.free_min, guard->ballast ? "kept" : "given back");
    }
}

static void clear_low(struct disk_guard *guard, uint64_t free_bytes) {
    if (atomic_exchange(&guard->low, false)) {
        log_info("storage", "disk has space again, taking clients' writes", "free_bytes=%" PRIu64,
                 free_bytes);
    }
}

static bool ballast_is_whole(const struct disk_guard *guard) {
    struct stat stat;
    return fstatat(guard->directory, ballast_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)stat.st_size == guard->sizing.ballast &&
           (uint64_t)stat.st_blocks * BLOCK_SIZE >= guard->sizing.ballast;
}

static void ballast_remove(struct disk_guard *guard) {
    if (unlinkat(guard->directory, ballast_name, 0) != 0 && errno != ENOENT) {
        log_error("storage", "cannot give the ballast back", "%s", strerrordesc_np(errno));
        return;
    }
    guard->ballast = false;
}

static void ballast_release(struct disk_guard *guard, uint64_t free_bytes) {
    log_warn("storage", "disk almost full, giving the ballast back",
             "free_bytes=%" PRIu64 " ballast_bytes=%" PRIu64, free_bytes, guard->sizing.ballast);
    ballast_remove(guard);
}

static void ballast_make(struct disk_guard *guard) {
    _cleanup_close_ int fd =
        openat(guard->directory, ballast_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, BALLAST_MODE);
    int failed = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)guard->sizing.ballast);
    guard->ballast = failed == 0;
    if (failed != 0) {
        log_warn("storage", "cannot make the ballast", "%s", strerrordesc_np(failed));
        ballast_remove(guard);
    }
}

void disk_guard_init(struct disk_guard *guard, int directory, const struct sizing *sizing) {
    guard->directory = directory;
    guard->sizing = *sizing;
    atomic_init(&guard->free_bytes, 0);
    atomic_init(&guard->total_bytes, 0);
    atomic_init(&guard->low, false);
    atomic_init(&guard->ballast, ballast_is_whole(guard));
    if (!guard->ballast) {
        ballast_remove(guard); /* of another size, or half made */
    }
}

enum status disk_guard_admit_open(struct disk_guard *guard, uint64_t wal_bytes, struct error *error) {
    uint64_t needed = wal_bytes + guard->sizing.write_buffer;
    if (needed < guard->sizing.open_min) {
        needed = guard->sizing.open_min;
    }
    uint64_t free_bytes = measure(guard);
    if (free_bytes < needed && guard->ballast) {
        ballast_release(guard, free_bytes);
        free_bytes = measure(guard);
    }
    if (free_bytes >= needed) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_NO_SPACE,
                     "the disk of the data directory has %" PRIu64 " bytes free, and %" PRIu64
                     " are needed to open the database safely; free some space, or lower the watermark",
                     free_bytes, needed);
}

void disk_guard_poll(struct disk_guard *guard) {
    const struct sizing *sizing = &guard->sizing;
    uint64_t free_bytes = measure(guard);
    if (free_bytes < sizing->reserve && guard->ballast) {
        ballast_release(guard, free_bytes);
        free_bytes = measure(guard);
    }
    bool low = disk_guard_low(guard);
    uint64_t wanted = low ? sizing->free_resume : sizing->free_min;
    if (!guard->ballast && free_bytes >= wanted + sizing->ballast) {
        ballast_make(guard);
        free_bytes = measure(guard);
    }
    if (!guard->ballast || free_bytes < sizing->free_min) {
        set_low(guard, free_bytes);
    } else if (free_bytes >= wanted) {
        clear_low(guard, free_bytes);
    }
}

bool disk_guard_admit_write(struct disk_guard *guard, size_t bytes) {
    uint64_t free_bytes = measure(guard);
    if (free_bytes < guard->sizing.free_min) {
        set_low(guard, free_bytes);
    }
    return free_bytes >= guard->sizing.reserve + (uint64_t)bytes * WRITE_COPIES_MAX;
}

bool disk_guard_low(const struct disk_guard *guard) {
    return atomic_load_explicit(&guard->low, memory_order_relaxed);
}
