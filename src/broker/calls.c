/*
 * What other brokers ask over the peer port.
 */
#include "broker_private.h"

enum { CALL_REGISTER_MS = 1800 };

static enum status call_hello(struct broker *broker, struct buffer *answer) {
    buffer_append_u32(answer, broker->options.id);
    buffer_append(answer, broker->options.disk_uuid.bytes, UUID_SIZE);
    struct cluster_file cluster;
    broker_get_cluster(broker, &cluster);
    cluster_file_encode(&cluster, answer);
    return buffer_status(answer);
}

static enum status call_accept(struct broker *broker, struct slice request, struct error *error) {
    struct cluster_file proposal;
    enum status status = cluster_file_decode(request, &proposal);
    if (status != STATUS_OK || proposal.phase != CLUSTER_ACCEPTED || proposal.voter_count == 0) {
        return error_set(error, STATUS_INVALID, "that is no proposal for a first start");
    }
    status = start_accept(broker, &proposal);
    if (status == STATUS_CONFLICT) {
        return error_set(error, status,
                         broker->options.founds_nothing ? "broker %u has set its database aside: see its log"
                                                        : "broker %u belongs to a cluster already",
                         broker->options.id);
    }
    return status == STATUS_OK ? status
                               : error_set(error, status, "broker %u could not write it down: %s",
                                           broker->options.id, status_name(status));
}

static void call_fill_registered(struct broker *broker, struct call_registered *registered) {
    registered->voter_count = broker->cluster.voter_count;
    memcpy(registered->voters, broker->cluster.voters, sizeof registered->voters);
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    size_t count = metadata_broker_count(broker->metadata);
    for (size_t i = 0; i < count && i < BROKERS_MAX; i++) {
        registered->brokers[registered->broker_count++] = *metadata_broker_at(broker->metadata, i);
    }
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
}

static enum status call_without_controller(struct broker *broker, struct error *error) {
    if (!lost_metadata(broker)) {
        return error_set(error, STATUS_UNAVAILABLE, "no controller is known here");
    }
    (void)lost_error(METADATA_GROUP, error);
    return STATUS_CONFLICT; /* there will not be one: waiting is not all that is to be done */
}

static enum status call_register(struct broker *broker, struct slice request, struct buffer *answer,
                                 struct error *error) {
    struct registration registration;
    if (call_decode_registration(request, &registration) != STATUS_OK) {
        return error_set(error, STATUS_INVALID, "that is no registration");
    }
    enum status status = broker_check_running(broker, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!uuid_equal(&registration.cluster_id, &broker->cluster.cluster_id)) {
        return error_set(error, STATUS_CONFLICT, "this broker belongs to another cluster");
    }
    struct broker_route route;
    lost_note_disk(broker, &registration.broker);
    if (!route_known(broker, METADATA_GROUP, &route)) {
        return call_without_controller(broker, error);
    }
    struct call_registered registered = {.broker_count = 0};
    if (!route.here) {
        memcpy(registered.ask, route.peer_address, sizeof registered.ask);
    } else {
        status = register_broker(broker, &registration, clock_monotonic_ms() + CALL_REGISTER_MS,
                                 &registered.incarnation, error);
        if (status != STATUS_OK) {
            return status;
        }
        call_fill_registered(broker, &registered);
    }
    call_encode_registered(&registered, answer);
    return buffer_status(answer);
}

static enum status call_leader(struct broker *broker, struct slice request, struct buffer *answer,
                               struct error *error) {
    struct reader reader = reader_make(request);
    uint64_t group = reader_u64(&reader);
    if (!reader_done(&reader)) {
        return error_set(error, STATUS_INVALID, "a group id has 8 bytes");
    }
    struct broker_partition_position position = {0};
    (void)broker_partition_position(broker, group, &position); /* no replica here: zeroes */
    buffer_append_u32(answer, position.leader);
    buffer_append_u64(answer, position.term);
    buffer_append_u8(answer, position.hopeless);
    return buffer_status(answer);
}

/* Asked by a broker that is about to give its own disk up. */
static enum status call_whole(struct broker *broker, struct buffer *answer, struct error *error) {
    enum status status = broker_check_running(broker, error);
    if (status != STATUS_OK) {
        return status;
    }
    buffer_append_u64(answer, broker->cluster.incarnation);
    buffer_append_u8(answer, !atomic_load(&broker->scrub.damaged));
    return buffer_status(answer);
}

enum status broker_answer_call(struct broker *broker, const char *name, struct slice request,
                               struct buffer *answer, struct error *error) {
    if (strcmp(name, "hello") == 0) {
        return call_hello(broker, answer);
    }
    if (strcmp(name, "accept") == 0) {
        return call_accept(broker, request, error);
    }
    if (strcmp(name, "register") == 0) {
        return call_register(broker, request, answer, error);
    }
    if (strcmp(name, "leader") == 0) {
        return call_leader(broker, request, answer, error);
    }
    if (strcmp(name, "whole") == 0) {
        return call_whole(broker, answer, error);
    }
    return error_set(error, STATUS_UNSUPPORTED, "there is no call of that name in this version");
}
