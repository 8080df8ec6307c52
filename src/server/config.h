/*
 * The configuration, checked.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "options.h"

#include "aviary/base.h"
#include "aviary/metadata.h"

struct config {
    uint32_t id;
    const char *data; /* texts belong to the options */
    const char *listen;
    const char *peer_listen;
    const char *advertise;
    const char *peer_advertise;
    const char *zookeeper;
    const char *peers;
    uint32_t expect;
    enum log_level log_level;
    enum log_format log_format;
    uint64_t heartbeat_ms;
    uint64_t election_ms;
    uint64_t zookeeper_session_ms;
    uint64_t request_deadline_ms;
    uint64_t body_deadline_ms;
    uint64_t idle_timeout_ms;
    uint64_t connections_max;
    uint64_t body_bytes_max;
    uint64_t tail_bytes_max;
    uint64_t block_cache_bytes;
    uint64_t mailbox_bytes_max;
    uint64_t free_bytes_min;
    uint64_t scrub_bytes_per_second;
    uint64_t scrub_interval_s;
};

/* INVALID where an option is malformed or two contradict each other. */
enum status config_read(const struct options *options, struct config *ret_config,
                        struct error *error) AVIARY_MUST_USE;
/* `name = value` a line, as the file of --config takes it. */
void config_print(const struct options *options, FILE *out);
/*
 * The address others are told: `advertise` (HOST or HOST:PORT), or where that is empty the host of `listen`,
 * with `port` where it names none. INVALID where that would be a wildcard, which nobody can reach, or it does
 * not fit.
 */
enum status config_advertised(const char *advertise, const char *listen, uint16_t port,
                              char ret_address[ADDRESS_SIZE_MAX], struct error *error) AVIARY_MUST_USE;

#endif
