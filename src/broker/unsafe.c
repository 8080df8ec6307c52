#include "aviary/broker/unsafe.h"

#include "cluster_file.h"
#include "pending.h"

#include "aviary/replica/unsafe.h"

#include <inttypes.h>
#include <stdlib.h>

enum { UNSAFE_WRITE_MS = 60000 };

/* One recovery under way. */
struct unsafe {
    const struct broker_unsafe_request *request;
    struct cluster_file cluster;
    struct metadata *metadata;
    struct storage_batch *batch; /* NULL: only told */
    int64_t now_ms;
    size_t found; /* groups of which there is a replica here */
    size_t taken;
};

static enum status load_cluster(struct unsafe *unsafe, struct error *error) {
    struct storage *storage = unsafe->request->storage;
    _cleanup_blob_ struct blob *blob = NULL;
    enum status status =
        storage->operations->read_state(storage, STORAGE_GROUP_BROKER, STORAGE_STATE_META, &blob);
    if (status == STATUS_OK) {
        status = cluster_file_decode(blob_slice(blob), &unsafe->cluster);
    }
    if (status == STATUS_OK && unsafe->cluster.phase != CLUSTER_MEMBER) {
        status = STATUS_NOT_FOUND;
    }
    if (status != STATUS_OK) {
        return error_set(error, status,
                         "this disk does not belong to a cluster (%s): there is nothing to recover on it",
                         status_name(status));
    }
    if (unsafe->cluster.broker_id != unsafe->request->id) {
        return error_set(error, STATUS_INVALID,
                         "the data directory belongs to broker %u: say --id %u if it is the one meant",
                         unsafe->cluster.broker_id, unsafe->cluster.broker_id);
    }
    return STATUS_OK;
}

static enum status load_metadata(struct unsafe *unsafe, struct error *error) {
    const struct cluster_file *cluster = &unsafe->cluster;
    enum status status = unsafe_read_metadata(unsafe->request->storage, &cluster->cluster_id, cluster->voters,
                                              cluster->voter_count, &unsafe->metadata);
    if (status != STATUS_OK) {
        return error_set(error, status, "the metadata on this disk cannot be read (%s)", status_name(status));
    }
    const struct metadata_broker *self = metadata_broker_by_id(unsafe->metadata, cluster->broker_id);
    if (self && self->incarnation > cluster->incarnation) {
        return error_set(error, STATUS_CONFLICT,
                         "another disk has taken the place of this one as broker %u: recover on that one",
                         cluster->broker_id);
    }
    if (self == NULL || self->incarnation != cluster->incarnation) {
        return error_set(error, STATUS_NOT_FOUND,
                         "this disk had not caught up with the metadata so far that it names it: nothing can "
                         "be recovered from it");
    }
    return STATUS_OK;
}

static const char *name_of(const struct unsafe *unsafe, uint64_t group, char *out, size_t size) {
    uint32_t number;
    const struct metadata_topic *topic = metadata_topic_of_group(unsafe->metadata, group, &number);
    if (group == METADATA_GROUP) {
        return "the metadata";
    }
    if (topic == NULL) {
        return NULL;
    }
    snprintf(out, size, "%s, partition %u", topic->name, number);
    return out;
}

/* "broker 1 (this), broker 2, broker 3 (disk replaced)" */
static void print_voters(const struct unsafe *unsafe, const struct raft_configuration *configuration) {
    const char *separator = "";
    for (uint32_t i = 0; i < configuration->count; i++) {
        raft_id id = configuration->members[i].id;
        if (!configuration->members[i].voter) {
            continue;
        }
        fprintf(unsafe->request->out, "%sbroker %u", separator, metadata_broker_id_of(unsafe->metadata, id));
        if (id == unsafe->cluster.incarnation) {
            fputs(" (this disk)", unsafe->request->out);
        } else if (!metadata_broker_by_incarnation(unsafe->metadata, id)) {
            fputs(" (disk replaced)", unsafe->request->out);
        }
        separator = ", ";
    }
    fputc('\n', unsafe->request->out);
}

static void print_survey(const struct unsafe *unsafe, const char *name, const struct unsafe_survey *survey) {
    FILE *out = unsafe->request->out;
    fprintf(out, "group %" PRIu64 " (%s)\n  votes so far: ", survey->group, name);
    print_voters(unsafe, &survey->configuration);
    fprintf(out, "  here: entries to %" PRIu64 " of term %" PRIu64 ", known to be committed to %" PRIu64,
            survey->last_index, survey->last_term, survey->commit_index);
    if (survey->group != METADATA_GROUP) {
        fprintf(out, "; records to offset %" PRId64, survey->next_offset);
    }
    fputs("\n  goes on with exactly this; what only other disks had is lost, also if it was acknowledged\n",
          out);
}

/* Its majority is this disk: it goes on by itself. */
static bool is_sole_voter(const struct unsafe *unsafe, const struct raft_configuration *configuration) {
    const struct raft_member *self = raft_configuration_find(configuration, unsafe->cluster.incarnation);
    return self && self->voter && raft_configuration_voters(configuration) == 1;
}

static enum status take(struct unsafe *unsafe, const char *name, const struct unsafe_survey *survey) {
    print_survey(unsafe, name, survey);
    unsafe->taken++;
    if (unsafe->batch == NULL) {
        return STATUS_OK;
    }
    log_warn("broker", "unsafe recovery",
             "group=%" PRIu64 " name=\"%s\" last_index=%" PRIu64 " last_term=%" PRIu64 " commit=%" PRIu64
             " next_offset=%" PRId64 " voter=%" PRIu64,
             survey->group, name, survey->last_index, survey->last_term, survey->commit_index,
             survey->next_offset, unsafe->cluster.incarnation);
    return unsafe_take(unsafe->request->storage, survey->group, unsafe->cluster.incarnation, unsafe->batch);
}

