/*
 * Options by name: from flags, then AVIARY_* variables, then a file, then defaults; the first that says
 * something wins.
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "aviary/base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum option_id {
    OPTION_ID,
    OPTION_DATA,
    OPTION_LISTEN,
    OPTION_PEER_LISTEN,
    OPTION_ADVERTISE,
    OPTION_PEER_ADVERTISE,
    OPTION_ZOOKEEPER,
    OPTION_EXPECT,
    OPTION_PEERS,
    OPTION_CONFIG,
    OPTION_LOG_LEVEL,
    OPTION_LOG_FORMAT,
    OPTION_HEARTBEAT_MS,
    OPTION_ELECTION_MS,
    OPTION_ZOOKEEPER_SESSION_MS,
    OPTION_REQUEST_DEADLINE_MS,
    OPTION_BODY_DEADLINE_MS,
    OPTION_IDLE_TIMEOUT_MS,
    OPTION_CONNECTIONS_MAX,
    OPTION_BODY_BYTES_MAX,
    OPTION_TAIL_BYTES_MAX,
    OPTION_BLOCK_CACHE_BYTES,
    OPTION_MAILBOX_BYTES_MAX,
    OPTION_FREE_BYTES_MIN,
    OPTION_SCRUB_BYTES_PER_SECOND,
    OPTION_SCRUB_INTERVAL_S,
    OPTION_COUNT,
};

enum option_action {
    OPTION_ACTION_RUN,
    OPTION_ACTION_HELP,
    OPTION_ACTION_VERSION,
    OPTION_ACTION_CHECK_CONFIG,
    OPTION_ACTION_RECOVER_UNSAFE,
};

struct options {
    char *values[OPTION_COUNT];     /* malloc'ed; NULL: the default */
    const char *from[OPTION_COUNT]; /* "flag", "environment", "file" or "default" */
    /* Of OPTION_ACTION_RECOVER_UNSAFE, and by flags alone: nobody shall do it by a forgotten line. */
    const char *recover_groups; /* of argv; NULL otherwise */
    bool yes;                   /* do it, instead of telling what would be done */
};

/* Reads all sources. INVALID with a message that says what to do; NO_MEMORY. Finish `ret_options` in any
 * case. */
enum status options_read(int argc, char **argv, char **environment, struct options *ret_options,
                         enum option_action *ret_action, struct error *error) AVIARY_MUST_USE;
void options_finish(struct options *options);
/* The value as text, the default where nothing said otherwise; never NULL. */
const char *options_text(const struct options *options, enum option_id option);
/* "listen". */
const char *option_name(enum option_id option);
/* A whole number within the option's bounds. INVALID. */
enum status options_number(const struct options *options, enum option_id option, uint64_t *ret_number,
                           struct error *error) AVIARY_MUST_USE;
void options_print_help(FILE *out);

#endif
