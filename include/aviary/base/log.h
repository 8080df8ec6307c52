/*
 * The log: one line an event on standard error, as text or JSON. Never a record's payload or key.
 *
 * log_info("replica", "became leader", "group=%" PRIu64 " term=%" PRIu64, group, term);
 *   text: 2026-11-23T12:00:00.123Z INFO  broker=1 replica: became leader group=3 term=7
 *   json: {"ts":"...","level":"info","broker":1,"room":"replica","event":"became leader","detail":"group=3
 * term=7"}
 *
 * Threads: any, after log_configure; each line is one write(2).
 */
#ifndef AVIARY_BASE_LOG_H
#define AVIARY_BASE_LOG_H

#include "aviary/base/status.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Call once, before threads start. Before that: text, INFO, broker 0. */
void log_configure(enum log_level level, enum log_format format, uint32_t broker_id);
bool log_enabled(enum log_level level);
/* "debug", "info", "warn", "error", "off" and "text", "json"; INVALID otherwise. */
enum status log_level_parse(const char *name, enum log_level *ret_level) AVIARY_MUST_USE;
enum status log_format_parse(const char *name, enum log_format *ret_format) AVIARY_MUST_USE;
/* Lines longer than LOG_LINE_MAX are cut. Control characters are escaped. */
void log_write(enum log_level level, const char *room, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define LOG_AT(level, ...)                                                                                   \
    do {                                                                                                     \
        if (log_enabled(level)) {                                                                            \
            log_write(level, __VA_ARGS__);                                                                   \
        }                                                                                                    \
    } while (0)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
