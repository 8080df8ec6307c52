#include "model.h"

static const uint64_t group_ids[MODEL_GROUPS] = {0, 1, 2, 7, 300, 70000};

enum {
    APPENDED_MAX = 6,
    TRUNCATED_MAX = 10,
    SMALL_BYTES_MAX = 2000,
    LARGE_BYTES_MAX = 24 * 1024,
    STATE_BYTES_MAX = 300,
    SNAPSHOT_BYTES_MAX = 40 * 1024,
};

void model_init(struct model *model, uint64_t seed) {
    *model = (struct model){.seed = seed};
    prng_init(&model->prng, seed);
    for (size_t i = 0; i < MODEL_GROUPS; i++) {
        model->groups[i].id = group_ids[i];
        model->groups[i].first = 1;
    }
}

/* Bytes that depend on all that is given, and do not compress. */
static void fill(const struct model *model, uint64_t a, uint64_t b, uint64_t c, struct prng *ret_prng) {
    prng_init(ret_prng, model->seed * 1000003 + a * 10007 + b * 101 + c);
}

struct blob *model_entry(const struct model *model, const struct model_group *group, uint64_t index) {
    struct prng prng;
    fill(model, group->id + 1, index, group->terms[index], &prng);
    bool large = prng_chance(&prng, 1, 20);
    size_t size = prng_below(&prng, large ? LARGE_BYTES_MAX : SMALL_BYTES_MAX);
    struct blob *blob = blob_create(ENTRY_HEADER_SIZE + size);
    ASSERT(blob);
    memset(blob->data, 0, ENTRY_HEADER_SIZE);
    for (size_t i = 0; i < size; i++) {
        blob->data[ENTRY_HEADER_SIZE + i] = (uint8_t)prng_next(&prng);
    }
    struct entry_header header = {
        .type = RAFT_ENTRY_RECORDS,
        .group = group->id,
        .index = index,
        .term = group->terms[index],
        .base_offset = (int64_t)index,
        .count = 1,
        .append_time_ms = (int64_t)index,
    };
    entry_seal(blob, &header);
    return blob;
}

struct blob *model_state(const struct model *model, uint64_t group, unsigned kind, uint32_t version) {
    struct prng prng;
    fill(model, group + 1, UINT64_C(1) << 40 | kind, version, &prng);
    bool snapshot = kind == STORAGE_STATE_SNAPSHOT;
    struct blob *blob = blob_create(prng_below(&prng, snapshot ? SNAPSHOT_BYTES_MAX : STATE_BYTES_MAX));
    ASSERT(blob);
    for (size_t i = 0; i < blob->size; i++) {
        blob->data[i] = (uint8_t)prng_next(&prng);
    }
    return blob;
}

bool model_group_has_state(const struct model_group *group) {
    for (size_t kind = 0; kind <= STORAGE_STATE_META; kind++) {
        if (group->versions[kind] > 0) {
            return true;
        }
    }
    return false;
}

static void put_state(struct model *model, struct model_group *group, enum storage_state kind,
                      struct storage_batch *batch) {
    group->versions[kind]++;
    if (batch) {
        struct blob *blob = model_state(model, group->id, kind, group->versions[kind]);
        storage_batch_put_state(batch, group->id, kind, blob_slice(blob));
        blob_release(blob);
    }
}

static void append(struct model *model, struct model_group *group, struct storage_batch *batch) {
    for (uint64_t left = prng_between(&model->prng, 1, APPENDED_MAX); left > 0; left--) {
        if (group->last == MODEL_ENTRIES_MAX) {
            return;
        }
        group->terms[++group->last] = group->term;
        if (batch) {
            struct blob *blob = model_entry(model, group, group->last);
            storage_batch_put_entry(batch, group->id, group->last, blob);
            blob_release(blob);
        }
    }
}

static void remove_entries(struct model_group *group, uint64_t first, uint64_t last,
                           struct storage_batch *batch) {
    if (batch && first <= last) {
        storage_batch_remove_entries(batch, group->id, first, last);
    }
}

/* A new leader's entries take the place of the last ones. */
static void truncate_log(struct model *model, struct model_group *group, struct storage_batch *batch) {
    uint64_t length = group->last + 1 - group->first;
    uint64_t removed = prng_below(&model->prng, TRUNCATED_MAX);
    removed = removed < length ? removed : length;
    remove_entries(group, group->last + 1 - removed, group->last, batch);
    group->last -= removed;
    group->term++;
}

/* A saved state, and the log's start behind it. */
static void compact(struct model *model, struct model_group *group, struct storage_batch *batch) {
    put_state(model, group, STORAGE_STATE_SNAPSHOT, batch);
    uint64_t removed = prng_below(&model->prng, group->last + 2 - group->first);
    remove_entries(group, group->first, group->first + removed - 1, batch);
    group->first += removed;
}

static void remove_group(struct model_group *group, struct storage_batch *batch) {
    if (batch) {
        storage_batch_remove_group(batch, group->id);
    }
    *group = (struct model_group){.id = group->id, .first = 1, .term = group->term + 1};
}

void model_commit(struct model *model, struct storage_batch *batch) {
    ASSERT(model->commits < MODEL_COMMITS_MAX);
    struct model_group *group = &model->groups[prng_below(&model->prng, MODEL_GROUPS)];
    uint64_t dice = prng_below(&model->prng, 100);
    model->commits++;
    if (dice < 2 && model_group_has_state(group)) {
        remove_group(group, batch);
        return;
    }
    if (dice < 4) {
        model->broker_version++;
        struct blob *blob =
            model_state(model, STORAGE_GROUP_BROKER, STORAGE_STATE_META, model->broker_version);
        if (batch) {
            storage_batch_put_state(batch, STORAGE_GROUP_BROKER, STORAGE_STATE_META, blob_slice(blob));
        }
        blob_release(blob);
        return;
    }
    if (dice < 14) {
        truncate_log(model, group, batch);
    } else if (dice < 20) {
        compact(model, group, batch);
    }
    append(model, group, batch);
    put_state(model, group, STORAGE_STATE_HARD, batch);
    if (group->versions[STORAGE_STATE_CONFIGURATIONS] == 0 || dice > 96) {
        put_state(model, group, STORAGE_STATE_CONFIGURATIONS, batch);
    }
}

void model_replay(struct model *model, uint64_t seed, uint64_t commits) {
    model_init(model, seed);
    while (model->commits < commits) {
        model_commit(model, NULL);
    }
}
