/*
 * Who leads a group: from the replica here, or from what its replicas' brokers say.
 */
#include "broker_private.h"

enum { ROUTE_ASK_MS = 500, ROUTE_POLL_MS = 50 };

enum status broker_find_partition(struct broker *broker, struct slice topic, uint32_t partition,
                                  uint64_t *ret_group, struct error *error) {
    const struct metadata *metadata;
    enum status status = broker_lock_metadata(broker, &metadata, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct metadata_topic *found = metadata_topic_find(metadata, topic);
    if (found == NULL) {
        status =
            error_set(error, STATUS_NOT_FOUND, "there is no topic \"%.*s\": make it with PUT /v1/topics/%.*s",
                      (int)topic.size, (const char *)topic.data, (int)topic.size, (const char *)topic.data);
    } else if (partition >= found->partition_count) {
        status = error_set(error, STATUS_OUT_OF_RANGE, "topic \"%s\" has partitions 0 to %u, not %u",
                           found->name, found->partition_count - 1, partition);
    } else {
        *ret_group = found->partitions[partition].group;
    }
    broker_unlock_metadata(broker);
    return status;
}

static bool route_fill_addresses(struct broker *broker, struct broker_route *route) {
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    const struct metadata_broker *leader = metadata_broker_by_id(broker->metadata, route->leader);
    if (leader) {
        memcpy(route->rest_address, leader->rest_address, ADDRESS_SIZE_MAX);
        memcpy(route->peer_address, leader->peer_address, ADDRESS_SIZE_MAX);
    }
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    return leader != NULL && route->peer_address[0] != '\0';
}

/* From the replica here. False: no replica, or it knows no leader. One that will never know any is none. */
static bool route_from_view(struct broker *broker, uint64_t group, bool *ret_has_replica,
                            struct broker_route *route) {
    struct broker_partition_position position;
    *ret_has_replica = broker_partition_position(broker, group, &position) && !position.hopeless;
    if (!*ret_has_replica || position.leader == 0) {
        return false;
    }
    route->leader = position.leader;
    route->term = position.term;
    if (position.leader == broker->options.id) {
        route->here = position.here;
        return position.here; /* a leader that is not ready yet will be in a moment */
    }
    return true;
}

static bool route_from_hint(struct broker *broker, uint64_t group, struct broker_route *route) {
    mutex_lock(&broker->leaders_mutex);
    const struct leader_hint *hint = &broker->leader_hints[group % LEADER_HINTS];
    bool found = hint->group == group && hint->broker_id != 0;
    if (found) {
        route->leader = hint->broker_id;
        route->term = hint->term;
    }
    mutex_unlock(&broker->leaders_mutex);
    return found;
}

bool route_known(struct broker *broker, uint64_t group, struct broker_route *ret_route) {
    bool has_replica;
    struct broker_route route = {.group = group};
    bool known = route_from_view(broker, group, &has_replica, &route) ||
                 (!has_replica && route_from_hint(broker, group, &route));
    route.hearsay = !has_replica;
    if (!known || (!route.here && !route_fill_addresses(broker, &route))) {
        return false;
    }
    if (route.here) {
        (void)route_fill_addresses(broker, &route);
    }
    *ret_route = route;
    return true;
}

bool broker_route_is_over(struct broker *broker, const struct broker_route *route) {
    struct broker_partition_position position;
    return broker_partition_position(broker, route->group, &position) && position.leader != 0 &&
           position.term > route->term;
}

void broker_forget_leader(struct broker *broker, uint64_t group) {
    mutex_lock(&broker->leaders_mutex);
    struct leader_hint *hint = &broker->leader_hints[group % LEADER_HINTS];
    if (hint->group == group && hint->broker_id != 0) {
        *hint = (struct leader_hint){.group = group, .doubted = hint->broker_id};
    }
    mutex_unlock(&broker->leaders_mutex);
}

/* The broker that was the leader by hearsay and then could not be reached; 0: none. */
static uint32_t route_doubted(struct broker *broker, uint64_t group) {
    mutex_lock(&broker->leaders_mutex);
    const struct leader_hint *hint = &broker->leader_hints[group % LEADER_HINTS];
    uint32_t doubted = hint->group == group ? hint->doubted : 0;
    mutex_unlock(&broker->leaders_mutex);
    return doubted;
}

/*
 * Peer addresses of the brokers that hold a replica of the group, the doubted one last: it may take long to
 * say nothing. NOT_FOUND: no such group.
 */
static enum status route_replicas(struct broker *broker, uint64_t group,
                                  char (*ret_addresses)[ADDRESS_SIZE_MAX], size_t *ret_count,
                                  size_t *ret_replicas) {
    enum status status = STATUS_NOT_FOUND;
    uint32_t doubted = route_doubted(broker, group);
    const struct metadata_broker *last = NULL;
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    uint32_t number;
    const struct metadata_topic *topic = metadata_topic_of_group(broker->metadata, group, &number);
    *ret_count = 0;
    *ret_replicas = topic ? topic->partitions[number].replica_count : 0;
    for (uint32_t i = 0; topic && i < topic->partitions[number].replica_count; i++) {
        const struct metadata_broker *replica =
            metadata_broker_by_incarnation(broker->metadata, topic->partitions[number].replicas[i]);
        status = STATUS_OK;
        if (replica == NULL || replica->id == broker->options.id || replica->peer_address[0] == '\0') {
            continue;
        }
        if (replica->id == doubted) {
            last = replica;
        } else {
            memcpy(ret_addresses[(*ret_count)++], replica->peer_address, ADDRESS_SIZE_MAX);
        }
    }
    if (last) {
        memcpy(ret_addresses[(*ret_count)++], last->peer_address, ADDRESS_SIZE_MAX);
    }
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    return status;
}

enum route_answer { ROUTE_SILENT, ROUTE_HOPELESS, ROUTE_LEADER };

/* Asks one broker: docs/peer-protocol.md, "leader". */
static enum route_answer route_ask(struct broker *broker, const char *address, uint64_t group,
                                   uint64_t deadline_ms) {
    _cleanup_buffer_ struct buffer request;
    _cleanup_buffer_ struct buffer answer;
    buffer_init(&request, ERROR_MESSAGE_MAX);
    buffer_init(&answer, ERROR_MESSAGE_MAX);
    buffer_append_u64(&request, group);
    const struct broker_caller *caller = &broker->options.caller;
    if (caller->call(caller->context, address, "leader", buffer_slice(&request), deadline_ms, &answer,
                     NULL) != STATUS_OK) {
        return ROUTE_SILENT;
    }
    struct reader reader = reader_make(buffer_slice(&answer));
    uint32_t leader = reader_u32(&reader);
    uint64_t term = reader_u64(&reader);
    bool hopeless = reader_u8(&reader) != 0;
    if (!reader_done(&reader) || leader == 0) {
        return reader_done(&reader) && hopeless ? ROUTE_HOPELESS : ROUTE_SILENT;
    }
    mutex_lock(&broker->leaders_mutex);
    broker->leader_hints[group % LEADER_HINTS] =
        (struct leader_hint){.group = group, .broker_id = leader, .term = term};
    mutex_unlock(&broker->leaders_mutex);
    return ROUTE_LEADER;
}

/* OK: a hint is there. NOT_FOUND: no such group. CLOSED: none of the replicas can bring a leader about any
 * more; `hopeless_here` counts for the one here. UNAVAILABLE: nobody knows. */
static enum status route_ask_replicas(struct broker *broker, uint64_t group, bool hopeless_here,
                                      uint64_t deadline_ms) {
    char addresses[REPLICATION_FACTOR_MAX][ADDRESS_SIZE_MAX];
    size_t count;
    size_t replicas;
    size_t hopeless = hopeless_here;
    enum status status = route_replicas(broker, group, addresses, &count, &replicas);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        uint64_t ask_ms = clock_monotonic_ms() + ROUTE_ASK_MS;
        enum route_answer answer =
            route_ask(broker, addresses[i], group, ask_ms < deadline_ms ? ask_ms : deadline_ms);
        if (answer == ROUTE_LEADER) {
            return STATUS_OK;
        }
        hopeless += answer == ROUTE_HOPELESS;
    }
    if (status != STATUS_OK) {
        return status;
    }
    return hopeless == replicas ? STATUS_CLOSED : STATUS_UNAVAILABLE;
}

