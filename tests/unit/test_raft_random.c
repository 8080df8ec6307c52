/*
 * Random churn over many seeds: lost, repeated and reordered messages, cut links, crashes that lose what is
 * not durable, slow disks, compaction, transfers and membership changes. The cluster checks election safety,
 * log matching, leader completeness and state machine safety all along; here reads are checked, and that it
 * comes to rest in the end.
 */
#include "../support/raft_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEEDS = 500, ACTIONS = 300, READS_MAX = 256 };

struct asked {
    raft_id at;
    uint64_t committed; /* by anyone when it was asked */
};

struct churn {
    struct cluster cluster;
    struct prng prng;
    uint64_t value;
    struct asked asked[READS_MAX];
    size_t read_count;
};

static raft_id any_id(struct churn *churn) {
    return 1 + prng_below(&churn->prng, churn->cluster.node_count);
}

/* Anyone who believes to lead: an old leader must do no harm. */
static raft_id any_leader(struct churn *churn) {
    raft_id start = any_id(churn);
    for (size_t i = 0; i < churn->cluster.node_count; i++) {
        raft_id id = 1 + (start + i) % churn->cluster.node_count;
        const struct node *node = cluster_node(&churn->cluster, id);
        if (node->up && raft_role(node->raft) == RAFT_LEADER) {
            return id;
        }
    }
    return 0;
}

/* In half of the seeds all are alike, and meet as candidates. */
static void restart(struct churn *churn, raft_id id) {
    cluster_restart(&churn->cluster, id);
    if (churn->cluster.seed % 4 < 2) {
        raft_set_preference(cluster_node(&churn->cluster, id)->raft, 0, 0);
    }
}

static void crash_or_restart(struct churn *churn) {
    struct cluster *cluster = &churn->cluster;
    raft_id id = any_id(churn);
    struct node *node = cluster_node(cluster, id);
    if (!node->up) {
        restart(churn, id);
        return;
    }
    cluster_persist_silently(cluster, id, (size_t)prng_below(&churn->prng, node->write_count + 1));
    cluster_crash(cluster, id, prng_chance(&churn->prng, 1, 2));
}

static void ask(struct churn *churn, raft_id leader) {
    if (churn->read_count == READS_MAX) {
        return;
    }
    churn->asked[churn->read_count] =
        (struct asked){.at = leader, .committed = churn->cluster.invariants.committed_count};
    churn->read_count++;
    (void)cluster_read(&churn->cluster, leader, churn->read_count);
}

static void check_reads(struct churn *churn) {
    for (size_t i = 0; i < churn->read_count; i++) {
        const struct raft_read *end = cluster_read_end(&churn->cluster, churn->asked[i].at, i + 1);
        if (end && end->status == STATUS_OK) {
            assert_true(end->index >= churn->asked[i].committed);
        }
    }
}

static void change_members(struct churn *churn, raft_id leader) {
    struct raft_configuration next = *raft_latest_configuration(cluster_node(&churn->cluster, leader)->raft);
    uint32_t at = (uint32_t)prng_below(&churn->prng, next.count);
    if (prng_chance(&churn->prng, 1, 4)) {
        next.members[0].voter = !next.members[0].voter; /* with the next one: two voters, refused */
    }
    if (prng_chance(&churn->prng, 1, 2)) {
        next.members[at].voter = !next.members[at].voter;
    } else if (prng_chance(&churn->prng, 1, 2)) {
        next.members[at] = next.members[--next.count];
    } else {
        raft_id id = any_id(churn);
        if (!raft_configuration_find(&next, id)) {
            next.members[next.count++] =
                (struct raft_member){.id = id, .voter = prng_chance(&churn->prng, 1, 2)};
        }
    }
    if (raft_configuration_voters(&next) >= 2) {
        (void)cluster_change(&churn->cluster, leader, &next);
    }
}

static void act_at_leader(struct churn *churn, raft_id leader, uint64_t kind) {
    if (kind < 50) {
        (void)cluster_propose(&churn->cluster, leader, ++churn->value);
    } else if (kind < 60) {
        ask(churn, leader);
    } else if (kind < 64) {
        (void)cluster_transfer(&churn->cluster, leader, prng_below(&churn->prng, 4));
    } else {
        change_members(churn, leader);
    }
}

static void act(struct churn *churn) {
    struct cluster *cluster = &churn->cluster;
    uint64_t kind = prng_below(&churn->prng, 100);
    raft_id leader = any_leader(churn);
    raft_id id = any_id(churn);
    if (kind < 70) {
        if (leader != 0) {
            act_at_leader(churn, leader, kind);
        }
    } else if (kind < 78) {
        crash_or_restart(churn);
    } else if (kind < 86) {
        cluster_cut(cluster, id, any_id(churn));
    } else if (kind < 88) {
        cluster_isolate(cluster, id);
    } else if (kind < 94) {
        cluster_heal(cluster);
    } else if (kind < 97) {
        cluster_node(cluster, id)->slow_disk = !cluster_node(cluster, id)->slow_disk;
    } else if (cluster_node(cluster, id)->up) {
        cluster_compact(cluster, id);
    }
}

static void come_to_rest(struct churn *churn) {
    struct cluster *cluster = &churn->cluster;
    cluster_heal(cluster);
    cluster->network.drop_percent = 0;
    cluster->network.repeat_percent = 0;
    for (raft_id id = 1; id <= cluster->node_count; id++) {
        cluster_node(cluster, id)->slow_disk = false;
        if (!cluster_node(cluster, id)->up) {
            cluster_restart(cluster, id);
        }
    }
    cluster_run(cluster, 1000);
    raft_id leader = cluster_run_to_leader(cluster);
    assert_int_equal(cluster_propose(cluster, leader, ++churn->value), STATUS_OK);
    cluster_run_to_agreement(cluster);
    assert_int_equal(cluster_read(cluster, leader, READS_MAX + 1), STATUS_OK);
    cluster_run(cluster, 200);
    const struct raft_read *end = cluster_read_end(cluster, leader, READS_MAX + 1);
    assert_non_null(end);
    assert_int_equal(end->status, STATUS_OK);
    assert_true(end->index >= cluster->invariants.committed_count);
}

static void run(uint64_t seed) {
    struct churn *churn = calloc(1, sizeof *churn);
    assert_non_null(churn);
    prng_init(&churn->prng, seed);
    cluster_init(&churn->cluster, seed % 2 == 0 ? 3 : 5, 1, seed);
    churn->cluster.network.drop_percent = prng_below(&churn->prng, 10);
    churn->cluster.network.repeat_percent = prng_below(&churn->prng, 10);
    churn->cluster.network.jitter_ms = prng_below(&churn->prng, 30);
    for (int i = 0; i < ACTIONS; i++) {
        act(churn);
        cluster_run(&churn->cluster, prng_below(&churn->prng, 30));
        if (i % 10 == 0) {
            check_reads(churn);
        }
    }
    come_to_rest(churn);
    cluster_finish(&churn->cluster);
    free(churn);
}

/* AVIARY_SEED=n runs that one alone. */
static void test_churn(void **state) {
    (void)state;
    const char *only = getenv("AVIARY_SEED");
    if (only) {
        run(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        (void)fprintf(stderr, "\rseed %llu ", (unsigned long long)seed);
        run(seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
