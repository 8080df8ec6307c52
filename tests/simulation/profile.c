#include "profile.h"

/* One of the values. */
#define CHOOSE(prng, ...)                                                                                    \
    ({                                                                                                       \
        const uint64_t choices_[] = {__VA_ARGS__};                                                           \
        choices_[prng_below((prng), sizeof choices_ / sizeof choices_[0])];                                  \
    })

/* Absent in half of the seeds; else between `low_ms` and 32 times that, each power of two as likely. */
static uint64_t draw_interval(struct prng *prng, uint64_t low_ms) {
    return prng_chance(prng, 1, 2) ? 0 : prng_between(prng, low_ms, 2 * low_ms) << prng_below(prng, 5);
}

static struct fault_intervals draw_faults(struct prng *prng) {
    return (struct fault_intervals){
        .leader_percent = CHOOSE(prng, 0, 50, 90),
        .part_percent = CHOOSE(prng, 0, 0, 50),
        .ambush_percent = CHOOSE(prng, 0, 0, 20, 90),
        .crash_ms = draw_interval(prng, 300),
        .power_loss_ms = draw_interval(prng, 2000),
        .pause_ms = draw_interval(prng, 500),
        .cut_ms = draw_interval(prng, 500),
        .storm_ms = draw_interval(prng, 1000),
        .slow_link_ms = draw_interval(prng, 1000),
        .close_ms = draw_interval(prng, 100),
        .slow_disk_ms = draw_interval(prng, 500),
        .no_space_ms = draw_interval(prng, 1000),
        .failed_sync_ms = draw_interval(prng, 1000),
        .lose_disk_ms = draw_interval(prng, 500),
        .damage_ms = draw_interval(prng, 500),
        .clock_ms = draw_interval(prng, 500),
        .transfer_ms = draw_interval(prng, 200),
        .preference_ms = draw_interval(prng, 500),
    };
}

static void draw_network(struct prng *prng, struct profile *profile) {
    profile->latency_us = CHOOSE(prng, 100, 100, 500, 2000, 10000);
    profile->jitter_us = profile->latency_us * CHOOSE(prng, 0, 1, 1, 4);
    profile->straggler_per_million = CHOOSE(prng, 0, 0, 1000, 10000, 100000);
    profile->inflight_appends_max = (uint32_t)CHOOSE(prng, 1, 4, RAFT_INFLIGHT_APPENDS_MAX);
    profile->inflight_bytes_max = CHOOSE(prng, 1, 2000, RAFT_INFLIGHT_BYTES_MAX);
    profile->append_entries_max = (uint32_t)CHOOSE(prng, 1, 3, RAFT_APPEND_ENTRIES_MAX);
    profile->frames = prng_chance(prng, 1, 4);
    profile->encodes = !profile->frames && prng_chance(prng, 1, 8);
    profile->damage_per_million = profile->frames ? CHOOSE(prng, 0, 100, 1000, 10000) : 0;
    profile->cut_spares = prng_chance(prng, 1, 2);
    profile->reorders = !profile->frames && prng_chance(prng, 1, 2);
    profile->drop_per_million = CHOOSE(prng, 0, 0, 1000, 20000, 100000, 300000);
    profile->repeat_per_million = CHOOSE(prng, 0, 0, 1000, 50000);
}

static void draw_storage(struct prng *prng, struct profile *profile) {
    profile->sync_us = CHOOSE(prng, 200, 1000, 5000, 20000);
    profile->sync_jitter_us = profile->sync_us * CHOOSE(prng, 1, 1, 5, 20);
    profile->pending_visible = prng_chance(prng, 1, 2);
    profile->apply_entries_max = CHOOSE(prng, 1, 10, 4096);
    profile->checkpoint_entries = CHOOSE(prng, 5, 20, 100, 1000);
    profile->checkpoint_bytes = CHOOSE(prng, 1000, 10000, 1000000);
    profile->metadata_log_keep = CHOOSE(prng, 0, 3, 20, 200);
    profile->snapshot_chunk_bytes = CHOOSE(prng, 100, 1000, 1000000);
    profile->tail_bytes_max = CHOOSE(prng, 0, 2000, 100000);
    profile->backlog_bytes_max = CHOOSE(prng, 500, 5000, 1000000);
}

static void draw_clients(struct prng *prng, struct profile *profile) {
    profile->keys_max = CHOOSE(prng, 4, 40, 400, 4000);
    profile->pending_max = (uint32_t)CHOOSE(prng, 3, 1000, 1000);
    profile->producers = prng_between(prng, 2, PRODUCERS_MAX);
    profile->readers = prng_between(prng, 1, READERS_MAX);
    profile->think_ms = CHOOSE(prng, 5, 20, 50, 100, 200);
    profile->payload_max = CHOOSE(prng, 16, 100, 1000);
    profile->key_percent = CHOOSE(prng, 50, 90, 100);
    profile->partitions_max = prng_between(prng, 1, 5);
    profile->admin_ms = CHOOSE(prng, 500, 2000, 10000);
    profile->log_start_ms = CHOOSE(prng, 0, 300, 1000, 4000);
    profile->replication_min = prng_chance(prng, 4, 5) ? 3 : 1;
}

void profile_draw(struct prng *prng, struct profile *ret_profile) {
    struct profile profile = {
        .brokers = prng_chance(prng, 1, 2) ? 3 : 5,
        .tick_ms = CHOOSE(prng, 10, 20, 25),
        .flush_delay_us = CHOOSE(prng, 0, 50, 1000),
    };
    profile.first_voters = CHOOSE(prng, 1, 3, 3, 5, 5);
    if (profile.first_voters > profile.brokers) {
        profile.first_voters = profile.brokers;
    }
    profile.join_ms = CHOOSE(prng, 0, 5000, 40000);
    profile.metadata_voters = prng_chance(prng, 1, 2) ? profile.first_voters : profile.brokers;
    draw_network(prng, &profile);
    draw_storage(prng, &profile);
    draw_clients(prng, &profile);
    profile.faults = draw_faults(prng);
    *ret_profile = profile;
}
