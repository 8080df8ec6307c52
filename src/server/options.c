#include "options.h"

#include "aviary/base.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

enum { OPTION_LINE_MAX = 4096, NAME_TEXT_MAX = 64, OPTION_VALUE_MAX = OPTION_LINE_MAX - NAME_TEXT_MAX };

struct option_spec {
    const char *name;
    const char *argument;
    const char *fallback;
    uint64_t low; /* numbers only: high above 0 */
    uint64_t high;
    const char *help;
};

static const struct option_spec specs[OPTION_COUNT] = {
    [OPTION_ID] = {"id", "N", "1", 1, 1000000, "this broker's number, unique in the cluster and lasting"},
    [OPTION_DATA] = {"data", "DIR", "./data", 0, 0, "where records and state are kept"},
    [OPTION_LISTEN] = {"listen", "HOST:PORT", "127.0.0.1:8000", 0, 0,
                       "where clients are served; port 0: any free one"},
    [OPTION_PEER_LISTEN] = {"peer-listen", "HOST:PORT", "127.0.0.1:8100", 0, 0,
                            "where other brokers are served"},
    [OPTION_ADVERTISE] = {"advertise", "HOST[:PORT]", "", 0, 0,
                          "how others reach this broker; default: the address it listens on"},
    [OPTION_PEER_ADVERTISE] = {"peer-advertise", "HOST[:PORT]", "", 0, 0,
                               "the same for its peer port; default: the host of --advertise"},
    [OPTION_ZOOKEEPER] = {"zookeeper", "HOST:PORT,...[/PATH]", "", 0, 0,
                          "find the other brokers through ZooKeeper; the path is /aviary where left out"},
    [OPTION_EXPECT] = {"expect", "N", "3", 1, BROKERS_MAX,
                       "with --zookeeper: brokers to wait for at the very first start"},
    [OPTION_PEERS] =
        {"peers", "ID=HOST:PORT,...", "", 0, 0,
         "find the other brokers from this list of peer ports, own one included, without ZooKeeper"},
    [OPTION_CONFIG] = {"config", "FILE", "", 0, 0, "lines of `name = value`, with the names of these flags"},
    [OPTION_LOG_LEVEL] = {"log-level", "LEVEL", "info", 0, 0, "debug, info, warn, error or off"},
    [OPTION_LOG_FORMAT] = {"log-format", "FORMAT", "text", 0, 0,
                           "text or json, a line an event, on standard error"},
    [OPTION_HEARTBEAT_MS] = {"heartbeat-ms", "MS", "50", 5, 10000, "between two heartbeats of a leader"},
    [OPTION_ELECTION_MS] = {"election-ms", "MS", "300", 20, 60000,
                            "a leader unheard for this long, or up to twice as long, is replaced"},
    [OPTION_ZOOKEEPER_SESSION_MS] = {"zookeeper-session-ms", "MS", "6000", 100, 600000,
                                     "ZooKeeper drops this broker's nodes when unheard for so long"},
    [OPTION_REQUEST_DEADLINE_MS] = {"request-deadline-ms", "MS", "5000", 100, 60000,
                                    "a write or read is answered by then, one way or another"},
    [OPTION_BODY_DEADLINE_MS] = {"body-deadline-ms", "MS", "10000", 100, 600000,
                                 "a request's body must be here by then"},
    [OPTION_IDLE_TIMEOUT_MS] = {"idle-timeout-ms", "MS", "60000", 100, 3600000,
                                "an idle client connection is closed then"},
    [OPTION_CONNECTIONS_MAX] = {"connections-max", "N", "2048", 8, 2048, "clients connected at once"},
    [OPTION_BODY_BYTES_MAX] = {"body-bytes-max", "BYTES", "8388608", 1024, 8388608, "of a request"},
    [OPTION_TAIL_BYTES_MAX] = {"tail-bytes-max", "BYTES", "16777216", 65536, 1073741824,
                               "of recent records kept in memory, for each partition"},
    [OPTION_BLOCK_CACHE_BYTES] = {"block-cache-bytes", "BYTES", "67108864", 1048576, UINT64_C(1) << 40,
                                  "of stored records kept in memory once they were read"},
    [OPTION_MAILBOX_BYTES_MAX] = {"mailbox-bytes-max", "BYTES", "134217728", 1048576, 8589934592,
                                  "of records and of entries from other brokers, waiting to be taken"},
    [OPTION_FREE_BYTES_MIN] =
        {"free-bytes-min", "BYTES", "0", 0, UINT64_C(1) << 50,
         "writes are refused where the disk has less free; 0: chosen by the disk's size"},
    [OPTION_SCRUB_BYTES_PER_SECOND] =
        {"scrub-bytes-per-second", "BYTES", "8388608", 0, UINT64_C(1) << 40,
         "all that is stored is read and checked in the background, so fast at most; 0: it is not"},
    [OPTION_SCRUB_INTERVAL_S] = {"scrub-interval-s", "S", "86400", 1, 31536000,
                                 "all of it once in this time, where the rate allows"},
};

