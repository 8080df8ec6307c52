#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    FIXTURE_WRITE_BUFFER = 512 * 1024,
    FIXTURE_FREE_MIN = 4 * 1024 * 1024,
    FIXTURE_MEMORY_MIN = 256 * 1024 * 1024,
};

struct blob *fixture_entry(uint64_t group, uint64_t index, size_t size) {
    struct blob *blob = blob_create(ENTRY_HEADER_SIZE + size);
    assert_non_null(blob);
    memset(blob->data, 0, ENTRY_HEADER_SIZE);
    struct prng prng;
    prng_init(&prng, group * 1000003 + index);
    for (size_t i = 0; i < size; i++) {
        blob->data[ENTRY_HEADER_SIZE + i] = (uint8_t)prng_next(&prng);
    }
    struct entry_header header = {
        .type = RAFT_ENTRY_RECORDS,
        .group = group,
        .index = index,
        .term = 1,
        .base_offset = (int64_t)index * 10,
        .count = 10,
        .append_time_ms = 1000,
    };
    entry_seal(blob, &header);
    return blob;
}

bool fixture_entry_is(const struct blob *blob, uint64_t group, uint64_t index, size_t size) {
    struct blob *expected = fixture_entry(group, index, size);
    bool equal = slice_equal(blob_slice(blob), blob_slice(expected));
    blob_release(expected);
    return equal;
}

void fixture_put(struct storage_batch *batch, uint64_t group, uint64_t first, uint64_t last, size_t size) {
    for (uint64_t index = first; index <= last; index++) {
        struct blob *blob = fixture_entry(group, index, size);
        storage_batch_put_entry(batch, group, index, blob);
        blob_release(blob);
    }
}

struct fixture_completions *fixture_completions_create(void) {
    struct fixture_completions *completions = calloc(1, sizeof *completions);
    assert_non_null(completions);
    mutex_init(&completions->mutex);
    condition_init(&completions->changed);
    return completions;
}

void fixture_completions_destroy(struct fixture_completions *completions) {
    condition_finish(&completions->changed);
    mutex_finish(&completions->mutex);
    free(completions);
}

void fixture_done(void *context, uint64_t token, enum status status) {
    struct fixture_completions *completions = context;
    mutex_lock(&completions->mutex);
    ASSERT(completions->count < FIXTURE_TOKENS_MAX);
    completions->tokens[completions->count] = token;
    completions->statuses[completions->count] = status;
    completions->count++;
    condition_broadcast(&completions->changed);
    mutex_unlock(&completions->mutex);
}

bool fixture_wait_for_ms(struct fixture_completions *completions, size_t count, uint64_t wait_ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + wait_ms;
    mutex_lock(&completions->mutex);
    bool in_time = true;
    while (completions->count < count && in_time) {
        in_time = condition_wait_until(&completions->changed, &completions->mutex, deadline_ms);
    }
    bool reached = completions->count >= count;
    mutex_unlock(&completions->mutex);
    return reached;
}

void fixture_wait(struct fixture_completions *completions, size_t count) {
    assert_true(fixture_wait_for_ms(completions, count, FIXTURE_WAIT_MS));
}

struct storage_batch *fixture_batch(struct fixture_completions *completions) {
    mutex_lock(&completions->mutex);
    uint64_t token = completions->count;
    mutex_unlock(&completions->mutex);
    struct storage_batch *batch = storage_batch_create(fixture_done, completions, token);
    assert_non_null(batch);
    return batch;
}

static bool is_memory(const struct storage *storage) {
    static const struct storage_operations *operations;
    if (!operations) {
        struct storage *memory = storage_memory_create();
        assert_non_null(memory);
        operations = memory->operations;
        operations->destroy(memory);
    }
    return storage->operations == operations;
}

enum status fixture_commit(struct storage *storage, struct fixture_completions *completions,
                           struct storage_batch *batch) {
    mutex_lock(&completions->mutex);
    size_t expected = completions->count + 1;
    mutex_unlock(&completions->mutex);
    storage_submit(storage, batch);
    if (is_memory(storage)) {
        storage_memory_sync(storage, SIZE_MAX);
    }
    fixture_wait(completions, expected);
    mutex_lock(&completions->mutex);
    enum status status = completions->statuses[expected - 1];
    mutex_unlock(&completions->mutex);
    return status;
}

