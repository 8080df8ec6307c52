#include "log.h"

#include <stdlib.h>

enum { RUNS_CAPACITY_FIRST = 4 };

/* Runs start right behind the snapshot, ascend in index and in term, and end within the log. */
static bool restart_is_consistent(const struct raft_restart *restart) {
    if (restart->last_index < restart->snapshot_index || restart->run_count > RAFT_TERM_RUNS_MAX ||
        (restart->snapshot_index == 0) != (restart->snapshot_term == 0)) {
        return false;
    }
    uint64_t index = restart->snapshot_index;
    uint64_t term = restart->snapshot_term;
    for (size_t i = 0; i < restart->run_count; i++) {
        const struct raft_term_run *run = &restart->runs[i];
        bool starts_well = i == 0 ? run->first_index == index + 1 && run->term >= term && run->term > 0
                                  : run->first_index > index && run->term > term;
        if (!starts_well) {
            return false;
        }
        index = run->first_index;
        term = run->term;
    }
    return restart->run_count == 0 ? restart->last_index == restart->snapshot_index
                                   : restart->last_index >= index;
}

enum status raft_log_init(struct raft_log *log, const struct raft_restart *restart) {
    if (!restart_is_consistent(restart)) {
        return STATUS_INVALID;
    }
    struct raft_term_run *runs = NULL;
    if (restart->run_count > 0) {
        runs = calloc(restart->run_count, sizeof *runs);
        if (!runs) {
            return STATUS_NO_MEMORY;
        }
        memcpy(runs, restart->runs, restart->run_count * sizeof *runs);
    }
    *log = (struct raft_log){
        .snapshot_index = restart->snapshot_index,
        .snapshot_term = restart->snapshot_term,
        .last_index = restart->last_index,
        .persisted_index = restart->last_index,
        .runs = runs,
        .run_count = restart->run_count,
        .run_capacity = restart->run_count,
    };
    return STATUS_OK;
}

void raft_log_finish(struct raft_log *log) {
    free(log->runs);
    *log = (struct raft_log){0};
}

/* How many runs start at `index` or below. */
static size_t runs_up_to(const struct raft_log *log, uint64_t index) {
    size_t low = 0;
    size_t high = log->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->runs[middle].first_index <= index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t raft_log_term_at(const struct raft_log *log, uint64_t index) {
    if (index == log->snapshot_index) {
        return log->snapshot_term;
    }
    if (index < log->snapshot_index || index > log->last_index) {
        return 0;
    }
    return log->runs[runs_up_to(log, index) - 1].term;
}

uint64_t raft_log_last_term(const struct raft_log *log) {
    return log->run_count > 0 ? log->runs[log->run_count - 1].term : log->snapshot_term;
}

uint64_t raft_log_find_term(const struct raft_log *log, uint64_t index, uint64_t term) {
    if (index < log->snapshot_index) {
        return index;
    }
    uint64_t found = index;
    for (size_t i = runs_up_to(log, index); i > 0 && log->runs[i - 1].term > term; i--) {
        found = log->runs[i - 1].first_index - 1;
    }
    if (found == log->snapshot_index && log->snapshot_term > term) {
        found--;
    }
    return found;
}

bool raft_log_is_up_to_date(const struct raft_log *log, uint64_t index, uint64_t term) {
    uint64_t last_term = raft_log_last_term(log);
    return term > last_term || (term == last_term && index >= log->last_index);
}

size_t raft_log_room(const struct raft_log *log) {
    return log->run_count < RAFT_TERM_RUNS_MAX ? RAFT_TERM_RUNS_MAX - log->run_count : 0;
}

static enum status reserve_run(struct raft_log *log) {
    if (log->run_count < log->run_capacity) {
        return STATUS_OK;
    }
    size_t capacity = log->run_capacity > 0 ? log->run_capacity * 2 : RUNS_CAPACITY_FIRST;
    struct raft_term_run *runs = realloc(log->runs, capacity * sizeof *runs);
    if (!runs) {
        return STATUS_NO_MEMORY;
    }
    log->runs = runs;
    log->run_capacity = capacity;
    return STATUS_OK;
}

enum status raft_log_append(struct raft_log *log, uint64_t term) {
    ASSERT(term >= raft_log_last_term(log));
    if (log->run_count == 0 || log->runs[log->run_count - 1].term != term) {
        ASSERT(raft_log_room(log) > 0);
        enum status status = reserve_run(log);
        if (status != STATUS_OK) {
            return status;
        }
        log->runs[log->run_count++] =
            (struct raft_term_run){.first_index = log->last_index + 1, .term = term};
    }
    log->last_index++;
    return STATUS_OK;
}

void raft_log_truncate(struct raft_log *log, uint64_t from) {
    ASSERT(from > log->snapshot_index);
    ASSERT(from <= log->last_index);
    log->last_index = from - 1;
    log->run_count = runs_up_to(log, log->last_index);
    if (log->persisted_index > log->last_index) {
        log->persisted_index = log->last_index;
    }
}

void raft_log_compact(struct raft_log *log, uint64_t index) {
    ASSERT(index > log->snapshot_index);
    ASSERT(index <= log->last_index);
    uint64_t term = raft_log_term_at(log, index);
    size_t gone = runs_up_to(log, index);
    if (index < log->last_index && raft_log_term_at(log, index + 1) == term) {
        gone--; /* the run goes on behind `index` */
        log->runs[gone].first_index = index + 1;
    }
    log->run_count -= gone;
    memmove(log->runs, log->runs + gone, log->run_count * sizeof *log->runs);
    log->snapshot_index = index;
    log->snapshot_term = term;
    if (log->persisted_index < index) {
        log->persisted_index = index;
    }
}

void raft_log_reset(struct raft_log *log, uint64_t index, uint64_t term) {
    log->snapshot_index = index;
    log->snapshot_term = term;
    log->last_index = index;
    log->persisted_index = index;
    log->run_count = 0;
}

void raft_log_persisted(struct raft_log *log, uint64_t index, uint64_t term) {
    if (index > log->persisted_index && index <= log->last_index && raft_log_term_at(log, index) == term) {
        log->persisted_index = index;
    }
}
