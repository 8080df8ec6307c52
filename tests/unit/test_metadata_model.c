/*
 * Random commands against a model of plain lists: every answer, every lookup.
 */
#include "aviary/base/prng.h"
#include "metadata_fixture.h"

enum { TOPIC_NAMES = 12, BROKER_IDS = 6, ROUNDS = 4000, PARTITIONS = 4, FIRST = 3 };

struct model_topic {
    bool there;
    uint64_t version;
    uint64_t first_group;
    uint32_t partitions;
    uint32_t factor;
    uint32_t owners[REPLICATION_FACTOR_MAX]; /* broker numbers: a new disk changes nothing here */
    int retention;                           /* 0: not set */
};

struct model {
    uint64_t index;
    uint64_t next_group;
    raft_id incarnations;
    raft_id current[BROKER_IDS + 1]; /* by broker number, id = 10 x number; 0: not there */
    uint64_t disks[BROKER_IDS + 1];
    uint64_t next_disk;
    struct model_topic topics[TOPIC_NAMES];
};

static const char *name_of(size_t topic) {
    static char name[16];
    snprintf(name, sizeof name, "topic-%zu", topic);
    return name;
}

static void step_register(struct metadata *metadata, struct model *model, struct prng *prng) {
    uint32_t number = (uint32_t)prng_between(prng, 1, BROKER_IDS);
    bool same_disk = model->disks[number] != 0 && prng_chance(prng, 2, 3);
    uint64_t disk = same_disk ? model->disks[number] : model->next_disk++;
    struct outcome outcome = register_broker(metadata, number * 10, disk);
    if (!same_disk) {
        model->current[number] = ++model->incarnations;
        model->disks[number] = disk;
    }
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_int_equal(outcome.result.incarnation, model->current[number]);
}

/* Distinct brokers that are there; returns how many. */
static uint32_t choose_brokers(const struct model *model, struct prng *prng, uint32_t owners[BROKER_IDS]) {
    uint32_t count = 0;
    for (uint32_t number = 1; number <= BROKER_IDS; number++) {
        if (model->current[number] != 0 && (count == 0 || prng_chance(prng, 1, 2))) {
            owners[count++] = number;
        }
    }
    return count;
}

static void step_create(struct metadata *metadata, struct model *model, struct prng *prng) {
    size_t which = prng_below(prng, TOPIC_NAMES);
    struct model_topic *topic = &model->topics[which];
    struct model_topic made = {.there = true, .version = model->index + 1, .first_group = model->next_group};
    made.partitions = (uint32_t)prng_between(prng, 1, PARTITIONS);
    made.factor = choose_brokers(model, prng, made.owners);
    raft_id replicas[BROKER_IDS];
    for (uint32_t i = 0; i < made.factor; i++) {
        replicas[i] = model->current[made.owners[i]];
    }
    struct outcome outcome = create_topic(metadata, name_of(which), made.partitions, replicas, made.factor);
    if (topic->there) {
        bool identical =
            topic->partitions == made.partitions && topic->factor == made.factor && topic->retention == 0;
        assert_int_equal(outcome.result.status, identical ? STATUS_EXISTS : STATUS_CONFLICT);
        assert_int_equal(outcome.result.version, topic->version);
        return;
    }
    assert_int_equal(outcome.result.status, STATUS_OK);
    assert_string_equal(outcome.changes.topic_created, name_of(which));
    *topic = made;
    model->next_group += made.partitions;
}

static void step_delete(struct metadata *metadata, struct model *model, struct prng *prng) {
    size_t which = prng_below(prng, TOPIC_NAMES);
    struct model_topic *topic = &model->topics[which];
    uint64_t version = prng_chance(prng, 1, 2) ? 0 : topic->version + prng_below(prng, 2);
    struct outcome outcome = delete_topic(metadata, name_of(which), version);
    if (!topic->there) {
        assert_int_equal(outcome.result.status, STATUS_NOT_FOUND);
    } else if (version != 0 && version != topic->version) {
        assert_int_equal(outcome.result.status, STATUS_CONFLICT);
    } else {
        assert_int_equal(outcome.result.status, STATUS_OK);
        assert_int_equal(outcome.changes.deleted_group_count, topic->partitions);
        assert_int_equal(outcome.changes.deleted_groups[0], topic->first_group);
        *topic = (struct model_topic){0};
    }
}

