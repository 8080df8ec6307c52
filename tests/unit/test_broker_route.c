/* Who leads a group: from the replica here, or by hearsay; whom to ask first, and when a route is over. */
#include "broker/broker_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SELF = 10, LEADER = 20, TERM = 5, ASKED_MAX = 16, SOON_MS = 5000, COMMAND_BYTES_MAX = 4096 };

/* Broker 10 of three, without threads; the topic is at 20 and 30. */
struct scene {
    struct broker *broker;
    struct metadata *metadata;
    uint64_t group;
    uint32_t leader; /* as whoever is asked says */
    size_t asked_count;
    char asked[ASKED_MAX][ADDRESS_SIZE_MAX];
};

static enum status say_leader(void *context, const char *peer_address, const char *name, struct slice request,
                              uint64_t deadline_ms, struct buffer *answer, struct error *error) {
    struct scene *scene = context;
    (void)deadline_ms;
    (void)error;
    assert_string_equal(name, "leader");
    assert_int_equal(bytes_get_u64le(request.data), scene->group);
    assert_true(scene->asked_count < ASKED_MAX);
    snprintf(scene->asked[scene->asked_count++], ADDRESS_SIZE_MAX, "%s", peer_address);
    buffer_append_u32(answer, scene->leader);
    buffer_append_u64(answer, TERM);
    buffer_append_u8(answer, 0); /* not hopeless */
    return buffer_status(answer);
}

static void apply(struct metadata *metadata, const struct metadata_command *command) {
    struct entry_header header = {
        .type = RAFT_ENTRY_COMMAND, .index = metadata_applied_index(metadata) + 1, .term = 1};
    struct metadata_result result;
    struct metadata_changes changes;
    struct buffer bytes;
    buffer_init(&bytes, COMMAND_BYTES_MAX);
    metadata_command_encode(command, &bytes);
    assert_int_equal(metadata_apply(metadata, &header, buffer_slice(&bytes), &result, &changes), STATUS_OK);
    assert_int_equal(result.status, STATUS_OK);
    buffer_finish(&bytes);
}

/* Brokers 10, 20 and 30, of incarnations 1 to 3; topic "t" at 20 and 30. */
static struct metadata *make_metadata(void) {
    static const struct uuid cluster = {{0xc1}};
    static const struct metadata_first_voter voters[] = {{10, {{1}}}, {20, {{2}}}, {30, {{3}}}};
    struct metadata *metadata = metadata_create(&cluster, voters, 3);
    assert_non_null(metadata);
    for (size_t i = 0; i < 3; i++) {
        struct metadata_command command = {.type = METADATA_REGISTER_BROKER};
        command.broker.id = voters[i].broker_id;
        command.broker.disk_uuid = voters[i].disk_uuid;
        snprintf(command.broker.rest_address, ADDRESS_SIZE_MAX, "host-%u:8000", voters[i].broker_id);
        snprintf(command.broker.peer_address, ADDRESS_SIZE_MAX, "host-%u:8100", voters[i].broker_id);
        apply(metadata, &command);
    }
    struct metadata_assignment assignment = {.count = 2, .replicas = {2, 3}};
    apply(metadata, &(struct metadata_command){.type = METADATA_CREATE_TOPIC,
                                               .topic = "t",
                                               .topic_id = {{0xf1}},
                                               .partition_count = 1,
                                               .replication_factor = 2,
                                               .assignments = &assignment});
    return metadata;
}

static void scene_init(struct scene *scene) {
    *scene = (struct scene){.metadata = make_metadata(), .leader = LEADER};
    const struct metadata_topic *topic = metadata_topic_find(scene->metadata, slice_of_string("t"));
    scene->group = topic->partitions[0].group;
    struct broker *broker = calloc(1, sizeof *broker);
    assert_non_null(broker);
    broker->options.id = SELF;
    broker->options.caller = (struct broker_caller){.context = scene, .call = say_leader};
    broker->metadata = scene->metadata;
    atomic_init(&broker->running, true);
    assert_int_equal(pthread_rwlock_init(&broker->metadata_lock, NULL), 0);
    views_init(&broker->views);
    mutex_init(&broker->leaders_mutex);
    condition_init(&broker->leaders_moved);
    scene->broker = broker;
}

