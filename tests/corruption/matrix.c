#include "matrix.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CASES_PER_IMAGE = 25,
    CASE_SECONDS_MAX = 120,
    SETTLE_MS = 200, /* the witness follows within 50 */
    COMMITS_MIN = 3,
    COMMITS_FEW = 30,
    COMMITS_MAX = 600,
};

/* A data directory as it was left. */
struct image {
    char path[TREE_PATH_MAX];
    uint64_t seed;
    uint64_t commits;
    bool closed;  /* orderly; otherwise its process was killed */
    bool settled; /* the witness had the time to see the last commit */
};

/* Written by a case's process, read by the one that waits for it. */
struct report {
    bool finished;
    struct verdict verdict;
};

static void make_image(const struct image *image) {
    struct storage *storage = NULL;
    struct storage_rocksdb_info info;
    struct error error = {.message = ""};
    struct model *model = malloc(sizeof *model);
    ASSERT(model);
    model_init(model, image->seed);
    if (verdict_open(image->path, &storage, &info, &error) != STATUS_OK) {
        fprintf(stderr, "corruption: no image: %s\n", error.message);
        _exit(2);
    }
    while (model->commits < image->commits) {
        if (verdict_write(storage, model) != STATUS_OK) {
            _exit(2);
        }
    }
    if (image->closed) {
        storage->operations->destroy(storage);
        free(model);
        _exit(0);
    }
    if (image->settled) {
        usleep(SETTLE_MS * 1000);
    }
    raise(SIGKILL); /* at once: what RocksDB does in the background is cut as it is */
}

static pid_t start_process(void) {
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        tree_fail("fork", "a process");
    }
    return child;
}

static int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            tree_fail("wait for", "a process");
        }
    }
    return status;
}

static void image_init(struct image *image, const struct matrix_options *options, uint64_t number) {
    struct prng prng;
    prng_init(&prng, options->seed * 7919 + number);
    *image = (struct image){.seed = prng_next(&prng)};
    /* Some are all write-ahead log, some have been flushed and compacted many times. */
    uint64_t most = prng_chance(&prng, 1, 4) ? COMMITS_FEW : COMMITS_MAX;
    image->commits = prng_between(&prng, COMMITS_MIN, most);
    image->closed = prng_chance(&prng, 1, 3);
    image->settled = image->closed || prng_chance(&prng, 2, 3);
    snprintf(image->path, sizeof image->path, "%s/image", options->directory);
    tree_remove(image->path);
    pid_t child = start_process();
    if (child == 0) {
        make_image(image);
    }
    int status = wait_for(child);
    bool as_meant = image->closed ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                                  : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!as_meant) {
        errno = ECHILD;
        tree_fail("make", image->path);
    }
}

/* In a process of its own. */
static void run_case(const char *directory, const struct image *image, struct report *report) {
    alarm(CASE_SECONDS_MAX);
    struct model *model = malloc(sizeof *model);
    ASSERT(model);
    model_replay(model, image->seed, image->commits);
    verdict_find(directory, model, image->settled, &report->verdict);
    report->finished = true;
    free(model);
    _exit(0);
}

static int start_and_wait(const char *directory, const struct image *image, struct report *report) {
    memset(report, 0, sizeof *report);
    pid_t child = start_process();
    if (child == 0) {
        run_case(directory, image, report);
    }
    return wait_for(child);
}

static void tell(const struct matrix_options *options, uint64_t number, const struct image *image,
                 const struct damage *damage, const struct report *report) {
    fprintf(stderr, "case %lu, %s, %lu commits: %s: %s: %s\n", (unsigned long)number,
            image->closed    ? "closed"
            : image->settled ? "killed"
                             : "killed at once",
            (unsigned long)image->commits, damage->text, outcome_name(report->verdict.outcome),
            report->verdict.text);
    if (report->verdict.outcome == OUTCOME_WRONG) {
        fprintf(stderr, "  again: corruption --seed %lu --case %lu\n", (unsigned long)options->seed,
                (unsigned long)number);
    }
}

static void run_one(const struct matrix_options *options, uint64_t number, const struct image *image,
                    struct report *report, struct matrix_result *result) {
    char directory[TREE_PATH_MAX];
    struct prng prng;
    struct damage damage;
    prng_init(&prng, options->seed * 104729 + number);
    snprintf(directory, sizeof directory, "%s/case", options->directory);
    tree_remove(directory);
    tree_copy(image->path, directory);
    damage_do(directory, &prng, &damage);
    int status = start_and_wait(directory, image, report);
    if (!report->finished && WIFSIGNALED(status)) {
        /* Damage may end a start, but not each start: a supervisor would try again. */
        status = start_and_wait(directory, image, report);
    }
    if (!report->finished || status != 0) {
        report->verdict.outcome = OUTCOME_WRONG;
        snprintf(report->verdict.text, sizeof report->verdict.text, "its process ended with %s %d",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    } else if (damage.kind == DAMAGE_NONE && report->verdict.outcome != OUTCOME_WHOLE) {
        report->verdict.outcome = OUTCOME_WRONG;
    }
    bool failed = report->verdict.outcome == OUTCOME_WRONG;
    result->outcomes[damage.type][report->verdict.outcome]++;
    result->cases++;
    result->failed += failed;
    if (failed || options->verbose) {
        tell(options, number, image, &damage, report);
    }
}

void matrix_run(const struct matrix_options *options, struct matrix_result *ret_result) {
    struct report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) {
        tree_fail("map", "a report");
    }
    struct matrix_result result = {0};
    struct image image = {0};
    uint64_t begun_ms = clock_monotonic_ms();
    for (uint64_t i = 0; i < options->cases; i++) {
        if (options->seconds_max > 0 && clock_monotonic_ms() - begun_ms >= options->seconds_max * 1000) {
            break;
        }
        uint64_t number = options->first + i;
        if (i == 0 || number % CASES_PER_IMAGE == 0) {
            image_init(&image, options, number / CASES_PER_IMAGE);
        }
        run_one(options, number, &image, report, &result);
    }
    tree_remove(image.path);
    munmap(report, sizeof *report);
    *ret_result = result;
}
