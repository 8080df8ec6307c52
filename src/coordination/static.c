/* The port without ZooKeeper: tells once who the peers are, and has nothing to publish to. */
#include "aviary/coordination/static.h"

#include "address.h"
#include "aviary/base/assert.h"
#include "aviary/base/clock.h"

#include <stdlib.h>
#include <string.h>

struct static_coordination {
    struct coordination base;
    enum coordination_mode mode;
    uint64_t created_ms;
    size_t peer_count; /* 0: alone */
    struct coordination_broker peers[BROKERS_MAX];
};

/* Its place in the list; peer_count where it is not there. */
static size_t static_find(const struct static_coordination *self, uint32_t id) {
    size_t at = 0;
    while (at < self->peer_count && self->peers[at].id != id) {
        at++;
    }
    return at;
}

static enum status static_start(struct coordination *base, const struct coordination_start *start,
                                struct error *error) {
    struct static_coordination *self = (struct static_coordination *)base;
    (void)error;
    if (self->mode == COORDINATION_ALONE) {
        self->peer_count = 1;
        self->peers[0].id = start->self.id;
    }
    size_t own = static_find(self, start->self.id);
    ASSERT(own < self->peer_count); /* seen when it was created */
    self->peers[own] = start->self;
    struct coordination_event event = {
        .type = COORDINATION_BROKERS_CHANGED,
        .brokers = {.list = self->peers, .count = self->peer_count},
    };
    start->on_event(start->context, &event);
    return STATUS_OK;
}

static enum status static_create_cluster(struct coordination *base,
                                         const struct coordination_cluster *cluster) {
    (void)base;
    (void)cluster;
    return STATUS_UNSUPPORTED;
}

static void static_set_cluster(struct coordination *base, const struct coordination_cluster *cluster) {
    (void)base;
    (void)cluster;
}

static void static_publish_controller(struct coordination *base, uint64_t term) {
    (void)base;
    (void)term;
}

static void static_observed_leader(struct coordination *base, uint32_t broker_id, uint64_t term) {
    (void)base;
    (void)broker_id;
    (void)term;
}

static enum status static_publish_topic(struct coordination *base, const struct coordination_topic *topic) {
    (void)base;
    (void)topic;
    return STATUS_OK;
}

static enum status static_remove_topic(struct coordination *base, const char *name) {
    (void)base;
    (void)name;
    return STATUS_OK;
}

static enum status static_sync_view(struct coordination *base, const struct coordination_topic *topics,
                                    size_t count) {
    (void)base;
    (void)topics;
    (void)count;
    return STATUS_OK;
}

static enum status static_publish_partition(struct coordination *base,
                                            const struct coordination_partition *partition) {
    (void)base;
    (void)partition;
    return STATUS_OK;
}

static void static_forget_partition(struct coordination *base, const char *topic, uint32_t partition) {
    (void)base;
    (void)topic;
    (void)partition;
}

static void static_status(struct coordination *base, struct coordination_status *ret_status) {
    struct static_coordination *self = (struct static_coordination *)base;
    *ret_status = (struct coordination_status){
        .mode = self->mode,
        .connected = true,
        .since_ms = self->created_ms,
    };
}

static void static_destroy(struct coordination *base) {
    free(base);
}

static const struct coordination_operations static_operations = {
    .start = static_start,
    .create_cluster = static_create_cluster,
    .set_cluster = static_set_cluster,
    .publish_controller = static_publish_controller,
    .observed_leader = static_observed_leader,
    .publish_topic = static_publish_topic,
    .remove_topic = static_remove_topic,
    .sync_view = static_sync_view,
    .publish_partition = static_publish_partition,
    .forget_partition = static_forget_partition,
    .status = static_status,
    .destroy = static_destroy,
};

enum status coordination_static_create(const char *peers, uint32_t self_id, struct error *error,
                                       struct coordination **ret_coordination) {
    struct static_coordination *self = calloc(1, sizeof *self);
    if (!self) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for the list of peers");
    }
    self->base.operations = &static_operations;
    self->created_ms = clock_monotonic_ms();
    self->mode = COORDINATION_ALONE;
    if (peers && peers[0] != '\0') {
        self->mode = COORDINATION_STATIC;
        enum status status = peers_parse(peers, error, self->peers, &self->peer_count);
        if (status == STATUS_OK && static_find(self, self_id) == self->peer_count) {
            status = error_set(error, STATUS_INVALID, "--peers must name this broker too, as %u=host:port",
                               self_id);
        }
        if (status) {
            free(self);
            return status;
        }
    }
    *ret_coordination = &self->base;
    return STATUS_OK;
}
