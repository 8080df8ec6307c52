/*
 * Membership step by step: what each step may do, and that the steps arrive.
 */
#include "aviary/base/prng.h"
#include "aviary/metadata/reconcile.h"
#include "metadata_fixture.h"

enum { IDS = 9, STEPS_MAX = 64 };

/* "1 2 3 +4" in words: voters 1, 2, 3 and learner 4. */
static struct raft_configuration members(const char *text) {
    struct raft_configuration configuration = {0};
    bool voter = true;
    for (; *text; text++) {
        if (*text == '+') {
            voter = false;
        } else if (*text != ' ') {
            configuration.members[configuration.count++] =
                (struct raft_member){.id = (raft_id)(*text - '0'), .voter = voter};
            voter = true;
        }
    }
    return configuration;
}

static bool votes(const struct raft_configuration *configuration, raft_id id) {
    const struct raft_member *member = raft_configuration_find(configuration, id);
    return member && member->voter;
}

static bool same(const struct raft_configuration *a, const struct raft_configuration *b) {
    for (raft_id id = 1; id <= UINT8_MAX; id++) {
        bool in_a = raft_configuration_find(a, id) != NULL;
        if (in_a != (raft_configuration_find(b, id) != NULL) || votes(a, id) != votes(b, id)) {
            return false;
        }
    }
    return true;
}

struct ids {
    raft_id ids[RAFT_MEMBERS_MAX];
    size_t count;
};

static struct ids digits(const char *text) {
    struct ids ids = {.count = 0};
    for (; *text; text++) {
        ids.ids[ids.count++] = (raft_id)(*text - '0');
    }
    return ids;
}

/* `expected` NULL: nothing to do. */
static void expect(const char *now_text, const char *wanted_text, raft_id leader, const char *lost_text,
                   const char *caught_up_text, const char *expected) {
    struct raft_configuration now = members(now_text);
    struct raft_configuration wanted = members(wanted_text);
    struct ids lost = digits(lost_text);
    struct ids caught_up = digits(caught_up_text);
    struct reconcile reconcile = {
        .now = &now,
        .wanted = &wanted,
        .leader = leader,
        .lost = lost.ids,
        .lost_count = lost.count,
        .caught_up = caught_up.ids,
        .caught_up_count = caught_up.count,
    };
    struct raft_configuration next = {0};
    assert_int_equal(reconcile_next(&reconcile, &next), expected != NULL);
    if (expected) {
        struct raft_configuration right = members(expected);
        assert_true(same(&next, &right));
    }
}

static void test_a_lost_disk_is_replaced(void **state) {
    (void)state;
    expect("1 2 3", "1 2 4", 1, "3", "", "1 2 +4");
    expect("1 2 +4", "1 2 4", 1, "", "", NULL);
    expect("1 2 +4", "1 2 4", 1, "", "4", "1 2 4");
    expect("1 2 4", "1 2 4", 1, "", "4", NULL);
    /* Two of five: one after the other, both before anyone is promoted. */
    expect("1 2 3 4 5", "1 2 3 6 7", 1, "45", "", "1 2 3 5 +6 +7");
    expect("1 2 3 5 +6 +7", "1 2 3 6 7", 1, "5", "67", "1 2 3 +6 +7");
    expect("1 2 3 +6 +7", "1 2 3 6 7", 1, "", "6", NULL);
    expect("1 2 3 +6 +7", "1 2 3 6 7", 1, "", "67", "1 2 3 6 +7");
    expect("1 2 3 6 +7", "1 2 3 6 7", 1, "", "67", "1 2 3 6 7");
    /* With two voters, the leader goes on alone. */
    expect("1 2", "1 3", 1, "2", "", "1 +3");
    /* Lost twice: the successor's successor is wanted. */
    expect("1 2 +4", "1 2 5", 1, "4", "", "1 2 +5");
    /* A learner is lost. */
    expect("1 +2", "1 +3", 1, "2", "", "1 +3");
}