/* Memory where there is plenty: these tests sync thousands of times, and pull no plugs. */
static const char *fastest_folder(void) {
    struct statvfs stat;
    bool shared_memory = statvfs("/dev/shm", &stat) == 0 && access("/dev/shm", W_OK) == 0 &&
                         (uint64_t)stat.f_bavail * stat.f_frsize >= FIXTURE_MEMORY_MIN;
    return shared_memory ? "/dev/shm" : "/tmp";
}

void fixture_directory_init(struct fixture_directory *directory) {
    snprintf(directory->root, sizeof directory->root, "%s/aviary-storage-XXXXXX", fastest_folder());
    assert_non_null(mkdtemp(directory->root));
    snprintf(directory->data, sizeof directory->data, "%.200s/data", directory->root);
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *place) {
    (void)stat;
    (void)flag;
    (void)place;
    return remove(path);
}

void fixture_directory_finish(struct fixture_directory *directory) {
    assert_int_equal(nftw(directory->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

enum status fixture_try_open(const struct fixture_directory *directory, struct storage **ret_storage,
                             struct storage_rocksdb_info *ret_info, struct error *error) {
    struct storage_rocksdb_options options = {
        .directory = directory->data,
        .free_bytes_min = FIXTURE_FREE_MIN,
        .write_buffer_bytes = FIXTURE_WRITE_BUFFER,
        .block_cache_bytes = FIXTURE_FREE_MIN,
    };
    return storage_rocksdb_open(&options, ret_storage, ret_info, error);
}

struct storage *fixture_open(const struct fixture_directory *directory,
                             struct storage_rocksdb_info *ret_info) {
    struct storage *storage = NULL;
    struct error error = {0};
    if (fixture_try_open(directory, &storage, ret_info, &error) != STATUS_OK) {
        fail_msg("cannot open: %s", error.message);
    }
    return storage;
}

void fixture_close(struct storage *storage) {
    storage->operations->destroy(storage);
}

static void copy_file(const char *from, const char *to) {
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    assert_true(source >= 0 && target >= 0);
    uint8_t bytes[65536];
    for (ssize_t got = read(source, bytes, sizeof bytes); got > 0; got = read(source, bytes, sizeof bytes)) {
        assert_int_equal(write(target, bytes, (size_t)got), got);
    }
    close(source);
    close(target);
}

static void copy_folder(const char *from, const char *to) {
    assert_int_equal(mkdir(to, 0750), 0);
    DIR *listing = opendir(from);
    assert_non_null(listing);
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char source[FIXTURE_PATH_MAX * 2];
        char target[FIXTURE_PATH_MAX * 2];
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        struct stat stat;
        assert_int_equal(lstat(source, &stat), 0);
        if (S_ISDIR(stat.st_mode)) {
            copy_folder(source, target);
        } else {
            copy_file(source, target);
        }
    }
    closedir(listing);
}

void fixture_copy(const struct fixture_directory *from, const struct fixture_directory *to) {
    copy_folder(from->data, to->data);
}

void fixture_path(const struct fixture_directory *directory, const char *name,
                  char ret_path[FIXTURE_PATH_MAX]) {
    int length = snprintf(ret_path, FIXTURE_PATH_MAX, "%s/%s", directory->data, name);
    assert_true(length > 0 && length < FIXTURE_PATH_MAX);
}

bool fixture_find(const struct fixture_directory *directory, const char *suffix,
                  char ret_path[FIXTURE_PATH_MAX]) {
    char folder[FIXTURE_PATH_MAX];
    fixture_path(directory, "db", folder);
    bool found = false;
    size_t largest = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        size_t length = strlen(entry->d_name);
        if (length < strlen(suffix) || strcmp(entry->d_name + length - strlen(suffix), suffix) != 0) {
            continue;
        }
        char path[FIXTURE_PATH_MAX * 2];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        size_t size = fixture_file_size(path);
        if (!found || size > largest) {
            snprintf(ret_path, FIXTURE_PATH_MAX, "%.*s", FIXTURE_PATH_MAX - 1, path);
            found = true;
            largest = size;
        }
    }
    closedir(listing);
    return found;
}

size_t fixture_file_size(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

void fixture_flip_bit(const char *path, size_t offset, unsigned bit) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    uint8_t byte = 0;
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte = (uint8_t)(byte ^ (1U << bit));
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

void fixture_truncate(const char *path, size_t size) {
    assert_int_equal(truncate(path, (off_t)size), 0);
}

size_t fixture_lost_databases(const struct fixture_directory *directory) {
    size_t count = 0;
    DIR *listing = opendir(directory->data);
    assert_non_null(listing);
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        count += strncmp(entry->d_name, "db.lost-", 8) == 0;
    }
    closedir(listing);
    return count;
}
