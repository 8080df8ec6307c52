/*
 * What becomes of a broker whose disk holds something damaged: docs/adr/0016-damaged-disks.md.
 */
#include "broker_private.h"

enum {
    WHOLE_CALL_MS = 1000,
    WHOLE_ANSWER_MAX = 64,
    DAMAGE_RETRY_MS = 5000, /* until it is looked again whether the disk may be given up */
    DAMAGE_LOG_MS = 60000,  /* between two lines of the log that it may not */
};

static void damage_note(struct broker *broker, uint64_t group, const char *what, enum status status,
                        bool node_failed) {
    struct scrub *scrub = &broker->scrub;
    atomic_fetch_add_explicit(&scrub->damages, 1, memory_order_relaxed);
    mutex_lock(&scrub->mutex);
    bool first = scrub->what[0] == '\0';
    if (first) {
        snprintf(scrub->what, sizeof scrub->what, "%.150s (group %lu: %s)", what, (unsigned long)group,
                 status_name(status));
    }
    scrub->node_failed = scrub->node_failed || node_failed;
    atomic_store(&scrub->damaged, true);
    condition_signal(&scrub->woken);
    mutex_unlock(&scrub->mutex);
    if (first) {
        log_error("broker", "stored data is damaged", "%s", scrub->what);
    }
}

void damage_found(struct broker *broker, uint64_t group, const char *what, enum status status) {
    damage_note(broker, group, what, status, false);
}

void damage_failed(struct broker *broker, uint64_t group, const char *what, enum status status) {
    damage_note(broker, group, what, status, true);
}

/* The incarnation of a broker whose own disk is whole; 0 where it does not say so. */
static raft_id damage_ask(struct broker *broker, const char *address) {
    _cleanup_buffer_ struct buffer answer;
    buffer_init(&answer, WHOLE_ANSWER_MAX);
    const struct broker_caller *caller = &broker->options.caller;
    if (caller->call(caller->context, address, "whole", (struct slice){0},
                     clock_monotonic_ms() + WHOLE_CALL_MS, &answer, NULL) != STATUS_OK) {
        return 0;
    }
    struct reader reader = reader_make(buffer_slice(&answer));
    raft_id incarnation = reader_u64(&reader);
    bool whole = reader_u8(&reader) != 0;
    return reader_done(&reader) && whole ? incarnation : 0;
}

static bool contains(const raft_id *ids, size_t count, raft_id id) {
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* Every voter that is to have what is given up here must be there, and whole. */
static bool damage_others_are_whole(struct broker *broker, const struct node_successors *successors) {
    char addresses[BROKERS_MAX][ADDRESS_SIZE_MAX];
    raft_id whole[BROKERS_MAX];
    size_t count = peers_addresses(broker, addresses, BROKERS_MAX);
    for (size_t i = 0; i < count; i++) {
        whole[i] = damage_ask(broker, addresses[i]);
    }
    for (size_t i = 0; i < successors->count; i++) {
        if (!contains(whole, count, successors->voters[i])) {
            return false;
        }
    }
    return true;
}

/* OK: this disk's data may be thrown away. Otherwise `ret_why` says, in words, what stands against it. */
static enum status damage_may_give_up(struct broker *broker, struct error *error) {
    struct node_successors successors;
    enum status status =
        node_find_successors(broker->options.storage, broker->cluster.incarnation, &successors);
    if (status == STATUS_CONFLICT) {
        return error_set(
            error, status,
            "group %lu would be left without a majority of its voters, since it has too few replicas: copy "
            "what can be read of it, then start this broker with an empty data directory",
            (unsigned long)successors.group);
    }
    if (status != STATUS_OK) {
        return error_set(error, status, "who else has group %lu cannot be read (%s)",
                         (unsigned long)successors.group, status_name(status));
    }
    if (!damage_others_are_whole(broker, &successors)) {
        return error_set(
            error, STATUS_UNAVAILABLE,
            "not all brokers that have the same data are there and whole: start or repair these first");
    }
    return STATUS_OK;
}

/* True: the next start finds a new disk. */
static bool damage_give_up(struct broker *broker, struct error *error) {
    enum status status = damage_may_give_up(broker, error);
    if (status == STATUS_OK) {
        status = broker->options.distrust(broker->options.storage, error);
    }
    return status == STATUS_OK;
}

static void damage_end(struct broker *broker, const char *what, bool given_up, const char *why_not) {
    char reason[ERROR_MESSAGE_MAX];
    if (given_up) {
        snprintf(
            reason, sizeof reason,
            "%.220s: this disk is given up; start again, and the broker comes back as a new disk and takes "
            "everything from the others",
            what);
    } else {
        snprintf(reason, sizeof reason, "%.220s, and the disk is kept: %.250s", what, why_not);
    }
    broker_fail(broker, reason);
}

static void damage_tell(struct scrub *scrub, const char *what, const char *why_not) {
    uint64_t now_ms = clock_monotonic_ms();
    if (scrub->told_ms == 0 || now_ms - scrub->told_ms >= DAMAGE_LOG_MS) {
        scrub->told_ms = now_ms;
        log_error("broker", "damaged, and serving what can be read", "%s: %s", what, why_not);
    }
}

void damage_settle(struct broker *broker) {
    struct scrub *scrub = &broker->scrub;
    struct error error = {.message = ""};
    char what[sizeof scrub->what];
    mutex_lock(&scrub->mutex);
    bool node_failed = scrub->node_failed;
    memcpy(what, scrub->what, sizeof what);
    mutex_unlock(&scrub->mutex);
    bool due = node_failed || clock_monotonic_ms() >= scrub->settle_ms;
    if (!atomic_load(&scrub->damaged) || !due || broker_failure(broker)) {
        return;
    }
    bool given_up = damage_give_up(broker, &error);
    if (given_up || node_failed) {
        damage_end(broker, what, given_up, error.message);
    } else {
        damage_tell(scrub, what, error.message);
        scrub->settle_ms = clock_monotonic_ms() + DAMAGE_RETRY_MS;
    }
}

void damage_at_start(struct broker *broker, const char *reason) {
    struct error error = {.message = ""};
    atomic_fetch_add_explicit(&broker->scrub.damages, 1, memory_order_relaxed);
    atomic_store(&broker->scrub.damaged, true);
    bool given_up = damage_give_up(broker, &error);
    damage_end(broker, reason, given_up, error.message);
}