static void test_a_leader_whose_disk_is_called_lost_goes_last(void **state) {
    (void)state;
    expect("1 2 3", "2 3 4", 1, "1", "", "1 2 3 +4");
    expect("1 2 3 +4", "2 3 4", 1, "1", "4", "1 2 3 4");
    expect("1 2 3 4", "2 3 4", 1, "1", "4", "2 3 4");
    expect("1 5 3 4", "2 3 4", 1, "1", "2", "1 5 3 4 +2");
    expect("1 5 3 4 2", "2 3 4", 1, "1", "2", "1 3 4 2");
}

static void test_voters_come_in_pairs(void **state) {
    (void)state;
    expect("1", "1 2 3", 1, "", "", "1 +2 +3");
    expect("1 +2 +3", "1 2 3", 1, "", "2", NULL);
    expect("1 +2 +3", "1 2 3", 1, "", "23", "1 2 +3");
    expect("1 2 +3", "1 2 3", 1, "", "", NULL);
    expect("1 2 +3", "1 2 3", 1, "", "3", "1 2 3");
    /* One alone, where one is all there is to come. */
    expect("1 +2", "1 2", 1, "", "2", "1 2");
}

static void test_a_move_between_living_disks_adds_first(void **state) {
    (void)state;
    expect("1 2 3", "1 2 4", 1, "", "", "1 2 3 +4");
    expect("1 2 3 +4", "1 2 4", 1, "", "", NULL);
    expect("1 2 3 +4", "1 2 4", 1, "", "4", "1 2 3 4");
    expect("1 2 3 4", "1 2 4", 1, "", "4", "1 2 4");
    expect("1 2 3", "1", 1, "", "", "1 3");
    expect("1 2 3", "1 2 +3", 1, "", "", "1 2 +3");
    expect("1 2 3", "2", 1, "", "", "1 2");
    expect("1 2", "2", 1, "", "", "2");
}

static void test_learners_come_and_go(void **state) {
    (void)state;
    expect("1 +5", "1", 1, "", "", "1");
    expect("1", "1 +5 +6", 1, "", "", "1 +5 +6");
    expect("1 +5", "1 +6", 1, "", "", "1 +6");
    expect("1 +6 +5", "1 +5 +6", 1, "", "56", NULL);
}

static void test_places_are_for_voters_first(void **state) {
    (void)state;
    struct raft_configuration now = {.count = RAFT_MEMBERS_MAX};
    struct raft_configuration wanted = {.count = RAFT_MEMBERS_MAX};
    for (uint32_t i = 0; i < RAFT_MEMBERS_MAX; i++) {
        now.members[i] = (struct raft_member){.id = i + 1, .voter = i < 3};
        wanted.members[i] = (struct raft_member){.id = i + 1, .voter = i < 3};
    }
    wanted.members[2].id = 100; /* in place of 3, which lives: for a while both need a place */
    struct reconcile reconcile = {.now = &now, .wanted = &wanted, .leader = 1};
    struct raft_configuration next;
    assert_true(reconcile_next(&reconcile, &next));
    assert_int_equal(next.count, RAFT_MEMBERS_MAX);
    assert_true(votes(&next, 3));
    assert_non_null(raft_configuration_find(&next, 100));
    assert_null(raft_configuration_find(&next, RAFT_MEMBERS_MAX));
}

static struct raft_configuration random_members(struct prng *prng) {
    struct raft_configuration configuration = {0};
    bool has_voter = false;
    while (!has_voter) {
        configuration.count = 0;
        for (raft_id id = 1; id <= IDS; id++) {
            uint64_t choice = prng_below(prng, 3);
            if (choice > 0) {
                configuration.members[configuration.count++] =
                    (struct raft_member){.id = id, .voter = choice == 1};
                has_voter = has_voter || choice == 1;
            }
        }
    }
    return configuration;
}

