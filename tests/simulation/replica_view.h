/*
 * What is known of one replica from outside: the terms of its log, as they were handed to its disk, and how
 * far it said to have committed. Checks each step of it against the group's history.
 */
#ifndef AVIARY_TESTS_SIMULATION_REPLICA_VIEW_H
#define AVIARY_TESTS_SIMULATION_REPLICA_VIEW_H

#include "readings.h"

struct broker;
struct storage_batch;

struct replica_view {
    uint64_t group;
    bool here;
    bool touched;  /* stands in its broker's list of those to look at */
    uint64_t base; /* the last index before terms[0]; meaningless where count is 0 */
    uint64_t *terms;
    size_t count;
    size_t capacity;
    uint64_t commit;        /* checked up to here in this life */
    uint64_t applied;       /* as seen last in this life */
    uint64_t exempt_upto;   /* a replica that took a snapshot has the group's state only from this index on */
    uint64_t configuration; /* index of the newest one in the log since this life began; 0: none */
    uint64_t term;
    bool leads;
    struct heartbeat_rounds rounds;
};

struct replica_views {
    struct replica_view **views; /* by group; NULL: never here */
    size_t capacity;
    uint64_t *touched; /* groups */
    size_t touched_count;
    size_t touched_capacity;
};

void replica_views_finish(struct replica_views *views);
/* Made when first asked for. */
struct replica_view *replica_view_of(struct broker *broker, uint64_t group);
/* The batch is on its way to the disk. */
void replica_views_write(struct broker *broker, const struct storage_batch *batch);
/* From what a restart finds on its disk. */
void replica_views_reload(struct broker *broker);
/* Its disk is empty now. */
void replica_views_forget(struct broker *broker);
/* What the replica says of itself, inside a flush: what it has committed is still in its log. The rest is
 * looked at after the flush. */
void replica_view_status(struct broker *broker, const struct node_status *status);
void replica_view_opened(struct broker *broker, uint64_t group);
/* Whether the newest configuration in its log is committed. */
bool replica_view_is_settled(const struct broker *broker, uint64_t group);
/* Looks at all that were touched. */
void replica_views_check(struct broker *broker);

#endif