enum { FLAG_HELP = OPTION_COUNT, FLAG_VERSION, FLAG_CHECK_CONFIG, FLAG_RECOVER_UNSAFE, FLAG_YES, FLAG_COUNT };

const char *option_name(enum option_id option) {
    return specs[option].name;
}

const char *options_text(const struct options *options, enum option_id option) {
    return options->values[option] ? options->values[option] : specs[option].fallback;
}

void options_finish(struct options *options) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        free(options->values[i]);
        options->values[i] = NULL;
    }
}

/* Whether a line of the file could say it too: a configuration that is printed is one that can be read. */
static bool option_is_sayable(const char *value) {
    size_t length = strlen(value);
    return length == 0 || (length <= OPTION_VALUE_MAX && !isspace((unsigned char)value[0]) &&
                           !isspace((unsigned char)value[length - 1]) && strchr(value, '\n') == NULL);
}

/* The first source that says something wins: a later one changes nothing. One that says it twice is unclear.
 */
static enum status options_set(struct options *options, size_t option, const char *value, const char *from,
                               struct error *error) {
    if (options->values[option] != NULL) {
        return strcmp(options->from[option], from) != 0
                   ? STATUS_OK
                   : error_set(error, STATUS_INVALID, "%s is said twice (%s): say it once",
                               specs[option].name, from);
    }
    if (!option_is_sayable(value)) {
        return error_set(
            error, STATUS_INVALID,
            "%s (%s): a value has at most %d bytes, no line breaks, and no white space at its ends",
            specs[option].name, from, OPTION_VALUE_MAX);
    }
    options->values[option] = strdup(value);
    options->from[option] = from;
    return options->values[option] ? STATUS_OK : error_set(error, STATUS_NO_MEMORY, "no memory for options");
}

static void option_flags(struct option ret_flags[FLAG_COUNT + 1]) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        ret_flags[i] = (struct option){.name = specs[i].name, .has_arg = required_argument, .val = i};
    }
    ret_flags[FLAG_HELP] = (struct option){.name = "help", .val = FLAG_HELP};
    ret_flags[FLAG_VERSION] = (struct option){.name = "version", .val = FLAG_VERSION};
    ret_flags[FLAG_CHECK_CONFIG] = (struct option){.name = "check-config", .val = FLAG_CHECK_CONFIG};
    ret_flags[FLAG_RECOVER_UNSAFE] =
        (struct option){.name = "recover-unsafe", .has_arg = required_argument, .val = FLAG_RECOVER_UNSAFE};
    ret_flags[FLAG_YES] = (struct option){.name = "yes", .val = FLAG_YES};
    ret_flags[FLAG_COUNT] = (struct option){0};
}

static enum status options_take_flag(int found, const char *text, struct options *options,
                                     enum option_action *ret_action, struct error *error) {
    if (found >= 0 && found < OPTION_COUNT) {
        return options_set(options, (size_t)found, optarg, "flag", error);
    }
    switch (found) {
    case FLAG_HELP:
        *ret_action = OPTION_ACTION_HELP;
        return STATUS_OK;
    case FLAG_VERSION:
        *ret_action = OPTION_ACTION_VERSION;
        return STATUS_OK;
    case FLAG_CHECK_CONFIG:
        *ret_action = OPTION_ACTION_CHECK_CONFIG;
        return STATUS_OK;
    case FLAG_RECOVER_UNSAFE:
        *ret_action = OPTION_ACTION_RECOVER_UNSAFE;
        options->recover_groups = optarg;
        return STATUS_OK;
    case FLAG_YES:
        options->yes = true;
        return STATUS_OK;
    default:
        return error_set(error, STATUS_INVALID, "%s: %s; see aviaryd --help", text,
                         found == ':' ? "this flag takes a value" : "there is no such flag");
    }
}

static enum status options_read_flags(int argc, char **argv, struct options *options,
                                      enum option_action *ret_action, struct error *error) {
    struct option flags[FLAG_COUNT + 1];
    option_flags(flags);
    enum status status = STATUS_OK;
    opterr = 0;
    optind = 0; /* begins anew, also the second time */
    while (status == STATUS_OK) {
        int found = getopt_long(argc, argv, ":", flags, NULL);
        if (found == -1) {
            break;
        }
        status = options_take_flag(found, argv[optind - 1], options, ret_action, error);
    }
    if (status == STATUS_OK && optind < argc) {
        status =
            error_set(error, STATUS_INVALID, "%s: all is said by flags; see aviaryd --help", argv[optind]);
    }
    if (status == STATUS_OK && options->yes && !options->recover_groups) {
        status = error_set(error, STATUS_INVALID, "--yes goes with --recover-unsafe alone");
    }
    return status;
}

static void option_variable(size_t option, char ret_name[NAME_TEXT_MAX]) {
    snprintf(ret_name, NAME_TEXT_MAX, "AVIARY_%s", specs[option].name);
    for (char *at = ret_name; *at; at++) {
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    }
}

