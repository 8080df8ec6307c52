#include "keeper.h"

static const uint64_t never = UINT64_MAX;

/* Without a witness a lost tail could pass unseen: as bad as a failed write. */
static void refresh(struct keeper *keeper) {
    atomic_store(&keeper->behind, false);
    uint64_t commit = atomic_load(&keeper->commit);
    struct error error;
    if (witness_refresh(&keeper->witness, commit, &error) != STATUS_OK &&
        fault_status(keeper->fault) == STATUS_OK) {
        fault_set(keeper->fault, STATUS_IO);
        log_error("storage", "cannot refresh the witness, stopping all writes", "%s", error.message);
    }
}

static void keeper_run(void *argument) {
    struct keeper *keeper = argument;
    uint64_t poll_at_ms = clock_monotonic_ms() + STORAGE_DISK_POLL_MS;
    uint64_t refresh_at_ms = never;
    mutex_lock(&keeper->mutex);
    while (!keeper->stopping) {
        uint64_t now_ms = clock_monotonic_ms();
        if (refresh_at_ms == never && atomic_load(&keeper->behind)) {
            refresh_at_ms = now_ms + STORAGE_WITNESS_DELAY_MS;
        }
        uint64_t next_ms = refresh_at_ms < poll_at_ms ? refresh_at_ms : poll_at_ms;
        if (now_ms < next_ms && condition_wait_until(&keeper->wake, &keeper->mutex, next_ms)) {
            continue;
        }
        mutex_unlock(&keeper->mutex);
        now_ms = clock_monotonic_ms();
        if (now_ms >= refresh_at_ms) {
            refresh(keeper);
            refresh_at_ms = never;
        }
        if (now_ms >= poll_at_ms) {
            disk_guard_poll(keeper->guard);
            poll_at_ms = now_ms + STORAGE_DISK_POLL_MS;
        }
        mutex_lock(&keeper->mutex);
    }
    mutex_unlock(&keeper->mutex);
}

enum status keeper_start(struct keeper *keeper, struct disk_guard *guard, struct fault *fault,
                         const struct witness *witness, struct error *error) {
    keeper->guard = guard;
    keeper->fault = fault;
    keeper->witness = *witness;
    keeper->stopping = false;
    atomic_init(&keeper->commit, witness->record.commit);
    atomic_init(&keeper->behind, false);
    mutex_init(&keeper->mutex);
    condition_init(&keeper->wake);
    enum status status = thread_start(&keeper->thread, "storage-keeper", keeper_run, keeper, error);
    if (status != STATUS_OK) {
        keeper_stop(keeper);
    }
    return status;
}

void keeper_note(struct keeper *keeper, uint64_t commit) {
    atomic_store(&keeper->commit, commit);
    if (!atomic_exchange(&keeper->behind, true)) {
        mutex_lock(&keeper->mutex);
        condition_signal(&keeper->wake);
        mutex_unlock(&keeper->mutex);
    }
}

void keeper_stop(struct keeper *keeper) {
    mutex_lock(&keeper->mutex);
    keeper->stopping = true;
    condition_signal(&keeper->wake);
    mutex_unlock(&keeper->mutex);
    thread_join(&keeper->thread);
    if (atomic_load(&keeper->behind)) {
        refresh(keeper);
    }
    witness_close(&keeper->witness);
    condition_finish(&keeper->wake);
    mutex_finish(&keeper->mutex);
}
