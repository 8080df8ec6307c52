/*
 * storage: where logs and states of all groups of a broker live. A port, and two implementations: RocksDB for
 * the broker, memory for the simulator.
 *
 * Two key spaces per group: the log (index -> entry bytes, raft/entry.h) and a few named states (kind ->
 * bytes). Writes are asynchronous and ordered: batches become durable in the order they were submitted, each
 * of them whole or not at all, many of them with one fsync (group commit). A read sees every batch whose
 * completion was called; one that is still under way may be seen or not.
 *
 * A write that fails with anything (IO and CORRUPT of the disk, but also NO_MEMORY and TOO_LARGE of a batch
 * that could not be put together: its place in the log would stay empty) makes the storage unusable: that
 * batch and all after it complete with that status, none is retried, and the process must end and recover
 * (fsync is never retried).
 *
 * A disk that others fill below what RocksDB itself needs makes writes wait, not fail: their completions come
 * when there is space again. Reads go on meanwhile.
 *
 * Threads: submit from one thread at a time; completions are called on the storage's own writer thread, which
 * writes nothing meanwhile: they may submit, and must not wait for the storage. Reads from any thread.
 */
#ifndef AVIARY_STORAGE_H
#define AVIARY_STORAGE_H

#include "aviary/raft/entry.h"
#include "aviary/raft/types.h"

enum storage_state {
    STORAGE_STATE_HARD = 1, /* term, vote, log start: replica/format.h */
    STORAGE_STATE_CONFIGURATIONS = 2,
    STORAGE_STATE_SNAPSHOT = 3, /* header and blob of the state machine */
    STORAGE_STATE_META = 4,     /* what the broker keeps for itself (group STORAGE_GROUP_BROKER) */
};

/* Not a Raft group: the broker's own states. */
#define STORAGE_GROUP_BROKER UINT64_MAX

struct storage_batch; /* a write being put together; see below */

/* Called once per submitted batch, in order. */
typedef void (*storage_done)(void *context, uint64_t token, enum status status);

/* An array of entries read; finish releases the blobs and the array. */
struct storage_entries {
    struct raft_entry *entries;
    size_t count;
};
void storage_entries_finish(struct storage_entries *entries);

/* How far storage_operations.verify_entries came. */
struct storage_verified {
    uint64_t next; /* the index behind the last one looked at */
    size_t bytes;  /* of these entries */
};

struct storage;

struct storage_operations {
    /* Takes the batch over, also on failure. `done` comes later, also for NO_MEMORY; never from within. */
    void (*submit)(struct storage *storage, struct storage_batch *batch);
    /* One entry, checked (entry_check). NOT_FOUND, CORRUPT, IO, NO_MEMORY. */
    enum status (*read_entry)(struct storage *storage, uint64_t group, uint64_t index,
                              struct blob **ret_blob);
    /* The header only, without copying nor checking the payload. CORRUPT where it is another entry's. */
    enum status (*read_header)(struct storage *storage, uint64_t group, uint64_t index,
                               struct entry_header *ret);
    /* Entries from `first` up to `last` or the log's end, dense and checked, as many as fit into `bytes_max`
     * (but at least one). NOT_FOUND where `first` is not there; CORRUPT on a gap. */
    enum status (*read_entries)(struct storage *storage, uint64_t group, uint64_t first, uint64_t last,
                                size_t bytes_max, struct storage_entries *ret);
    /* Looks at the same entries as read_entries, with the same outcome, but gives none out and keeps none in
     * a cache: for reading all there is without harm to others. */
    enum status (*verify_entries)(struct storage *storage, uint64_t group, uint64_t first, uint64_t last,
                                  size_t bytes_max, struct storage_verified *ret);
    enum status (*read_state)(struct storage *storage, uint64_t group, enum storage_state kind,
                              struct blob **ret_blob);
    /* First and last index of the group's log; NOT_FOUND where it is empty. */
    enum status (*log_bounds)(struct storage *storage, uint64_t group, uint64_t *ret_first,
                              uint64_t *ret_last);
    /* Ids of all groups that have any state, ascending, malloc'ed: the caller frees. Without
     * STORAGE_GROUP_BROKER. */
    enum status (*list_groups)(struct storage *storage, uint64_t **ret_groups, size_t *ret_count);
    /* OK; NO_SPACE below the watermark; FULL while the disk cannot keep up (later it can); IO after a failed
     * write. Cheap (a few atomics): ask before every client write. */
    enum status (*writable)(struct storage *storage);
    /* RocksDB: writes all that was submitted, calls its completions, and closes. Not while a read is under
     * way. Memory: drops what is pending. */
    void (*destroy)(struct storage *storage);
};

/* The implementation's object begins with this. */
struct storage {
    const struct storage_operations *operations;
};

/*
 * Building a batch. Failure of an allocation is remembered and reported by done (STATUS_NO_MEMORY, nothing
 * written). `token` is handed to `done`, with `context`.
 */
struct storage_batch *storage_batch_create(storage_done done, void *context,
                                           uint64_t token); /* NULL: no memory */
