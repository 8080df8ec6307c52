/*
 * What a data directory must hold: a history of commits drawn from a seed, and the content after each of
 * them. The same seed draws the same history, with a storage to write it to or without one.
 */
#ifndef AVIARY_TESTS_CORRUPTION_MODEL_H
#define AVIARY_TESTS_CORRUPTION_MODEL_H

#include "aviary/storage.h"

enum { MODEL_GROUPS = 6, MODEL_ENTRIES_MAX = 4096, MODEL_COMMITS_MAX = 1024 };

struct model_group {
    uint64_t id;
    uint64_t first;
    uint64_t last;                             /* first - 1: an empty log */
    uint32_t term;                             /* of the newest entry */
    uint32_t terms[MODEL_ENTRIES_MAX + 1];     /* by index */
    uint32_t versions[STORAGE_STATE_META + 1]; /* of each state; 0: it is not there */
};

struct model {
    uint64_t seed;
    uint64_t commits;
    uint32_t broker_version; /* of the broker's own state; 0: it is not there */
    struct prng prng;
    struct model_group groups[MODEL_GROUPS];
};

void model_init(struct model *model, uint64_t seed);
/* Draws the next commit, and adds its operations to `batch` where there is one. */
void model_commit(struct model *model, struct storage_batch *batch);
/* The model after `commits` of the history of `seed`. */
void model_replay(struct model *model, uint64_t seed, uint64_t commits);

/* The entry that stands at `index`; the caller's reference. */
struct blob *model_entry(const struct model *model, const struct model_group *group, uint64_t index);
/* The bytes of a state at `version`; the caller's reference. */
struct blob *model_state(const struct model *model, uint64_t group, unsigned kind, uint32_t version);
bool model_group_has_state(const struct model_group *group);

#endif
