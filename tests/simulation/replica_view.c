#include "replica_view.h"

#include "nemesis.h"
#include "replica/format.h"
#include "simulation.h"
#include "storage/batch.h"

#include <stdlib.h>

/* So often is a state's digest taken, which costs as much as the state is large. */
enum { DIGEST_INTERVAL = 4 };

void replica_views_finish(struct replica_views *views) {
    for (size_t i = 0; i < views->capacity; i++) {
        if (views->views[i]) {
            free(views->views[i]->terms);
            free(views->views[i]);
        }
    }
    free(views->views);
    free(views->touched);
    *views = (struct replica_views){0};
}

struct replica_view *replica_view_of(struct broker *broker, uint64_t group) {
    struct replica_views *views = &broker->views;
    if (group >= views->capacity) {
        size_t larger = (size_t)group * 2 + 8;
        views->views = realloc(views->views, larger * sizeof(void *));
        ASSERT(views->views != NULL);
        memset(views->views + views->capacity, 0, (larger - views->capacity) * sizeof(void *));
        views->capacity = larger;
    }
    if (views->views[group] == NULL) {
        struct replica_view *view = calloc(1, sizeof *view);
        ASSERT(view != NULL);
        view->group = group;
        views->views[group] = view;
    }
    return views->views[group];
}

static uint64_t view_last(const struct replica_view *view) {
    return view->base + view->count;
}

/* 0: not known here. */
static uint64_t view_term_at(const struct replica_view *view, uint64_t index) {
    return view->count > 0 && index > view->base && index <= view_last(view)
               ? view->terms[index - view->base - 1]
               : 0;
}

static void view_push(struct replica_view *view, uint64_t term) {
    if (view->count == view->capacity) {
        view->capacity = view->capacity * 2 + 64;
        view->terms = realloc(view->terms, view->capacity * sizeof *view->terms);
        ASSERT(view->terms != NULL);
    }
    view->terms[view->count++] = term;
}

/* A leader changes the members only once an entry of its own term is committed (Ongaro, raft-dev 2015). */
static void check_change(struct broker *broker, const struct replica_view *view,
                         const struct group_history *group, const struct entry_header *header) {
    struct node_status status;
    if (!node_status(broker->node, view->group, &status) || status.role != RAFT_LEADER ||
        status.term != header->term) {
        return;
    }
    count(broker->simulation, STATISTIC_CONFIGURATIONS);
    uint64_t committed = status.commit_index;
    uint64_t term = committed > 0 && committed <= group->commit_count
                        ? history_committed(group, committed)->term
                        : view_term_at(view, committed);
    if (term != 0 && term != header->term) {
        violation(broker->simulation,
                  "broker %u changes the members of group %lu in term %lu, where it has committed nothing",
                  broker->id, view->group, header->term);
    }
}

static void view_put(struct broker *broker, struct replica_view *view, uint64_t index,
                     const struct blob *blob) {
    struct simulation *simulation = broker->simulation;
    struct entry_header header;
    if (entry_check(blob_slice(blob), view->group, index, &header) != STATUS_OK) {
        violation(simulation, "broker %u writes a damaged entry %lu of group %lu", broker->id, index,
                  view->group);
    }
    if (view->count == 0) {
        view->base = index - 1;
    } else if (index != view_last(view) + 1) {
        violation(simulation, "broker %u writes entry %lu of group %lu behind %lu", broker->id, index,
                  view->group, view_last(view));
    }
    struct group_history *group = history_group(simulation, view->group);
    history_append(simulation, group, blob, &header, view_term_at(view, index - 1));
    view_push(view, header.term);
    if (header.type == RAFT_ENTRY_CONFIGURATION) {
        view->configuration = index;
        check_change(broker, view, group, &header);
        nemesis_sees_change(simulation, broker);
    }
}