/* Only for a batch that is not submitted. Takes NULL. */
void storage_batch_destroy(struct storage_batch *batch);
/* Keeps a reference of its own to `blob` (sealed, raft/entry.h). */
void storage_batch_put_entry(struct storage_batch *batch, uint64_t group, uint64_t index, struct blob *blob);
/* Removes entries from `first` to `last`, both included; operations take effect in the order they were added.
 */
void storage_batch_remove_entries(struct storage_batch *batch, uint64_t group, uint64_t first, uint64_t last);
/* Copies `bytes`. */
void storage_batch_put_state(struct storage_batch *batch, uint64_t group, enum storage_state kind,
                             struct slice bytes);
/* Removes the log and all states of a group. */
void storage_batch_remove_group(struct storage_batch *batch, uint64_t group);

static inline void storage_submit(struct storage *storage, struct storage_batch *batch) {
    storage->operations->submit(storage, batch);
}

/* ---- RocksDB ---- */

/* What to do with a database that cannot be trusted. */
enum storage_distrust {
    STORAGE_DISTRUST_REPLACE, /* it is set aside, and a new disk takes its place: others have what was here */
    STORAGE_DISTRUST_REFUSE,  /* it stays as it is: CORRUPT, with the reason */
    STORAGE_DISTRUST_SALVAGE, /* unsafe recovery: opened where it can be read at all, and distrusted by every
                                 later open until storage_rocksdb_vouch; CORRUPT where it cannot */
};

struct storage_rocksdb_options {
    const char *directory;   /* made if it is not there */
    uint64_t free_bytes_min; /* watermark: below it writable() says NO_SPACE; 0: the default, which covers
                                memtables and one compaction, and never takes over half of a disk */
    uint64_t
        write_buffer_bytes;     /* memtable; 0: 64 MiB, less on a disk under 16 GiB or with a low watermark */
    uint64_t block_cache_bytes; /* 0: 64 MiB */
    enum storage_distrust distrust;
};

/* How the data directory was found. */
enum storage_origin {
    STORAGE_ORIGIN_NEW,       /* an empty directory */
    STORAGE_ORIGIN_RECOVERED, /* as it was left */
    STORAGE_ORIGIN_REPLACED,  /* what was there cannot be trusted (lost database, lost tail, unreadable): set
                                 aside, new uuid */
    STORAGE_ORIGIN_SALVAGED,  /* what was there cannot be trusted, and is open all the same */
};

struct storage_rocksdb_info {
    struct uuid disk_uuid;
    enum storage_origin origin;
    bool had_another; /* db.lost-* is there: this disk took the place of one that could not be trusted */
    char reason[ERROR_MESSAGE_MAX]; /* of REPLACED and SALVAGED */
};

/*
 * Opens or makes the database. CONFLICT: another process has the directory; NO_SPACE: too little free disk to
 * open safely; CORRUPT, IO, UNSUPPORTED (written by a newer format): `error` says what to do.
 */
enum status storage_rocksdb_open(const struct storage_rocksdb_options *options, struct storage **ret_storage,
                                 struct storage_rocksdb_info *ret_info, struct error *error) AVIARY_MUST_USE;

/* A salvaged database is this disk's from now on, as it is: who calls this has settled what its votes and
 * acknowledgements are worth. */
enum status storage_rocksdb_vouch(struct storage *storage, const struct uuid *disk_uuid,
                                  struct error *error) AVIARY_MUST_USE;

/* This disk's data is not to be trusted any more: every later open replaces it. Any thread. */
enum status storage_rocksdb_distrust(struct storage *storage, struct error *error) AVIARY_MUST_USE;

struct storage_rocksdb_metrics {
    uint64_t free_bytes;
    uint64_t total_bytes;
    uint64_t syncs_total;
    uint64_t batches_total;
    uint64_t bytes_written_total;
    uint64_t sync_seconds_buckets[16]; /* counts; upper bounds: storage_sync_bounds_us */
    uint64_t sync_us_total;
};
extern const uint32_t storage_sync_bounds_us[16];
void storage_rocksdb_metrics(const struct storage *storage, struct storage_rocksdb_metrics *ret);

/* ---- Memory, for the simulator: deterministic, no thread; faults are the caller's choice ---- */

struct storage *storage_memory_create(void); /* NULL: no memory */
/* Batches submitted and not yet durable. */
size_t storage_memory_pending(const struct storage *storage);
/* Makes the oldest `count` pending batches durable and calls their completions, in order. */
void storage_memory_sync(struct storage *storage, size_t count);
/*
 * Power loss: of the pending batches a prefix of `keep` survives (a WAL is one file), the others are gone;
 * completions are never called. Afterwards reads see the surviving state.
 */
void storage_memory_crash(struct storage *storage, size_t keep);
/* Everything gone, as a wiped disk. */
void storage_memory_wipe(struct storage *storage);
/* What writable() says from now on. */
void storage_memory_set_writable(struct storage *storage, enum status status);
/*
 * Whether reads see batches that are still pending (at first they do). RocksDB shows a batch only about when
 * its completion is called, so a caller must stand both.
 */
void storage_memory_set_pending_visible(struct storage *storage, bool visible);

#endif