static void step_configure(struct metadata *metadata, struct model *model, struct prng *prng) {
    size_t which = prng_below(prng, TOPIC_NAMES);
    struct model_topic *topic = &model->topics[which];
    int retention = (int)prng_below(prng, 3);
    char value[16] = "";
    if (retention > 0) {
        snprintf(value, sizeof value, "%d", retention);
    }
    struct metadata_config change = config("retention.ms", value);
    struct outcome outcome = configure_topic(metadata, name_of(which), 0, &change, 1);
    assert_int_equal(outcome.result.status, topic->there ? STATUS_OK : STATUS_NOT_FOUND);
    bool changed = topic->there && topic->retention != retention;
    assert_int_equal(outcome.changes.topic_configured != NULL, changed);
    if (changed) {
        topic->retention = retention;
        topic->version = model->index + 1;
    }
    assert_int_equal(outcome.result.version, topic->version);
}

static void assert_topic(const struct metadata *metadata, const struct model *model, size_t which) {
    const struct model_topic *expected = &model->topics[which];
    const struct metadata_topic *topic = find_topic(metadata, name_of(which));
    assert_int_equal(topic != NULL, expected->there);
    if (!topic) {
        return;
    }
    assert_int_equal(topic->version, expected->version);
    assert_int_equal(topic->partition_count, expected->partitions);
    assert_int_equal(metadata_topic_config_integer(topic, "retention.ms", 0), expected->retention);
    for (uint32_t p = 0; p < topic->partition_count; p++) {
        uint32_t number;
        uint64_t group = expected->first_group + p;
        assert_int_equal(topic->partitions[p].group, group);
        assert_ptr_equal(metadata_topic_of_group(metadata, group, &number), topic);
        assert_int_equal(number, p);
        assert_int_equal(topic->partitions[p].replica_count, expected->factor);
        for (uint32_t r = 0; r < expected->factor; r++) {
            assert_int_equal(topic->partitions[p].replicas[r], model->current[expected->owners[r]]);
            assert_int_equal(metadata_broker_id_of(metadata, topic->partitions[p].initial[r]),
                             expected->owners[r] * 10);
        }
    }
}

static void assert_like_model(const struct metadata *metadata, const struct model *model) {
    size_t topics = 0;
    uint64_t groups = 0;
    for (size_t which = 0; which < TOPIC_NAMES; which++) {
        assert_topic(metadata, model, which);
        topics += model->topics[which].there;
        groups += model->topics[which].partitions;
    }
    assert_int_equal(metadata_topic_count(metadata), topics);
    assert_int_equal(metadata_partition_count(metadata), groups);
    assert_int_equal(metadata_next_group(metadata), model->next_group);
    assert_int_equal(metadata_applied_index(metadata), model->index);
    for (uint64_t group = 0; group < model->next_group; group++) {
        uint32_t ignored;
        groups -= metadata_topic_of_group(metadata, group, &ignored) != NULL;
    }
    assert_int_equal(groups, 0);
    for (size_t i = 1; i < topics; i++) {
        assert_true(strcmp(metadata_topic_at(metadata, i - 1)->name, metadata_topic_at(metadata, i)->name) <
                    0);
    }
    for (uint32_t number = 1; number <= BROKER_IDS; number++) {
        const struct metadata_broker *broker = metadata_broker_by_id(metadata, number * 10);
        assert_int_equal(broker ? broker->incarnation : 0, model->current[number]);
    }
}

static void test_random_logs_agree_with_the_model(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 2);
    struct metadata *metadata = make_metadata(FIRST);
    struct model model = {.next_group = 1, .incarnations = FIRST, .next_disk = 100000};
    for (uint32_t number = 1; number <= FIRST; number++) {
        model.current[number] = number;
        model.disks[number] = 100 * number;
    }
    for (int round = 0; round < ROUNDS; round++) {
        switch (prng_below(&prng, 4)) {
        case 0:
            step_register(metadata, &model, &prng);
            break;
        case 1:
            step_create(metadata, &model, &prng);
            break;
        case 2:
            step_delete(metadata, &model, &prng);
            break;
        default:
            step_configure(metadata, &model, &prng);
            break;
        }
        model.index++;
        assert_like_model(metadata, &model);
    }
    metadata_destroy(metadata);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_logs_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