static enum status options_read_environment(char **environment, struct options *options,
                                            struct error *error) {
    enum status status = STATUS_OK;
    for (char **at = environment; status == STATUS_OK && *at; at++) {
        const char *equals = strchr(*at, '=');
        if (equals == NULL || strncmp(*at, "AVIARY_", 7) != 0) {
            continue;
        }
        size_t option = 0;
        char name[NAME_TEXT_MAX];
        size_t length = (size_t)(equals - *at);
        for (; option < OPTION_COUNT; option++) {
            option_variable(option, name);
            if (strlen(name) == length && strncmp(*at, name, length) == 0) {
                break;
            }
        }
        if (option == OPTION_COUNT) {
            return error_set(error, STATUS_INVALID,
                             "the environment has %.*s, which is no option; see aviaryd --help", (int)length,
                             *at);
        }
        status = options_set(options, option, equals + 1, "environment", error);
    }
    return status;
}

/* Cuts white space at both ends, in place. */
static char *option_trim(char *text) {
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

static enum status options_read_line(struct options *options, char *line, const char *path, size_t number,
                                     struct error *error) {
    char *name = option_trim(line);
    if (name[0] == '\0' || name[0] == '#') {
        return STATUS_OK;
    }
    char *equals = strchr(name, '=');
    if (equals == NULL) {
        return error_set(error, STATUS_INVALID, "%s:%zu: write `name = value`", path, number);
    }
    *equals = '\0';
    name = option_trim(name);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (i != OPTION_CONFIG && strcmp(specs[i].name, name) == 0) {
            return options_set(options, i, option_trim(equals + 1), "file", error);
        }
    }
    return error_set(error, STATUS_INVALID, "%s:%zu: there is no option \"%s\"; see aviaryd --help", path,
                     number, name);
}

static enum status options_read_file(struct options *options, struct error *error) {
    const char *path = options_text(options, OPTION_CONFIG);
    if (path[0] == '\0') {
        return STATUS_OK;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(error, STATUS_INVALID, "%s: %s", path, strerror(errno));
    }
    char line[OPTION_LINE_MAX];
    enum status status = STATUS_OK;
    for (size_t number = 1; status == STATUS_OK && fgets(line, sizeof line, file); number++) {
        if (strlen(line) == sizeof line - 1) {
            status = error_set(error, STATUS_INVALID, "%s:%zu: a line has at most %d bytes", path, number,
                               OPTION_LINE_MAX - 2);
        } else {
            status = options_read_line(options, line, path, number, error);
        }
    }
    if (status == STATUS_OK && ferror(file)) {
        status = error_set(error, STATUS_IO, "%s: %s", path, strerror(errno));
    }
    fclose(file);
    return status;
}

enum status options_read(int argc, char **argv, char **environment, struct options *ret_options,
                         enum option_action *ret_action, struct error *error) {
    *ret_options = (struct options){0};
    *ret_action = OPTION_ACTION_RUN;
    enum status status = options_read_flags(argc, argv, ret_options, ret_action, error);
    if (status != STATUS_OK || *ret_action == OPTION_ACTION_HELP || *ret_action == OPTION_ACTION_VERSION) {
        return status;
    }
    status = options_read_environment(environment, ret_options, error);
    if (status == STATUS_OK) {
        status = options_read_file(ret_options, error);
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (ret_options->values[i] == NULL) {
            ret_options->from[i] = "default";
        }
    }
    return status;
}

enum status options_number(const struct options *options, enum option_id option, uint64_t *ret_number,
                           struct error *error) {
    const struct option_spec *spec = &specs[option];
    const char *text = options_text(options, option);
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || number < spec->low ||
        number > spec->high) {
        return error_set(error, STATUS_INVALID, "--%s %s: must be a whole number from %lu to %lu", spec->name,
                         text, (unsigned long)spec->low, (unsigned long)spec->high);
    }
    *ret_number = number;
    return STATUS_OK;
}

void options_print_help(FILE *out) {
    fputs("aviaryd: a replicated message broker over HTTP\n\n"
          "Without flags: a single broker on loopback, with its data in ./data.\n"
          "Each flag may also stand in the environment (--peer-listen is AVIARY_PEER_LISTEN) and in the file "
          "of --config\n"
          "(peer-listen = ...). A flag goes before the environment, and that before the file.\n\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char flag[NAME_TEXT_MAX];
        snprintf(flag, sizeof flag, "--%s %s", specs[i].name, specs[i].argument);
        fprintf(out, "  %-34s %s", flag, specs[i].help);
        if (specs[i].fallback[0]) {
            fprintf(out, " (%s)", specs[i].fallback);
        }
        fputc(0x0a, out);
    }
    fputs(
        "  --check-config                     print the configuration as it would be used, and end\n"
        "  --recover-unsafe all|GROUP,...     on a stopped broker's directory, where a majority of disks is "
        "lost for good: tell\n"
        "                                     what going on with this disk alone would keep and lose\n"
        "  --yes                              with --recover-unsafe: do it\n"
        "  --help                             this text\n"
        "  --version                          the version\n",
        out);
}
