/*
 * Configuration: a file, and flags beside it. What is taken, printed as --check-config does it, is a file
 * that says the same; what is refused is refused with words.
 */
#include "fuzz.h"

#include "server/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

enum { PATH_MAX_SIZE = 40, FLAGS_MAX = 8 };

/* A file that is nowhere on a disk; written anew for each input. */
static int config_file(struct slice text, char ret_path[PATH_MAX_SIZE]) {
    int fd = memfd_create("config", MFD_CLOEXEC);
    ASSERT(fd >= 0);
    ASSERT(write(fd, text.data, text.size) == (ssize_t)text.size);
    snprintf(ret_path, PATH_MAX_SIZE, "/proc/self/fd/%d", fd);
    return fd;
}

/* The lines of `flags`, as argv holds them. */
static int split_flags(char *flags, char **ret_argv) {
    char *rest = flags;
    int count = 0;
    while (rest && count < FLAGS_MAX) {
        ret_argv[count++] = strsep(&rest, "\n");
    }
    return flags[0] != '\0' ? count : 0;
}

static enum status read_options(struct slice text, char *flags, struct options *ret_options,
                                enum option_action *ret_action, struct error *error) {
    static char name[] = "aviaryd";
    static char config_flag[] = "--config";
    char path[PATH_MAX_SIZE];
    char *no_environment[] = {NULL};
    char *argv[FLAGS_MAX + 4] = {name, config_flag, path};
    int argc = 3 + split_flags(flags, argv + 3);
    argv[argc] = NULL;
    int fd = config_file(text, path);
    enum status status = options_read(argc, argv, no_environment, ret_options, ret_action, error);
    close(fd);
    return status;
}

static void check_printed(const struct options *options, const struct config *config) {
    _cleanup_free_ char *printed = NULL;
    size_t size = 0;
    char no_flags[] = "";
    struct options again;
    struct config again_config;
    enum option_action action;
    struct error error;
    FILE *out = open_memstream(&printed, &size);
    ASSERT(out != NULL);
    config_print(options, out);
    fclose(out);
    ASSERT(read_options(slice_make(printed, size), no_flags, &again, &action, &error) == STATUS_OK);
    for (int i = 0; i < OPTION_COUNT; i++) {
        enum option_id option = (enum option_id)i;
        ASSERT(option == OPTION_CONFIG ||
               strcmp(options_text(options, option), options_text(&again, option)) == 0);
    }
    ASSERT(config_read(&again, &again_config, &error) == STATUS_OK);
    ASSERT(again_config.id == config->id && again_config.election_ms == config->election_ms);
    options_finish(&again);
}

static void check_advertised(const struct config *config) {
    char address[ADDRESS_SIZE_MAX];
    struct error error;
    enum status status = config_advertised(config->advertise, config->listen, 8000, address, &error);
    ASSERT(status == STATUS_OK ? strchr(address, ':') != NULL : error.message[0] != '\0');
}

/* The file's text, a NUL, and flags, each on a line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct options options;
    struct config config;
    struct error error = {0};
    enum option_action action;
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t text_size = end ? (size_t)(end - data) : size;
    _cleanup_free_ char *flags = strndup(end ? (const char *)end + 1 : "", end ? size - text_size - 1 : 0);
    ASSERT(flags != NULL);
    enum status status = read_options(slice_make(data, text_size), flags, &options, &action, &error);
    if (status == STATUS_OK && (action == OPTION_ACTION_RUN || action == OPTION_ACTION_CHECK_CONFIG)) {
        status = config_read(&options, &config, &error);
        if (status == STATUS_OK) {
            check_printed(&options, &config);
            check_advertised(&config);
        }
    }
    ASSERT(status == STATUS_OK || error.message[0] != '\0');
    options_finish(&options);
    return 0;
}
