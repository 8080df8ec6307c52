/*
 * simulate --seeds N [--first S] [--seconds 60] [--jobs J] [--until-failure]   each in a process of its own
 * simulate --seed S [--seconds 60] [--trace]                                   one, in this process
 *
 * The last line is `N passed, N failed`; exit status 1 where one failed. A failure names its seed and the
 * command that shows it again.
 */
#include "simulation.h"

#include "../support/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, SEED_CPU_SECONDS_MAX = 300, SEEDS_FOR_ALL = 1000, SECONDS_FOR_ALL = 60 };

struct options {
    uint64_t first;
    uint64_t seeds;
    uint64_t seconds;
    uint64_t jobs;
    bool single;
    bool until_failure;
    bool trace;
};

/* What all processes of a run add to. */
struct tally {
    _Atomic uint64_t counts[STATISTIC_COUNT];
};

static void usage(FILE *out) {
    fputs("usage: simulate --seeds N [--first S] [--seconds N] [--jobs N] [--until-failure]\n"
          "       simulate --seed S [--seconds N] [--trace]\n",
          out);
}

static struct options parse_options(int count, char **arguments) {
    static const struct option known[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},
        {"seconds", required_argument, NULL, 't'},
        {"jobs", required_argument, NULL, 'j'},
        {"seed", required_argument, NULL, 's'},
        {"trace", no_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},
        {"until-failure", no_argument, NULL, 'u'},
        {0},
    };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {
        .first = 1, .seeds = 100, .seconds = 60, .jobs = cores > 0 ? (uint64_t)cores : 1};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'n':
            options.seeds = argument_number(optarg);
            break;
        case 'f':
            options.first = argument_number(optarg);
            break;
        case 't':
            options.seconds = argument_number(optarg);
            break;
        case 'j':
            options.jobs = argument_number(optarg);
            break;
        case 's':
            options.first = argument_number(optarg);
            options.single = true;
            break;
        case 'T':
            options.trace = true;
            break;
        case 'u':
            options.until_failure = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    if (options.jobs == 0 || options.jobs > JOBS_MAX) {
        fprintf(stderr, "simulate: 1 to %d jobs\n", JOBS_MAX);
        exit(2);
    }
    return options;
}

static void run_seed(const struct options *options, uint64_t seed, struct tally *tally) {
    /* Not by the clock: a run may be stopped for as long as its machine is needed for something else. */
    setrlimit(RLIMIT_CPU,
              &(struct rlimit){.rlim_cur = SEED_CPU_SECONDS_MAX, .rlim_max = SEED_CPU_SECONDS_MAX});
    struct simulation_result result = simulation_run(seed, options->seconds, false);
    for (size_t i = 0; i < STATISTIC_COUNT; i++) {
        tally->counts[i] += result.statistics.counts[i];
    }
}

static pid_t start_seed(const struct options *options, uint64_t seed, struct tally *tally) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        run_seed(options, seed, tally);
        exit(0);
    }
    if (child < 0) {
        perror("simulate: fork");
        exit(2);
    }
    return child;
}

struct running {
    pid_t child; /* 0: free */
    uint64_t seed;
};

static struct running *find_child(struct running *running, pid_t child) {
    for (size_t i = 0; i < JOBS_MAX; i++) {
        if (running[i].child == child) {
            return &running[i];
        }
    }
    return NULL;
}

/* Waits for one to end; whether it went well. */
static bool reap(const struct options *options, struct running *running) {
    int result;
    pid_t child = wait(&result);
    struct running *ended = child > 0 ? find_child(running, child) : NULL;
    if (ended == NULL) {
        perror("simulate: wait");
        exit(2);
    }
    ended->child = 0;
    if (WIFSIGNALED(result)) {
        fprintf(stderr, "seed %lu: ended by signal %d\n  again: simulate --seconds %lu --seed %lu --trace\n",
                ended->seed, WTERMSIG(result), options->seconds, ended->seed);
    }
    return WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

/* A kind of thing that never happened in so many seeds was not tested: how many of these. */
static uint64_t print_tally(const struct options *options, uint64_t seeds, const struct tally *tally) {
    uint64_t absent = 0;
    printf("%lu seeds of %lu s\n", seeds, options->seconds);
    for (size_t i = 0; i < STATISTIC_COUNT; i++) {
        bool counts = seeds >= SEEDS_FOR_ALL && options->seconds >= SECONDS_FOR_ALL;
        bool never = counts && tally->counts[i] == 0;
        absent += never;
        printf("%12lu %s%s\n", tally->counts[i], statistic_name((enum statistic)i),
               never ? ": not tested" : "");
    }
    return absent;
}

static int run_many(const struct options *options) {
    struct tally *tally =
        mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED) {
        perror("simulate: mmap");
        return 2;
    }
    struct running running[JOBS_MAX] = {0};
    uint64_t started = 0;
    uint64_t ended = 0;
    uint64_t failed = 0;
    uint64_t seeds = options->seeds;
    while (ended < seeds) {
        if (started < seeds && started - ended < options->jobs) {
            struct running *slot = find_child(running, 0);
            ASSERT(slot != NULL);
            slot->seed = options->first + started++;
            slot->child = start_seed(options, slot->seed, tally);
            continue;
        }
        failed += !reap(options, running);
        ended++;
        if (failed > 0 && options->until_failure) {
            seeds = started;
        }
    }
    uint64_t passed = ended - failed;
    failed += print_tally(options, ended, tally);
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

static int run_one(const struct options *options) {
    struct simulation_result result = simulation_run(options->first, options->seconds, options->trace);
    printf("seed %lu: trace %016lx, %lu events, %lu batches committed\n", options->first, result.trace_hash,
           result.statistics.counts[STATISTIC_EVENTS], result.statistics.counts[STATISTIC_COMMITTED]);
    printf("1 passed, 0 failed\n");
    return 0;
}

int main(int count, char **arguments) {
    struct options options = parse_options(count, arguments);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_configure(options.trace ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 0);
    return options.single ? run_one(&options) : run_many(&options);
}
