/*
 * corruption --cases N [--seed S] [--first N]    the matrix; the last line is `N passed, N failed`
 * corruption --case N [--seed S]                 one case again, in words
 */
#include "matrix.h"

#include "../support/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void usage(FILE *out) {
    fputs("usage: corruption --cases N [--seed S] [--first N] [--verbose]\n"
          "       corruption --case N [--seed S]\n",
          out);
}

static struct matrix_options parse_options(int count, char **arguments) {
    static const struct option known[] = {
        {"cases", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"first", required_argument, NULL, 'f'},
        {"case", required_argument, NULL, 'c'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct matrix_options options = {.seed = 1, .cases = 1000};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'n':
            options.cases = argument_number(optarg);
            break;
        case 's':
            options.seed = argument_number(optarg);
            break;
        case 'f':
            options.first = argument_number(optarg);
            break;
        case 'c':
            options.first = argument_number(optarg);
            options.cases = 1;
            options.verbose = true;
            break;
        case 'v':
            options.verbose = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    return options;
}

static void print_table(const struct matrix_result *result) {
    printf("%-10s", "file");
    for (int outcome = 0; outcome < OUTCOMES; outcome++) {
        printf(" %10s", outcome_name((enum outcome)outcome));
    }
    putchar('\n');
    for (int type = 0; type < FILE_TYPES; type++) {
        printf("%-10s", file_type_name((enum file_type)type));
        for (int outcome = 0; outcome < OUTCOMES; outcome++) {
            printf(" %10lu", (unsigned long)result->outcomes[type][outcome]);
        }
        putchar('\n');
    }
}

int main(int count, char **arguments) {
    struct matrix_options options = parse_options(count, arguments);
    char directory[] = "/tmp/aviary-corruption-XXXXXX";
    char in_memory[] = "/dev/shm/aviary-corruption-XXXXXX";
    /* Memory, where there is some: this syncs tens of thousands of times, and pulls no plugs. */
    options.directory = mkdtemp(in_memory) ? in_memory : mkdtemp(directory);
    if (!options.directory) {
        tree_fail("make", directory);
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 0);
    struct matrix_result result;
    matrix_run(&options, &result);
    tree_remove(options.directory);
    print_table(&result);
    printf("%lu passed, %lu failed\n", (unsigned long)(result.cases - result.failed),
           (unsigned long)result.failed);
    return result.failed == 0 ? 0 : 1;
}