static void scene_finish(struct scene *scene) {
    struct broker *broker = scene->broker;
    condition_finish(&broker->leaders_moved);
    mutex_finish(&broker->leaders_mutex);
    views_finish(&broker->views);
    pthread_rwlock_destroy(&broker->metadata_lock);
    free(broker);
    metadata_destroy(scene->metadata);
}

static struct broker_route find_leader(struct scene *scene) {
    struct broker_route route = {0};
    struct error error = {.message = ""};
    assert_int_equal(
        broker_find_leader(scene->broker, scene->group, clock_monotonic_ms() + SOON_MS, &route, &error),
        STATUS_OK);
    return route;
}

static void test_hearsay_is_asked_for_once(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (int i = 0; i < 2; i++) {
        struct broker_route route = find_leader(&scene);
        assert_int_equal(route.leader, LEADER);
        assert_int_equal(route.term, TERM);
        assert_string_equal(route.peer_address, "host-20:8100");
        assert_true(route.hearsay && !route.here);
        assert_false(broker_route_is_over(scene.broker, &route));
    }
    assert_int_equal(scene.asked_count, 1);
    scene_finish(&scene);
}

static void test_a_leader_in_doubt_is_asked_last(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    (void)find_leader(&scene);
    assert_string_equal(scene.asked[0], "host-20:8100");
    broker_forget_leader(scene.broker, scene.group);
    broker_forget_leader(scene.broker, scene.group); /* as many requests may */
    scene.leader = 30;
    assert_int_equal(find_leader(&scene).leader, 30);
    assert_int_equal(scene.asked_count, 2);
    assert_string_equal(scene.asked[1], "host-30:8100");
    broker_forget_leader(scene.broker, scene.group);
    scene.leader = LEADER;
    assert_int_equal(find_leader(&scene).leader, LEADER);
    assert_string_equal(scene.asked[2], "host-20:8100");
    scene_finish(&scene);
}

/* The replica here hears of `leader` (an incarnation; 0: of none) in `term`. */
static void hear(struct scene *scene, raft_id leader, uint64_t term) {
    struct view *view = views_find(&scene->broker->views, scene->group);
    if (view == NULL) {
        view = view_create(scene->group, 1);
        assert_non_null(view);
        assert_true(views_add(&scene->broker->views, view));
    }
    view_set_status(view, &(struct node_status){.group = scene->group, .leader = leader, .term = term});
    view_release(view);
}

static void test_a_route_is_over_with_a_later_leader(void **state) {
    (void)state;
    struct scene scene;
    scene_init(&scene);
    hear(&scene, 2, 4);
    struct broker_route route = find_leader(&scene);
    assert_int_equal(route.leader, LEADER);
    assert_false(route.hearsay);
    assert_false(broker_route_is_over(scene.broker, &route));
    hear(&scene, 0, 4); /* gone quiet: it may still answer */
    assert_false(broker_route_is_over(scene.broker, &route));
    hear(&scene, 0, 5); /* somebody campaigns */
    assert_false(broker_route_is_over(scene.broker, &route));
    hear(&scene, 3, 5);
    assert_true(broker_route_is_over(scene.broker, &route));
    hear(&scene, 2, 6); /* the same broker, again: it does not remember what it was asked before */
    assert_true(broker_route_is_over(scene.broker, &route));
    assert_int_equal(scene.asked_count, 0);
    scene_finish(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hearsay_is_asked_for_once),
        cmocka_unit_test(test_a_leader_in_doubt_is_asked_last),
        cmocka_unit_test(test_a_route_is_over_with_a_later_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
