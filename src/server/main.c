/*
 * aviaryd: reads the configuration, runs the server until a signal or a failure.
 */
#include "discovery.h"
#include "recover_unsafe.h"
#include "server.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

extern char **environ;

enum { EXIT_USAGE = 2, WATCH_MS = 100 };

/* Streams, clients and RocksDB's files all want descriptors: take what the system allows. */
static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            log_warn("server", "file limit", "stays at its default: many clients may not fit");
        }
    }
}

/*
 * A thousand idle workers wait on one futex. Since Linux 6.16 a process has its own futex table, of a few
 * dozen slots on a small machine: every other futex that shares that slot then pays for walking past all of
 * them on each wake (0.7 ms were measured with 2,600 threads). A large table keeps them apart. Older kernels
 * have one table for all, and say no.
 */
static void spread_futexes(void) {
    enum { PRCTL_FUTEX_HASH = 78, PRCTL_FUTEX_HASH_SET_SLOTS = 1, FUTEX_SLOTS = 16384 }; /* linux/prctl.h */
    if (prctl(PRCTL_FUTEX_HASH, PRCTL_FUTEX_HASH_SET_SLOTS, FUTEX_SLOTS, 0, 0) != 0) {
        log_debug("server", "futex table", "stays as the kernel has it");
    }
}

static void block_signals(sigset_t *ret_signals) {
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
}

/* Until a signal (true) or a failure (false). */
static bool wait_for_end(struct server *server, const sigset_t *signals) {
    while (!broker_wait_failure(server->broker, clock_monotonic_ms() + WATCH_MS)) {
        struct timespec at_once = {0};
        int signal_number = sigtimedwait(signals, NULL, &at_once);
        if (signal_number > 0) {
            log_info("server", "stopping", "signal=%d", signal_number);
            return true;
        }
    }
    return false;
}

static int run(const struct config *config) {
    struct server *server = calloc(1, sizeof *server);
    struct error error;
    sigset_t signals;
    if (server == NULL) {
        fputs("aviaryd: no memory\n", stderr);
        return EXIT_FAILURE;
    }
    raise_file_limit();
    block_signals(&signals);
    log_configure(config->log_level, config->log_format, config->id);
    spread_futexes();
    error.message[0] = '\0';
    enum status status = server_start(server, config, &error);
    if (status != STATUS_OK) {
        log_error("server", "not started", "%s", error.message[0] ? error.message : status_name(status));
        server_stop(server);
        free(server);
        return EXIT_FAILURE;
    }
    if (!wait_for_end(server, &signals)) {
        /* What failed may hang in an orderly stop; the log on disk is whole, so the next start recovers. */
        log_error("server", "ended", "%s", broker_failure(server->broker));
        _exit(EXIT_FAILURE);
    }
    server_stop(server);
    log_info("server", "stopped", "%s", "orderly");
    free(server);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    struct options options;
    enum option_action action;
    struct error error;
    struct config config;
    int result = EXIT_SUCCESS;
    enum status status = options_read(argc, argv, environ, &options, &action, &error);
    if (status == STATUS_OK && action == OPTION_ACTION_HELP) {
        options_print_help(stdout);
    } else if (status == STATUS_OK && action == OPTION_ACTION_VERSION) {
        puts("aviaryd " AVIARY_VERSION);
    } else if (status == STATUS_OK) {
        status = config_read(&options, &config, &error);
        if (status == STATUS_OK) {
            status = discovery_check(&config, &error);
        }
        if (status == STATUS_OK && action == OPTION_ACTION_CHECK_CONFIG) {
            config_print(&options, stdout);
        } else if (status == STATUS_OK && action == OPTION_ACTION_RECOVER_UNSAFE) {
            result = recover_unsafe(&config, options.recover_groups, options.yes);
        } else if (status == STATUS_OK) {
            result = run(&config);
        }
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "aviaryd: %s\n", error.message);
        result = EXIT_USAGE;
    }
    options_finish(&options);
    return result;
}
