#include "verdict.h"

#include "storage/witness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    WRITE_BUFFER_BYTES = 512 * 1024,
    FREE_BYTES_MIN = 4 * 1024 * 1024,
    BLOCK_CACHE_BYTES = 1024 * 1024,
    READ_BYTES = 64 * 1024,
    WRITTEN_ON = 20, /* commits written to a directory that was found whole */
};

/* What a look at a storage found so far. */
struct look {
    struct storage *storage;
    const struct model *model;
    bool noticed;      /* a read said that something is damaged */
    bool entry_broken; /* ... and it was one of an entry that is committed */
    bool wrong;
    char text[ERROR_MESSAGE_MAX]; /* the first thing that is wrong, or was noticed */
};

const char *outcome_name(enum outcome outcome) {
    static const char *const names[OUTCOMES] = {
        [OUTCOME_WHOLE] = "whole",     [OUTCOME_REPLACED] = "replaced",     [OUTCOME_REFUSED] = "refused",
        [OUTCOME_NOTICED] = "noticed", [OUTCOME_LAST_50_MS] = "last 50 ms", [OUTCOME_WRONG] = "WRONG",
    };
    return names[outcome];
}

enum status verdict_open(const char *directory, struct storage **ret_storage,
                         struct storage_rocksdb_info *ret_info, struct error *error) {
    struct storage_rocksdb_options options = {
        .directory = directory,
        .free_bytes_min = FREE_BYTES_MIN,
        .write_buffer_bytes = WRITE_BUFFER_BYTES,
        .block_cache_bytes = BLOCK_CACHE_BYTES,
    };
    return storage_rocksdb_open(&options, ret_storage, ret_info, error);
}

struct completion {
    struct mutex mutex;
    struct condition came;
    bool done;
    enum status status;
};

static void complete(void *context, uint64_t token, enum status status) {
    struct completion *completion = context;
    (void)token;
    mutex_lock(&completion->mutex);
    completion->done = true;
    completion->status = status;
    condition_signal(&completion->came);
    mutex_unlock(&completion->mutex);
}

enum status verdict_write(struct storage *storage, struct model *model) {
    struct completion completion = {.done = false};
    mutex_init(&completion.mutex);
    condition_init(&completion.came);
    struct storage_batch *batch = storage_batch_create(complete, &completion, model->commits);
    ASSERT(batch);
    model_commit(model, batch);
    storage_submit(storage, batch);
    mutex_lock(&completion.mutex);
    while (!completion.done) {
        condition_wait(&completion.came, &completion.mutex);
    }
    mutex_unlock(&completion.mutex);
    condition_finish(&completion.came);
    mutex_finish(&completion.mutex);
    return completion.status;
}

static bool is_notice(enum status status) {
    return status == STATUS_CORRUPT || status == STATUS_IO;
}

static void note(struct look *look, bool wrong, const char *what, uint64_t group, uint64_t index,
                 enum status status) {
    if (wrong ? !look->wrong : !look->noticed && !look->wrong) {
        snprintf(look->text, sizeof look->text, "%s of group %lu, %lu: %s", what, (unsigned long)group,
                 (unsigned long)index, status == STATUS_OK ? "not what was written" : status_name(status));
    }
    look->wrong = look->wrong || wrong;
    look->noticed = look->noticed || !wrong;
}

/* `as_written`: the content is the model's, where the status is OK; or it is not there in both. */
static void judge(struct look *look, const char *what, uint64_t group, uint64_t index, enum status status,
                  bool as_written) {
    if (is_notice(status)) {
        note(look, false, what, group, index, status);
    } else if (!as_written) {
        note(look, true, what, group, index, status);
    }
}

static void look_at_state(struct look *look, uint64_t group, enum storage_state kind, uint32_t version) {
    struct blob *blob = NULL;
    enum status status = look->storage->operations->read_state(look->storage, group, kind, &blob);
    bool as_written = version == 0 ? status == STATUS_NOT_FOUND : status == STATUS_OK;
    if (status == STATUS_OK && version > 0) {
        struct blob *expected = model_state(look->model, group, kind, version);
        as_written = slice_equal(blob_slice(blob), blob_slice(expected));
        blob_release(expected);
    }
    judge(look, "state", group, kind, status, as_written);
    blob_release(blob);
}

static bool is_entry(const struct look *look, const struct model_group *group, uint64_t index,
                     const struct blob *blob) {
    struct blob *expected = model_entry(look->model, group, index);
    bool equal = slice_equal(blob_slice(blob), blob_slice(expected));
    blob_release(expected);
    return equal;
}