/*
 * Offsets of lost records must not be given to new ones in silence, and how far they went nobody knows any
 * more: the time in microseconds is above any of them, and above that of an earlier recovery.
 */
static enum status begin_anew(struct unsafe *unsafe, const char *name, uint64_t group) {
    int64_t first_offset = unsafe->now_ms * 1000;
    fprintf(unsafe->request->out,
            "group %" PRIu64 " (%s)\n  here: nothing\n  begins again, empty, at offset %" PRId64
            "; every record it had is given up\n",
            group, name, first_offset);
    unsafe->taken++;
    if (unsafe->batch == NULL) {
        return STATUS_OK;
    }
    log_warn("broker", "unsafe recovery",
             "group=%" PRIu64 " name=\"%s\" first_offset=%" PRId64 " voter=%" PRIu64
             " every record before is given up",
             group, name, first_offset, unsafe->cluster.incarnation);
    return unsafe_begin_anew(unsafe->request->storage, group, unsafe->cluster.incarnation, first_offset,
                             unsafe->now_ms, unsafe->batch);
}

static enum status recover_group(struct unsafe *unsafe, uint64_t group, bool named, struct error *error) {
    char text[NAME_SIZE_MAX + 32];
    const char *name = name_of(unsafe, group, text, sizeof text);
    struct unsafe_survey survey;
    enum status status = unsafe_survey(unsafe->request->storage, group, &survey);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && name == NULL)) {
        return named ? error_set(error, STATUS_NOT_FOUND,
                                 "this broker has no replica of group %" PRIu64
                                 ": see /v1/partitions, and start the broker once so that it makes one",
                                 group)
                     : STATUS_OK;
    }
    unsafe->found += status == STATUS_OK;
    if (status == STATUS_OK && is_sole_voter(unsafe, &survey.configuration)) {
        fprintf(unsafe->request->out,
                "group %" PRIu64 " (%s)\n  this disk is its only voter; stays as it is\n", group, name);
        return STATUS_OK;
    }
    if (status == STATUS_OK && survey.empty && !named) {
        fprintf(unsafe->request->out,
                "group %" PRIu64 " (%s)\n  here: nothing; stays as it is. If every other replica is lost, "
                "too: --recover-unsafe %" PRIu64 "\n",
                group, name, group);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = survey.empty && group != METADATA_GROUP ? begin_anew(unsafe, name, group)
                                                         : take(unsafe, name, &survey);
    }
    return status == STATUS_OK ? status
                               : error_set(error, status, "group %" PRIu64 " cannot be recovered here (%s)",
                                           group, status_name(status));
}

static enum status recover_all(struct unsafe *unsafe, struct error *error) {
    struct storage *storage = unsafe->request->storage;
    _cleanup_free_ uint64_t *groups = NULL;
    size_t count = 0;
    enum status status = storage->operations->list_groups(storage, &groups, &count);
    if (status != STATUS_OK) {
        return error_set(error, status, "the groups on this disk cannot be listed (%s)", status_name(status));
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = recover_group(unsafe, groups[i], false, error);
    }
    return status;
}

static enum status recover_groups(struct unsafe *unsafe, struct error *error) {
    const struct broker_unsafe_request *request = unsafe->request;
    if (request->group_count == 0) {
        return recover_all(unsafe, error);
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < request->group_count; i++) {
        status = recover_group(unsafe, request->groups[i], true, error);
    }
    return status;
}

static void written(void *context, uint64_t token, enum status status) {
    struct broker_pending *pending = context;
    (void)token;
    pending->answer.status = status;
    pending_finish(pending);
}

static enum status write_batch(struct unsafe *unsafe, struct broker_pending *pending, struct error *error) {
    storage_submit(unsafe->request->storage, TAKE_POINTER(unsafe->batch));
    bool done = pending_wait(pending, clock_monotonic_ms() + UNSAFE_WRITE_MS);
    enum status status = done ? pending->answer.status : STATUS_TIMEOUT;
    return status == STATUS_OK
               ? status
               : error_set(error, status, "the disk did not take the recovery (%s)", status_name(status));
}

static enum status recover_and_write(struct unsafe *unsafe, struct error *error) {
    struct broker_pending *pending = pending_create();
    unsafe->batch = pending ? storage_batch_create(written, pending, 0) : NULL;
    if (unsafe->batch == NULL) {
        pending_release(pending);
        pending_release(pending);
        return error_set(error, STATUS_NO_MEMORY, "no memory for the recovery");
    }
    enum status status = recover_groups(unsafe, error);
    if (status == STATUS_OK && unsafe->taken > 0) {
        status = write_batch(unsafe, pending, error);
    } else {
        storage_batch_destroy(TAKE_POINTER(unsafe->batch));
        pending_release(pending);
    }
    pending_release(pending);
    return status;
}

enum status broker_recover_unsafe(const struct broker_unsafe_request *request, struct error *error) {
    struct unsafe unsafe = {.request = request, .now_ms = clock_wall_ms()};
    enum status status = load_cluster(&unsafe, error);
    if (status == STATUS_OK) {
        status = load_metadata(&unsafe, error);
    }
    if (status == STATUS_OK) {
        status = request->apply ? recover_and_write(&unsafe, error) : recover_groups(&unsafe, error);
    }
    if (status == STATUS_OK && unsafe.found == 0) {
        status = error_set(error, STATUS_NOT_FOUND, "nothing of any group is on this disk");
    }
    metadata_destroy(unsafe.metadata);
    return status;
}