static void view_truncate(struct broker *broker, struct replica_view *view, uint64_t from) {
    struct node_status status;
    bool is_leader = node_status(broker->node, view->group, &status) && status.role == RAFT_LEADER;
    if (is_leader || from <= view->commit) {
        violation(broker->simulation,
                  "%s: broker %u removes entries from %lu on of group %lu, committed to %lu",
                  is_leader ? "leader append-only" : "truncation below commit", broker->id, from, view->group,
                  view->commit);
    }
    view->count = (size_t)(from - view->base - 1);
}

static void view_remove(struct broker *broker, struct replica_view *view, uint64_t first, uint64_t last) {
    if (view->count == 0 || last <= view->base || first > view_last(view)) {
        return;
    }
    if (first > view->base + 1) {
        view_truncate(broker, view, first);
        return;
    }
    uint64_t gone = last < view_last(view) ? last - view->base : view->count;
    view->count -= (size_t)gone;
    memmove(view->terms, view->terms + gone, view->count * sizeof *view->terms);
    view->base += gone;
}

static void view_clear(struct replica_view *view) {
    view->here = false;
    view->count = 0;
    view->commit = 0;
    view->configuration = 0;
    view->applied = 0;
    view->term = 0;
    view->leads = false;
    view->rounds = (struct heartbeat_rounds){0};
}

void replica_views_write(struct broker *broker, const struct storage_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_operation *operation = &batch->operations[i];
        struct replica_view *view = replica_view_of(broker, operation->group);
        switch (operation->type) {
        case BATCH_PUT_ENTRY:
            view_put(broker, view, operation->first, operation->blob);
            break;
        case BATCH_REMOVE_ENTRIES:
            view_remove(broker, view, operation->first, operation->last);
            break;
        case BATCH_REMOVE_GROUP:
            view_clear(view);
            break;
        case BATCH_PUT_STATE:
            break;
        }
    }
}

/* A misdirected write may have left something before the log's start. */
static uint64_t log_base(struct storage *memory, uint64_t group, uint64_t first) {
    _cleanup_blob_ struct blob *blob = NULL;
    struct hard_state hard;
    if (memory->operations->read_state(memory, group, STORAGE_STATE_HARD, &blob) != STATUS_OK ||
        format_hard_decode(blob_slice(blob), &hard) != STATUS_OK || hard.base_index < first) {
        return first - 1;
    }
    return hard.base_index;
}

static void view_reload(struct broker *broker, struct replica_view *view) {
    struct storage *memory = broker->disk.memory;
    uint64_t first;
    uint64_t last;
    if (memory->operations->log_bounds(memory, view->group, &first, &last) != STATUS_OK) {
        return;
    }
    view->base = log_base(memory, view->group, first);
    first = view->base + 1;
    for (uint64_t index = first; index <= last; index++) {
        struct entry_header header = {0};
        const struct damage *damage = damage_find(&broker->disk, view->group, index);
        if (damage) {
            header.term = damage->term;
        } else if (memory->operations->read_header(memory, view->group, index, &header) != STATUS_OK) {
            violation(broker->simulation, "broker %u finds no entry %lu in the log of group %lu", broker->id,
                      index, view->group);
        }
        view_push(view, header.term);
        if (header.type == RAFT_ENTRY_CONFIGURATION) {
            view->configuration = index;
        }
    }
}

void replica_views_forget(struct broker *broker) {
    for (size_t i = 0; i < broker->views.capacity; i++) {
        if (broker->views.views[i]) {
            view_clear(broker->views.views[i]);
            broker->views.views[i]->exempt_upto = 0;
        }
    }
}

void replica_views_reload(struct broker *broker) {
    for (size_t i = 0; i < broker->views.capacity; i++) {
        if (broker->views.views[i]) {
            view_clear(broker->views.views[i]);
        }
    }
    _cleanup_free_ uint64_t *groups = NULL;
    size_t count;
    struct storage *memory = broker->disk.memory;
    ASSERT(memory->operations->list_groups(memory, &groups, &count) == STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        view_reload(broker, replica_view_of(broker, groups[i]));
    }
}