/* One by one, and beyond both ends: what was removed must not come back. */
static void look_at_entries(struct look *look, const struct model_group *group) {
    struct storage *storage = look->storage;
    for (uint64_t index = group->first - 1; index <= group->last + 1; index++) {
        bool expected = index >= group->first && index <= group->last;
        struct blob *blob = NULL;
        struct entry_header header = {.index = 0};
        enum status status = storage->operations->read_entry(storage, group->id, index, &blob);
        bool as_written =
            expected ? status == STATUS_OK && is_entry(look, group, index, blob) : status == STATUS_NOT_FOUND;
        judge(look, "entry", group->id, index, status, as_written);
        look->entry_broken = look->entry_broken || (expected && status != STATUS_OK);
        blob_release(blob);
        status = storage->operations->read_header(storage, group->id, index, &header);
        as_written = expected
                         ? status == STATUS_OK && header.index == index && header.term == group->terms[index]
                         : status == STATUS_NOT_FOUND;
        judge(look, "header", group->id, index, status, as_written);
    }
}

static void look_at_ranges(struct look *look, const struct model_group *group) {
    struct storage *storage = look->storage;
    for (uint64_t index = group->first; index <= group->last;) {
        struct storage_entries read = {0};
        enum status status =
            storage->operations->read_entries(storage, group->id, index, group->last, READ_BYTES, &read);
        judge(look, "range", group->id, index, status, status == STATUS_OK);
        if (status != STATUS_OK) {
            return;
        }
        for (size_t i = 0; i < read.count; i++, index++) {
            bool as_written =
                read.entries[i].index == index && is_entry(look, group, index, read.entries[i].blob);
            judge(look, "range's entry", group->id, index, STATUS_OK, as_written);
        }
        storage_entries_finish(&read);
    }
}

/* The scrub must find whatever a reader can run into. */
static void look_as_scrub(struct look *look, const struct model_group *group, bool broken) {
    struct storage *storage = look->storage;
    struct storage_verified verified = {.next = group->first};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && verified.next <= group->last) {
        status = storage->operations->verify_entries(storage, group->id, verified.next, group->last,
                                                     READ_BYTES, &verified);
    }
    judge(look, "scrub", group->id, verified.next, status, status == STATUS_OK);
    if (broken && status == STATUS_OK) {
        note(look, true, "damage that the scrub overlooks", group->id, 0, STATUS_CORRUPT);
    }
}

/*
 * RocksDB can pass over a damaged block without a word where a range tombstone is near. A replica's hard
 * state names both ends of its log (replica/recovery.c), so bounds that are not these are a word, too.
 */
static void look_at_bounds(struct look *look, const struct model_group *group) {
    uint64_t first = 0;
    uint64_t last = 0;
    enum status status = look->storage->operations->log_bounds(look->storage, group->id, &first, &last);
    bool as_written = group->first > group->last
                          ? status == STATUS_NOT_FOUND
                          : status == STATUS_OK && first == group->first && last == group->last;
    judge(look, "bounds", group->id, last, as_written ? status : STATUS_CORRUPT, as_written);
}

static void look_at_group_list(struct look *look) {
    uint64_t *groups = NULL;
    size_t count = 0;
    size_t at = 0;
    enum status status = look->storage->operations->list_groups(look->storage, &groups, &count);
    bool as_written = status == STATUS_OK;
    for (size_t i = 0; i < MODEL_GROUPS && as_written; i++) {
        const struct model_group *group = &look->model->groups[i];
        if (model_group_has_state(group)) {
            as_written = at < count && groups[at] == group->id;
            at++;
        }
    }
    judge(look, "list", 0, count, status, as_written && at == count);
    free(groups);
}

static struct look look_at(struct storage *storage, const struct model *model) {
    struct look look = {.storage = storage, .model = model};
    look_at_group_list(&look);
    look_at_state(&look, STORAGE_GROUP_BROKER, STORAGE_STATE_META, model->broker_version);
    for (size_t i = 0; i < MODEL_GROUPS; i++) {
        const struct model_group *group = &model->groups[i];
        look_at_state(&look, group->id, STORAGE_STATE_HARD, group->versions[STORAGE_STATE_HARD]);
        look_at_state(&look, group->id, STORAGE_STATE_CONFIGURATIONS,
                      group->versions[STORAGE_STATE_CONFIGURATIONS]);
        look_at_state(&look, group->id, STORAGE_STATE_SNAPSHOT, group->versions[STORAGE_STATE_SNAPSHOT]);
        look_at_bounds(&look, group);
        look.entry_broken = false;
        look_at_entries(&look, group);
        look_at_ranges(&look, group);
        look_as_scrub(&look, group, look.entry_broken);
    }
    return look;
}

/* The number of the last commit that a witness of the directory saw, before it is opened. */
static uint64_t witnessed_commit(const char *directory) {
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct witness_record record = {.commit = 0};
    struct error error;
    enum status status = witness_load(fd, &record, &error);
    close(fd);
    return status == STATUS_OK ? record.commit : UINT64_MAX;
}

