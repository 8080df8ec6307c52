/*
 * What kind of run a seed makes: sizes, speeds, and which faults happen how often. Each seed draws its own
 * mixture (swarm testing, Groce et al. 2012): a fault that is absent lets others go further.
 */
#ifndef AVIARY_TESTS_SIMULATION_PROFILE_H
#define AVIARY_TESTS_SIMULATION_PROFILE_H

#include "aviary/base.h"

enum {
    SIMULATION_BROKERS_MAX = 5,
    PRODUCERS_MAX = 8,
    READERS_MAX = 3,
};

/* The mean time between two of a kind; 0: none in this run. */
struct fault_intervals {
    uint64_t leader_percent; /* of the faults of one broker, those that meet a leader */
    uint64_t part_percent;   /* of changes of members, which part the network */
    uint64_t ambush_percent; /* of new leaders, who are struck as soon as they lead */
    uint64_t crash_ms;
    uint64_t power_loss_ms; /* all brokers at once */
    uint64_t pause_ms;
    uint64_t cut_ms;       /* partitions of the network */
    uint64_t storm_ms;     /* loss, delay, repetition */
    uint64_t slow_link_ms; /* much delay, one way between two brokers */
    uint64_t close_ms;     /* streams between two brokers */
    uint64_t slow_disk_ms;
    uint64_t no_space_ms;
    uint64_t failed_sync_ms;
    uint64_t lose_disk_ms; /* wiped, cut short, unreadable */
    uint64_t damage_ms;    /* rotten bits, misdirected writes */
    uint64_t clock_ms;     /* steps of the wall clock */
    uint64_t transfer_ms;
    uint64_t preference_ms;
};

struct profile {
    size_t brokers;
    size_t first_voters;    /* the others join */
    uint64_t join_ms;       /* within that time; 0: at once */
    size_t metadata_voters; /* in the end; odd */
    uint64_t tick_ms;
    uint64_t flush_delay_us;

    uint64_t latency_us;
    uint64_t jitter_us;
    bool reorders;               /* within one lane too */
    bool encodes;                /* every message is written to bytes and read back, as transport does */
    bool frames;                 /* messages travel as frames in streams of bytes */
    bool cut_spares;             /* what was under way when a link was cut still arrives */
    uint64_t damage_per_million; /* of bursts of frames */
    uint64_t drop_per_million;
    uint64_t repeat_per_million;
    uint64_t straggler_per_million; /* messages that come much later than others */
    uint32_t inflight_appends_max;
    uint64_t inflight_bytes_max;
    uint32_t append_entries_max;

    uint64_t sync_us;
    uint64_t sync_jitter_us;
    bool pending_visible;

    uint64_t apply_entries_max;
    uint64_t checkpoint_entries;
    uint64_t checkpoint_bytes;
    uint64_t metadata_log_keep;
    size_t keys_max;
    size_t tail_bytes_max;
    size_t backlog_bytes_max;
    size_t snapshot_chunk_bytes;
    uint32_t pending_max;

    size_t producers;
    size_t readers;
    uint64_t think_ms; /* of a client, between two requests, at most twice that */
    size_t payload_max;
    uint64_t key_percent;
    size_t partitions_max; /* at one time */
    uint64_t admin_ms;     /* mean time between two changes of topics */
    uint64_t log_start_ms;
    uint32_t replication_min;

    struct fault_intervals faults;
};

void profile_draw(struct prng *prng, struct profile *ret_profile);

#endif