static raft_id random_voter(struct prng *prng, const struct raft_configuration *configuration) {
    for (;;) {
        const struct raft_member *member = &configuration->members[prng_below(prng, configuration->count)];
        if (member->voter) {
            return member->id;
        }
    }
}

static bool contains(const struct ids *ids, raft_id id) {
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->ids[i] == id) {
            return true;
        }
    }
    return false;
}

static uint32_t living_voters(const struct raft_configuration *configuration, const struct ids *lost) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < configuration->count; i++) {
        count += configuration->members[i].voter && !contains(lost, configuration->members[i].id);
    }
    return count;
}

/* What holds for every step, whatever it is for. */
static void assert_step(const struct reconcile *reconcile, const struct ids *lost,
                        const struct ids *caught_up, const struct raft_configuration *next) {
    const struct raft_configuration *now = reconcile->now;
    uint32_t added = 0;
    uint32_t removed = 0;
    for (raft_id id = 1; id <= IDS; id++) {
        if (votes(next, id) && !votes(now, id)) {
            added++;
            assert_true(votes(reconcile->wanted, id));
            assert_non_null(raft_configuration_find(now, id));
            assert_true(contains(caught_up, id));
        }
        if (votes(now, id) && !votes(next, id)) {
            removed++;
            assert_false(votes(reconcile->wanted, id));
            /* Who lives goes only when all who should vote do. */
            for (uint32_t i = 0; i < reconcile->wanted->count && !contains(lost, id); i++) {
                const struct raft_member *member = &reconcile->wanted->members[i];
                assert_true(!member->voter || votes(now, member->id));
            }
        }
    }
    assert_in_range(added + removed, 0, 1);
    assert_true(raft_configuration_voters(next) > 0);
    assert_false(same(now, next));
    for (uint32_t i = 1; i < next->count; i++) {
        assert_true(next->members[i - 1].id < next->members[i].id);
    }
    if (votes(now, reconcile->leader) && !votes(next, reconcile->leader)) {
        /* The leader's own leave is the last of the voters'. */
        for (raft_id id = 1; id <= IDS; id++) {
            assert_int_equal(votes(next, id), votes(reconcile->wanted, id));
        }
    }
}

/* Walks from `now` as far as it goes; learners catch up at random, in the end all. */
static void walk(struct prng *prng, struct raft_configuration now, const struct raft_configuration *wanted,
                 raft_id leader, const struct ids *lost) {
    uint32_t living = living_voters(&now, lost);
    uint32_t wanted_voters = raft_configuration_voters(wanted);
    uint32_t floor = living < wanted_voters ? living : wanted_voters;
    for (int step = 0; step < STEPS_MAX; step++) {
        struct ids caught_up = {.count = 0};
        for (raft_id id = 1; id <= IDS; id++) {
            if (step >= STEPS_MAX / 2 || prng_chance(prng, 1, 2)) {
                caught_up.ids[caught_up.count++] = id;
            }
        }
        struct reconcile reconcile = {&now,        wanted,        leader,         lost->ids,
                                      lost->count, caught_up.ids, caught_up.count};
        struct raft_configuration next;
        if (!reconcile_next(&reconcile, &next)) {
            assert_true(step < STEPS_MAX / 2 || same(&now, wanted));
            continue;
        }
        assert_step(&reconcile, lost, &caught_up, &next);
        now = next;
        assert_true(living_voters(&now, lost) >= floor);
        if (!votes(&now, leader)) {
            leader = random_voter(prng, &now);
        }
    }
    assert_true(same(&now, wanted));
}

static void test_every_walk_arrives(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 99);
    for (int round = 0; round < 3000; round++) {
        struct raft_configuration now = random_members(&prng);
        struct raft_configuration wanted = random_members(&prng);
        raft_id leader = random_voter(&prng, &now);
        struct ids lost = {.count = 0};
        for (raft_id id = 1; id <= IDS; id++) {
            bool may = !raft_configuration_find(&wanted, id) && id != leader;
            if (may && prng_chance(&prng, 1, 2)) {
                lost.ids[lost.count++] = id;
            }
        }
        walk(&prng, now, &wanted, leader, &lost);
    }
}

