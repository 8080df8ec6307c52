/*
 * Who has what this disk holds, by what storage says of its groups. Works without a node: one that cannot be
 * opened asks, too.
 */
#include "format.h"

#include "aviary/replica.h"

#include <stdlib.h>

static enum status read_latest(struct storage *storage, uint64_t group,
                               struct raft_configuration *ret_configuration) {
    _cleanup_blob_ struct blob *blob = NULL;
    struct raft_indexed_configuration *configurations = NULL;
    size_t count = 0;
    enum status status = storage->operations->read_state(storage, group, STORAGE_STATE_CONFIGURATIONS, &blob);
    if (status == STATUS_OK) {
        status = format_configurations_decode(blob_slice(blob), &configurations, &count);
    }
    if (status == STATUS_OK && count > 0) {
        *ret_configuration = configurations[count - 1].configuration;
    }
    free(configurations);
    return status == STATUS_OK && count == 0 ? STATUS_CORRUPT : status;
}

static bool add(struct node_successors *successors, raft_id id) {
    for (size_t i = 0; i < successors->count; i++) {
        if (successors->voters[i] == id) {
            return true;
        }
    }
    if (successors->count == NODE_SUCCESSORS_MAX) {
        return false;
    }
    successors->voters[successors->count++] = id;
    return true;
}

/* A learner's log is nobody's promise. Without this voter the others must still be a majority. */
static bool add_voters(struct node_successors *successors, const struct raft_configuration *configuration,
                       raft_id self) {
    size_t voters = 0;
    bool is_voter = false;
    for (uint32_t i = 0; i < configuration->count; i++) {
        voters += configuration->members[i].voter;
        is_voter = is_voter || (configuration->members[i].voter && configuration->members[i].id == self);
    }
    if (!is_voter) {
        return true;
    }
    bool enough = (voters - 1) * 2 > voters;
    for (uint32_t i = 0; enough && i < configuration->count; i++) {
        if (configuration->members[i].voter && configuration->members[i].id != self) {
            enough = add(successors, configuration->members[i].id);
        }
    }
    return enough;
}

enum status node_find_successors(struct storage *storage, raft_id self,
                                 struct node_successors *ret_successors) {
    _cleanup_free_ uint64_t *groups = NULL;
    size_t count = 0;
    struct node_successors successors = {.count = 0};
    enum status status = storage->operations->list_groups(storage, &groups, &count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct raft_configuration configuration = {.count = 0};
        successors.group = groups[i];
        status = read_latest(storage, groups[i], &configuration);
        if (status == STATUS_OK && !add_voters(&successors, &configuration, self)) {
            status = STATUS_CONFLICT;
        }
    }
    *ret_successors = successors;
    return status;
}