static void replica_view_touch(struct broker *broker, uint64_t group) {
    struct replica_views *views = &broker->views;
    struct replica_view *view = replica_view_of(broker, group);
    if (view->touched) {
        return;
    }
    view->touched = true;
    if (views->touched_count == views->touched_capacity) {
        views->touched_capacity = views->touched_capacity * 2 + 8;
        views->touched = realloc(views->touched, views->touched_capacity * sizeof *views->touched);
        ASSERT(views->touched != NULL);
    }
    views->touched[views->touched_count++] = group;
}

/* Made, found at start, or its state replaced by a snapshot: the log start of that one may run ahead of what
 * the entries say, until all that its sender had applied is applied. */
void replica_view_opened(struct broker *broker, uint64_t group) {
    struct replica_view *view = replica_view_of(broker, group);
    if (view->here) {
        view->exempt_upto = history_group(broker->simulation, group)->commit_count;
        trace_event(broker->simulation, "installed", broker->id, group, view->exempt_upto, 0);
        count(broker->simulation, STATISTIC_PARTITION_INSTALLS);
    }
    view->here = true;
    trace_event(broker->simulation, "opened", broker->id, group, 0, 0);
    replica_view_touch(broker, group);
}

/* Election safety and leader completeness. */
static void check_leader(struct broker *broker, const struct replica_view *view,
                         const struct node_status *status) {
    struct simulation *simulation = broker->simulation;
    struct group_history *group = history_group(simulation, view->group);
    history_lead(simulation, group, broker->incarnation, status->term);
    uint64_t committed = history_committed_before(group, status->term);
    if (committed == 0) {
        return;
    }
    uint64_t term = view_term_at(view, committed);
    bool has = committed <= view->base || term == history_committed(group, committed)->term;
    if (status->last_index < committed || !has) {
        violation(simulation,
                  "leader completeness: broker %u leads group %lu in term %lu without entry %lu of term %lu",
                  broker->id, view->group, status->term, committed,
                  history_committed(group, committed)->term);
    }
}

/* Whether a member holds the entry, as far as that can be known: a disk that is lost kept what it had till
 * then, and what a log begins behind was there. */
static bool holds(const struct simulation *simulation, raft_id member, uint64_t group, uint64_t index,
                  uint64_t term) {
    struct broker *broker = simulation_broker_of(simulation, member);
    if (broker == NULL) {
        return true;
    }
    const struct replica_view *view = replica_view_of(broker, group);
    return index <= view->base || view_term_at(view, index) == term;
}

/* What a leader says is committed has been written by a majority of the voters. Where another configuration
 * is not committed yet, either of the two may have counted. */
static void check_majority(struct broker *broker, const struct replica_view *view,
                           const struct node_status *status) {
    uint64_t index = status->commit_index;
    bool deleted = history_group(broker->simulation, view->group)->doomed; /* some have removed it already */
    if (deleted || status->role != RAFT_LEADER || index <= view->commit || index <= view->base) {
        return;
    }
    struct node_member members[RAFT_MEMBERS_MAX];
    size_t count = node_members(broker->node, view->group, members);
    size_t voters = 0;
    size_t holding = 0;
    for (size_t i = 0; i < count; i++) {
        voters += members[i].voter;
        holding += members[i].voter &&
                   holds(broker->simulation, members[i].id, view->group, index, view_term_at(view, index));
    }
    size_t needed = view->configuration <= index ? voters / 2 + 1 : (voters + 1) / 2;
    if (holding < needed) {
        violation(broker->simulation,
                  "broker %u says that index %lu of group %lu is committed, and %zu of %zu voters hold it",
                  broker->id, index, view->group, holding, voters);
    }
}

