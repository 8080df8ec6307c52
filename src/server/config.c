#include "config.h"

#include <ctype.h>

enum { ELECTION_HEARTBEATS_MIN = 3 };

static enum status config_numbers(const struct options *options, struct config *config, struct error *error) {
    uint64_t id = 0;
    uint64_t expect = 0;
    const struct {
        enum option_id option;
        uint64_t *value;
    } numbers[] = {
        {OPTION_ID, &id},
        {OPTION_EXPECT, &expect},
        {OPTION_HEARTBEAT_MS, &config->heartbeat_ms},
        {OPTION_ELECTION_MS, &config->election_ms},
        {OPTION_ZOOKEEPER_SESSION_MS, &config->zookeeper_session_ms},
        {OPTION_REQUEST_DEADLINE_MS, &config->request_deadline_ms},
        {OPTION_BODY_DEADLINE_MS, &config->body_deadline_ms},
        {OPTION_IDLE_TIMEOUT_MS, &config->idle_timeout_ms},
        {OPTION_CONNECTIONS_MAX, &config->connections_max},
        {OPTION_BODY_BYTES_MAX, &config->body_bytes_max},
        {OPTION_TAIL_BYTES_MAX, &config->tail_bytes_max},
        {OPTION_BLOCK_CACHE_BYTES, &config->block_cache_bytes},
        {OPTION_MAILBOX_BYTES_MAX, &config->mailbox_bytes_max},
        {OPTION_FREE_BYTES_MIN, &config->free_bytes_min},
        {OPTION_SCRUB_BYTES_PER_SECOND, &config->scrub_bytes_per_second},
        {OPTION_SCRUB_INTERVAL_S, &config->scrub_interval_s},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        enum status status = options_number(options, numbers[i].option, numbers[i].value, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    config->id = (uint32_t)id;
    config->expect = (uint32_t)expect;
    return STATUS_OK;
}

/* "host:port", with a host and a port up to 65535. */
static enum status config_check_address(enum option_id option, const char *address, struct error *error) {
    const char *colon = strrchr(address, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (colon == NULL || colon == address || colon[1] < '0' || colon[1] > '9' || *end != '\0' ||
        port > UINT16_MAX || (size_t)(colon - address) > HOST_SIZE_MAX) {
        return error_set(error, STATUS_INVALID, "--%s %s: write host:port, as 127.0.0.1:8000",
                         option_name(option), address);
    }
    return STATUS_OK;
}

static enum status config_check(const struct config *config, struct error *error) {
    enum status status = config_check_address(OPTION_LISTEN, config->listen, error);
    if (status == STATUS_OK) {
        status = config_check_address(OPTION_PEER_LISTEN, config->peer_listen, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (config->zookeeper[0] && config->peers[0]) {
        return error_set(error, STATUS_INVALID,
                         "--zookeeper and --peers: say one of them, brokers are found one way");
    }
    if (config->election_ms < ELECTION_HEARTBEATS_MIN * config->heartbeat_ms) {
        return error_set(
            error, STATUS_INVALID, "--election-ms %lu: must be at least %d times --heartbeat-ms (%lu)",
            (unsigned long)config->election_ms, ELECTION_HEARTBEATS_MIN, (unsigned long)config->heartbeat_ms);
    }
    if (config->data[0] == '\0') {
        return error_set(error, STATUS_INVALID, "--data: name a directory");
    }
    return STATUS_OK;
}

enum status config_read(const struct options *options, struct config *ret_config, struct error *error) {
    struct config config = {
        .data = options_text(options, OPTION_DATA),
        .listen = options_text(options, OPTION_LISTEN),
        .peer_listen = options_text(options, OPTION_PEER_LISTEN),
        .advertise = options_text(options, OPTION_ADVERTISE),
        .peer_advertise = options_text(options, OPTION_PEER_ADVERTISE),
        .zookeeper = options_text(options, OPTION_ZOOKEEPER),
        .peers = options_text(options, OPTION_PEERS),
    };
    enum status status = config_numbers(options, &config, error);
    if (status == STATUS_OK &&
        log_level_parse(options_text(options, OPTION_LOG_LEVEL), &config.log_level) != STATUS_OK) {
        status = error_set(error, STATUS_INVALID, "--log-level %s: must be debug, info, warn, error or off",
                           options_text(options, OPTION_LOG_LEVEL));
    }
    if (status == STATUS_OK &&
        log_format_parse(options_text(options, OPTION_LOG_FORMAT), &config.log_format) != STATUS_OK) {
        status = error_set(error, STATUS_INVALID, "--log-format %s: must be text or json",
                           options_text(options, OPTION_LOG_FORMAT));
    }
    if (status == STATUS_OK) {
        status = config_check(&config, error);
    }
    if (status == STATUS_OK) {
        *ret_config = config;
    }
    return status;
}

void config_print(const struct options *options, FILE *out) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (i != OPTION_CONFIG) {
            fprintf(out, "%s = %s\n", option_name((enum option_id)i),
                    options_text(options, (enum option_id)i));
        }
    }
}

enum status config_advertised(const char *advertise, const char *listen, uint16_t port,
                              char ret_address[ADDRESS_SIZE_MAX], struct error *error) {
    const char *source = advertise[0] ? advertise : listen;
    const char *colon = strrchr(source, ':');
    size_t host_size = colon ? (size_t)(colon - source) : strlen(source);
    char host[HOST_SIZE_MAX + 1];
    if (host_size == 0 || host_size > HOST_SIZE_MAX) {
        return error_set(error, STATUS_INVALID, "--advertise %s: write a host, or host:port", source);
    }
    memcpy(host, source, host_size);
    host[host_size] = '\0';
    if (strcmp(host, "0.0.0.0") == 0) {
        return error_set(error, STATUS_INVALID,
                         "listening on 0.0.0.0 does not say how others reach this broker: add "
                         "--advertise HOST");
    }
    char *end = NULL;
    bool says_port = advertise[0] && colon;
    unsigned long said = says_port ? strtoul(colon + 1, &end, 10) : port;
    if (said == 0 || said > UINT16_MAX ||
        (says_port && (*end != '\0' || !isdigit((unsigned char)colon[1])))) {
        return error_set(error, STATUS_INVALID, "--advertise %s: the port must be from 1 to 65535", source);
    }
    snprintf(ret_address, ADDRESS_SIZE_MAX, "%s:%lu", host, said);
    return STATUS_OK;
}