/* The replica here knows no leader. UNAVAILABLE without a message: look again. */
static enum status route_look_further(struct broker *broker, uint64_t group, uint64_t deadline_ms,
                                      struct broker_route *ret_route, bool *ret_final, struct error *error) {
    struct broker_partition_position position = {0};
    bool has_replica = broker_partition_position(broker, group, &position);
    *ret_final = true;
    if (position.majority_lost) {
        return lost_error(group, error);
    }
    if (group != METADATA_GROUP && (!has_replica || position.hopeless)) {
        enum status asked = route_ask_replicas(broker, group, position.hopeless, deadline_ms);
        if (asked == STATUS_NOT_FOUND) {
            return error_set(error, asked, "the topic was deleted");
        }
        if (asked == STATUS_CLOSED) {
            return lost_error(group, error);
        }
        if (asked == STATUS_OK && route_known(broker, group, ret_route)) {
            return STATUS_OK;
        }
    }
    *ret_final = false;
    return STATUS_UNAVAILABLE;
}

enum status broker_find_leader(struct broker *broker, uint64_t group, uint64_t deadline_ms,
                               struct broker_route *ret_route, struct error *error) {
    enum status status = broker_check_running(broker, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (;;) {
        mutex_lock(&broker->leaders_mutex);
        uint64_t generation = broker->leaders_generation;
        mutex_unlock(&broker->leaders_mutex);
        if (route_known(broker, group, ret_route)) {
            return STATUS_OK;
        }
        bool final;
        status = route_look_further(broker, group, deadline_ms, ret_route, &final, error);
        if (final) {
            return status;
        }
        uint64_t now_ms = clock_monotonic_ms();
        if (now_ms >= deadline_ms) {
            return error_set(error, STATUS_UNAVAILABLE,
                             "no leader is known: a majority of the replicas must run; try again");
        }
        mutex_lock(&broker->leaders_mutex);
        if (broker->leaders_generation == generation) {
            uint64_t until_ms = now_ms + ROUTE_POLL_MS;
            condition_wait_until(&broker->leaders_moved, &broker->leaders_mutex,
                                 until_ms < deadline_ms ? until_ms : deadline_ms);
        }
        mutex_unlock(&broker->leaders_mutex);
    }
}
