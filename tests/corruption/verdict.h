/*
 * What a broker would see of a damaged data directory: it is opened the way that ships, everything is read in
 * each way there is, and all of it is held against the model.
 */
#ifndef AVIARY_TESTS_CORRUPTION_VERDICT_H
#define AVIARY_TESTS_CORRUPTION_VERDICT_H

#include "model.h"

enum outcome {
    OUTCOME_WHOLE,      /* all there, and it can be written on */
    OUTCOME_REPLACED,   /* opened empty, as a new disk */
    OUTCOME_REFUSED,    /* not opened, with a reason */
    OUTCOME_NOTICED,    /* opened; what cannot be read says so */
    OUTCOME_LAST_50_MS, /* commits are gone that the witness had not seen yet: outside the fault model */
    OUTCOME_WRONG,      /* something is missing or different and nothing says so */
    OUTCOMES,
};

struct verdict {
    enum outcome outcome;
    char text[ERROR_MESSAGE_MAX]; /* the reason, or what is wrong */
};

const char *outcome_name(enum outcome outcome);
/*
 * `model`: what must be there, the directory's last commit included. `settled`: the witness had the time to
 * see that commit. In a process of its own, since a crash is a possible outcome.
 */
void verdict_find(const char *directory, const struct model *model, bool settled,
                  struct verdict *ret_verdict);

/* Opens it as the matrix does: small memtables, so that little data makes many files. */
enum status verdict_open(const char *directory, struct storage **ret_storage,
                         struct storage_rocksdb_info *ret_info, struct error *error) AVIARY_MUST_USE;
/* Writes the model's next commit and waits for it. OK, or why it failed. */
enum status verdict_write(struct storage *storage, struct model *model) AVIARY_MUST_USE;

#endif