void replica_view_status(struct broker *broker, const struct node_status *status) {
    struct simulation *simulation = broker->simulation;
    struct replica_view *view = replica_view_of(broker, status->group);
    replica_view_touch(broker, status->group);
    if (view->count == 0) {
        view->base = status->first_index - 1;
    }
    struct group_history *group = history_group(simulation, view->group);
    if (status->commit_index < view->commit) {
        violation(simulation, "broker %u: commit of group %lu went back from %lu to %lu", broker->id,
                  view->group, view->commit, status->commit_index);
    }
    if (view->base > group->commit_count) {
        violation(simulation, "broker %u: the log of group %lu begins behind %lu, which nobody committed",
                  broker->id, view->group, view->base);
    }
    check_majority(broker, view, status);
    uint64_t from = view->commit > view->base ? view->commit : view->base;
    for (uint64_t index = from + 1; index <= status->commit_index; index++) {
        history_commit(simulation, group, index, view_term_at(view, index), status->term);
    }
    view->commit = status->commit_index;
}

/* Whatever may still be read is still in the log. */
static void check_log_start(struct broker *broker, const struct replica_view *view,
                            const struct node_status *status) {
    const struct group_history *group = history_group(broker->simulation, view->group);
    if (view->base < group->commit_count &&
        group->commits[view->base].offset_before > status->log_start_offset) {
        violation(broker->simulation,
                  "lost: broker %u: the log of group %lu begins with offset %ld, its log start is %ld",
                  broker->id, view->group, group->commits[view->base].offset_before,
                  status->log_start_offset);
    }
}

static void check_state(struct broker *broker, struct replica_view *view, const struct node_status *status) {
    struct simulation *simulation = broker->simulation;
    if (status->applied_index < view->applied || status->applied_index > status->commit_index) {
        violation(simulation, "broker %u: group %lu applied up to %lu after %lu, committed %lu", broker->id,
                  view->group, status->applied_index, view->applied, status->commit_index);
    }
    bool moved = status->applied_index != view->applied;
    view->applied = status->applied_index;
    uint32_t digest;
    if (moved && status->applied_index >= view->exempt_upto && status->applied_index % DIGEST_INTERVAL == 0 &&
        node_digest(broker->node, view->group, &digest)) {
        trace_note(simulation, "broker %u: state %08x of group %lu at index %lu: offsets %ld to %ld",
                   broker->id, digest, view->group, status->applied_index, status->log_start_offset,
                   status->next_offset);
        history_digest(simulation, history_group(simulation, view->group), status->applied_index, digest);
    }
}

static void view_check(struct broker *broker, struct replica_view *view) {
    struct node_status status;
    if (!node_status(broker->node, view->group, &status)) {
        view->here = false;
        return;
    }
    if (status.last_index != view_last(view) || status.first_index != view->base + 1) {
        violation(broker->simulation,
                  "broker %u: the log of group %lu holds %lu to %lu, its disk was given %lu to %lu",
                  broker->id, view->group, status.first_index, status.last_index, view->base + 1,
                  view_last(view));
    }
    check_log_start(broker, view, &status);
    bool leads = status.role == RAFT_LEADER;
    if (leads && (!view->leads || view->term != status.term)) {
        trace_event(broker->simulation, "leads", broker->id, view->group, status.term, status.last_index);
        count(broker->simulation, STATISTIC_ELECTIONS);
        check_leader(broker, view, &status);
        nemesis_sees_leader(broker->simulation, broker);
    }
    view->leads = leads;
    view->term = status.term;
    check_state(broker, view, &status);
}

bool replica_view_is_settled(const struct broker *broker, uint64_t group) {
    const struct replica_view *view = broker->views.views[group];
    return view->configuration <= view->commit;
}

void replica_views_check(struct broker *broker) {
    struct replica_views *views = &broker->views;
    for (size_t i = 0; i < views->touched_count; i++) {
        struct replica_view *view = views->views[views->touched[i]];
        view->touched = false;
        view_check(broker, view);
    }
    views->touched_count = 0;
}
