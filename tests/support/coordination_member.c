#include "coordination_member.h"

#include "aviary/base/clock.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

static void note(struct member *member, const struct coordination_event *event) {
    switch (event->type) {
    case COORDINATION_BROKERS_CHANGED:
        member->broker_events++;
        member->broker_count = event->brokers.count;
        memcpy(member->brokers, event->brokers.list, event->brokers.count * sizeof member->brokers[0]);
        break;
    case COORDINATION_CONTROLLER_CHANGED:
        member->controller_events++;
        member->controller_id = event->controller.broker_id;
        member->controller_term = event->controller.term;
        member->controller_epoch = event->controller.epoch;
        break;
    case COORDINATION_SESSION:
        member->session_events[event->session]++;
        break;
    case COORDINATION_CLUSTER:
        member->cluster_events++;
        member->cluster = event->cluster;
        break;
    case COORDINATION_FOREIGN_CLUSTER:
        member->foreign_events++;
        member->cluster = event->cluster;
        break;
    case COORDINATION_ID_TAKEN:
        member->id_taken_events++;
        member->id_taken_by = event->id_taken_by;
        break;
    }
}

static void on_event(void *context, const struct coordination_event *event) {
    struct member *member = context;
    mutex_lock(&member->lock);
    note(member, event);
    mutex_unlock(&member->lock);
}

void member_init(struct member *member, uint32_t id, uint8_t disk) {
    memset(member, 0, sizeof *member);
    mutex_init(&member->lock);
    member->session_timeout_ms = MEMBER_SESSION_TIMEOUT_MS;
    member->self = (struct coordination_broker){
        .id = id,
        .host = "127.0.0.1",
        .rest_port = (uint16_t)(8000 + id),
        .peer_port = (uint16_t)(8100 + id),
        .expect = 3,
        .timestamp_ms = 1700000000000 + id,
    };
    memset(&member->self.disk_uuid, disk, sizeof member->self.disk_uuid);
}

void member_start(struct member *member, uint16_t port, const char *prefix,
                  const struct coordination_cluster *cluster) {
    char connect[128];
    snprintf(connect, sizeof connect, "127.0.0.1:%" PRIu16 "%s", port, prefix);
    struct coordination_zookeeper_config config = {.connect = connect,
                                                   .session_timeout_ms = member->session_timeout_ms};
    struct coordination_start start = {
        .self = member->self, .cluster = cluster, .on_event = on_event, .context = member};
    assert_int_equal(coordination_zookeeper_create(&config, NULL, &member->coordination), STATUS_OK);
    assert_int_equal(coordination_start(member->coordination, &start, NULL), STATUS_OK);
}

void member_stop(struct member *member) {
    coordination_destroy(member->coordination);
    member->coordination = NULL;
}

struct coordination_cluster member_cluster(uint8_t id) {
    struct coordination_cluster cluster = {.first_voter_count = 3};
    memset(&cluster.id, id, sizeof cluster.id);
    for (uint8_t i = 0; i < 3; i++) {
        cluster.first_voters[i].broker_id = i + 1u;
        memset(&cluster.first_voters[i].disk_uuid, i + 1, UUID_SIZE);
    }
    return cluster;
}

uint64_t await_begin(void) {
    return clock_monotonic_ms() + MEMBER_WAIT_MS;
}

void await_pause(uint64_t deadline_ms, const char *what, const char *file, int line) {
    if (clock_monotonic_ms() >= deadline_ms) {
        fprintf(stderr, "%s:%d: never came true: %s\n", file, line, what);
        fail();
    }
    struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
}

/*
 * The library drops, and does not free, events that its completion thread has not got to when a handle is
 * closed. Called by LeakSanitizer where the program is built with it.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libzookeeper_mt";
}