static void expect_wanted(const struct metadata *metadata, const char *now_text, size_t voters_max,
                          const char *expected_text) {
    struct raft_configuration now = members(now_text);
    struct raft_configuration expected = members(expected_text);
    struct raft_configuration wanted;
    reconcile_metadata_wanted(metadata, &now, voters_max, &wanted);
    assert_true(same(&wanted, &expected));
}

static void test_voters_of_group_0(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    expect_wanted(metadata, "1 2 3", 3, "1 2 3");
    expect_wanted(metadata, "1 2 3", 1, "1 +2 +3");
    expect_wanted(metadata, "3 +1 +2", 1, "3 +1 +2"); /* who votes stays */
    register_broker(metadata, 5, 50);                 /* incarnation 4, the lowest id */
    expect_wanted(metadata, "1 2 3", 5, "1 2 3 +4");  /* four brokers: three voters */
    expect_wanted(metadata, "1", 5, "1 4 2 +3");      /* then by broker id: 5, 10, 20 */
    expect_wanted(metadata, "2", 2, "2 +1 +3 +4");
    register_broker(metadata, 20, 201); /* 5 in place of 2 */
    expect_wanted(metadata, "1 2 3 +4", 3, "1 3 4 +5");
    register_broker(metadata, 50, 500);
    expect_wanted(metadata, "1 3 4 +5", 5, "1 3 4 5 6");
    metadata_destroy(metadata);
}

static void test_all_brokers_are_members_of_group_0(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    for (uint32_t id = 101; metadata_broker_count(metadata) < BROKERS_MAX; id++) {
        register_broker(metadata, id, id);
    }
    struct raft_configuration now = members("1 2 3");
    struct raft_configuration wanted;
    reconcile_metadata_wanted(metadata, &now, 3, &wanted);
    assert_int_equal(wanted.count, BROKERS_MAX);
    assert_int_equal(raft_configuration_voters(&wanted), 3);
    metadata_destroy(metadata);
}

static void test_voters_of_a_partition(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    create_topic(metadata, "t", 1, (const raft_id[]){3, 1}, 2);
    register_broker(metadata, 30, 301);
    struct raft_configuration wanted;
    reconcile_partition_wanted(&find_topic(metadata, "t")->partitions[0], &wanted);
    struct raft_configuration expected = members("4 1");
    assert_true(same(&wanted, &expected));
    metadata_destroy(metadata);
}

static void test_who_is_lost(void **state) {
    (void)state;
    struct metadata *metadata = make_metadata(3);
    register_broker(metadata, 20, 201);
    raft_id lost[RAFT_MEMBERS_MAX];
    size_t count = 9;
    struct raft_configuration now = members("1 2 3 +4");
    assert_true(reconcile_lost(metadata, &now, lost, &count));
    assert_int_equal(count, 1);
    assert_int_equal(lost[0], 2);
    now = members("1 2 3 +5"); /* this state has not heard of 5 yet */
    assert_false(reconcile_lost(metadata, &now, lost, &count));
    metadata_destroy(metadata);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lost_disk_is_replaced),
        cmocka_unit_test(test_a_leader_whose_disk_is_called_lost_goes_last),
        cmocka_unit_test(test_voters_come_in_pairs),
        cmocka_unit_test(test_a_move_between_living_disks_adds_first),
        cmocka_unit_test(test_learners_come_and_go),
        cmocka_unit_test(test_places_are_for_voters_first),
        cmocka_unit_test(test_every_walk_arrives),
        cmocka_unit_test(test_voters_of_group_0),
        cmocka_unit_test(test_all_brokers_are_members_of_group_0),
        cmocka_unit_test(test_voters_of_a_partition),
        cmocka_unit_test(test_who_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