/* Whether what is there is what was there some commits ago, none of which the witness saw. */
static bool is_unwitnessed_loss(struct storage *storage, const struct model *model, uint64_t witnessed) {
    enum { COMMITS_BEFORE_THE_MODEL = 1 };
    struct model *earlier = malloc(sizeof *earlier);
    ASSERT(earlier);
    bool found = false;
    for (uint64_t commits = model->commits; !found && commits > 0; commits--) {
        if (commits - 1 + COMMITS_BEFORE_THE_MODEL < witnessed) {
            break;
        }
        model_replay(earlier, model->seed, commits - 1);
        found = !look_at(storage, earlier).wrong;
    }
    free(earlier);
    return found;
}

static bool is_empty(struct storage *storage) {
    uint64_t *groups = NULL;
    size_t count = 0;
    enum status status = storage->operations->list_groups(storage, &groups, &count);
    free(groups);
    return status == STATUS_OK && count == 0;
}

static enum outcome outcome_of(struct storage *storage, const struct storage_rocksdb_info *info,
                               const struct look *look) {
    if (info->origin == STORAGE_ORIGIN_REPLACED) {
        return is_empty(storage) ? OUTCOME_REPLACED : OUTCOME_WRONG;
    }
    if (info->origin == STORAGE_ORIGIN_NEW || look->wrong) {
        return OUTCOME_WRONG;
    }
    return look->noticed ? OUTCOME_NOTICED : OUTCOME_WHOLE;
}

/* Opens it again after it was written on. */
static enum outcome look_again(const char *directory, const struct model *model, struct error *ret_text) {
    struct storage *storage = NULL;
    struct storage_rocksdb_info info;
    if (verdict_open(directory, &storage, &info, ret_text) != STATUS_OK) {
        return OUTCOME_REFUSED;
    }
    struct look look = {.text = ""};
    if (info.origin == STORAGE_ORIGIN_RECOVERED) {
        look = look_at(storage, model);
    }
    enum outcome outcome = outcome_of(storage, &info, &look);
    snprintf(ret_text->message, sizeof ret_text->message, "%.250s%.250s", info.reason, look.text);
    storage->operations->destroy(storage);
    return outcome;
}

/*
 * What looks whole must also go on: written to, closed, and opened again. What nobody could read any more may
 * be damaged all the same: a compaction, or an iterator on its way, notices it then.
 */
static void write_on(const char *directory, struct storage *storage, const struct model *model,
                     struct verdict *verdict) {
    struct model *longer = malloc(sizeof *longer);
    ASSERT(longer);
    *longer = *model;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < WRITTEN_ON && status == STATUS_OK; i++) {
        status = verdict_write(storage, longer);
    }
    storage->operations->destroy(storage);
    struct error text = {.message = ""};
    enum outcome later = status == STATUS_OK        ? look_again(directory, longer, &text)
                         : status == STATUS_CORRUPT ? OUTCOME_NOTICED
                                                    : OUTCOME_WRONG;
    if (later != OUTCOME_WHOLE) {
        verdict->outcome = later == OUTCOME_WRONG ? OUTCOME_WRONG : OUTCOME_NOTICED;
        snprintf(verdict->text, sizeof verdict->text, "looked whole; written on: %s; %s: %.400s",
                 status_name(status), outcome_name(later), text.message);
    }
    free(longer);
}

void verdict_find(const char *directory, const struct model *model, bool settled,
                  struct verdict *ret_verdict) {
    uint64_t witnessed = witnessed_commit(directory);
    struct storage *storage = NULL;
    struct storage_rocksdb_info info = {.origin = STORAGE_ORIGIN_NEW};
    struct error error = {.message = ""};
    struct verdict verdict = {.outcome = OUTCOME_REFUSED};
    if (verdict_open(directory, &storage, &info, &error) != STATUS_OK) {
        snprintf(verdict.text, sizeof verdict.text, "%.500s", error.message);
        verdict.outcome = error.message[0] ? OUTCOME_REFUSED : OUTCOME_WRONG;
        *ret_verdict = verdict;
        return;
    }
    struct look look = {.text = ""};
    if (info.origin == STORAGE_ORIGIN_RECOVERED) {
        look = look_at(storage, model);
    }
    verdict.outcome = outcome_of(storage, &info, &look);
    snprintf(verdict.text, sizeof verdict.text, "%.500s",
             info.origin == STORAGE_ORIGIN_RECOVERED ? look.text : info.reason);
    if (verdict.outcome == OUTCOME_WRONG && !settled && info.origin == STORAGE_ORIGIN_RECOVERED &&
        is_unwitnessed_loss(storage, model, witnessed)) {
        verdict.outcome = OUTCOME_LAST_50_MS;
    }
    if (verdict.outcome == OUTCOME_WHOLE) {
        write_on(directory, storage, model, &verdict);
    } else {
        storage->operations->destroy(storage);
    }
    *ret_verdict = verdict;
}
