#include "aviary/base/log.h"

#include "aviary/base/assert.h"
#include "aviary/base/limits.h"
#include "aviary/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Written by log_configure before threads start, only read afterwards. */
static enum log_level configured_level = LOG_LEVEL_INFO;
static enum log_format configured_format = LOG_FORMAT_TEXT;
static uint32_t configured_broker_id;

static const char *const LEVEL_NAMES[] = {
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_OFF] = "off",
};
static const char *const LEVEL_COLUMNS[] = {
    [LOG_LEVEL_DEBUG] = "DEBUG",
    [LOG_LEVEL_INFO] = "INFO ",
    [LOG_LEVEL_WARN] = "WARN ",
    [LOG_LEVEL_ERROR] = "ERROR",
};

void log_configure(enum log_level level, enum log_format format, uint32_t broker_id) {
    configured_level = level;
    configured_format = format;
    configured_broker_id = broker_id;
}

bool log_enabled(enum log_level level) {
    return level >= configured_level && level < LOG_LEVEL_OFF;
}

enum status log_level_parse(const char *name, enum log_level *ret_level) {
    for (size_t i = 0; i < sizeof LEVEL_NAMES / sizeof LEVEL_NAMES[0]; i++) {
        if (strcmp(name, LEVEL_NAMES[i]) == 0) {
            *ret_level = (enum log_level)i;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

enum status log_format_parse(const char *name, enum log_format *ret_format) {
    if (strcmp(name, "text") == 0) {
        *ret_format = LOG_FORMAT_TEXT;
        return STATUS_OK;
    }
    if (strcmp(name, "json") == 0) {
        *ret_format = LOG_FORMAT_JSON;
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

enum { LINE_END_SIZE = 3 }; /* "}\n after a detail that was cut, so that a cut line is JSON still */

struct line {
    char bytes[LOG_LINE_MAX];
    size_t size;
    bool cut; /* nothing more is taken, so that no part is missing from the middle */
};

static void line_append(struct line *line, const void *bytes, size_t size) {
    if (line->cut || size > sizeof line->bytes - LINE_END_SIZE - line->size) {
        line->cut = true;
        return;
    }
    memcpy(line->bytes + line->size, bytes, size);
    line->size += size;
}

static void line_append_string(struct line *line, const char *string) {
    line_append(line, string, strlen(string));
}

static void line_append_u32(struct line *line, uint32_t value) {
    char digits[sizeof "4294967295"];
    int size = snprintf(digits, sizeof digits, "%" PRIu32, value);
    ASSERT(size > 0);
    line_append(line, digits, (size_t)size);
}

/* What starts a line or ends a string has no business inside: escaped alike in both forms, JSON's quotes on
 * top. */
static void line_append_escaped(struct line *line, const char *string) {
    struct slice rest = slice_of_string(string);
    while (rest.size > 0) {
        uint8_t byte = rest.data[0];
        size_t size = utf8_sequence_size(rest);
        char escape[sizeof "\\u00ff"];
        if (size == 0 || byte < 0x20 || byte == 0x7f) {
            int escape_size = snprintf(escape, sizeof escape, "\\u%04x", byte);
            ASSERT(escape_size > 0);
            line_append(line, escape, (size_t)escape_size);
            size = 1;
        } else {
            if (configured_format == LOG_FORMAT_JSON && (byte == '"' || byte == '\\')) {
                line_append(line, "\\", 1);
            }
            line_append(line, rest.data, size);
        }
        rest = slice_after(rest, size);
    }
}

static void line_append_time(struct line *line) {
    struct timespec now;
    struct tm utc;
    ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
    ASSERT(gmtime_r(&now.tv_sec, &utc) != NULL);
    char text[64];
    int size =
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900,
                 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
    ASSERT(size > 0 && (size_t)size < sizeof text);
    line_append(line, text, (size_t)size);
}

static void format_text(struct line *line, enum log_level level, const char *room, const char *event,
                        const char *detail) {
    line_append_time(line);
    line_append(line, " ", 1);
    line_append_string(line, LEVEL_COLUMNS[level]);
    line_append_string(line, " broker=");
    line_append_u32(line, configured_broker_id);
    line_append(line, " ", 1);
    line_append_escaped(line, room);
    line_append(line, ": ", 2);
    line_append_escaped(line, event);
    if (detail[0] != '\0') {
        line_append(line, " ", 1);
        line_append_escaped(line, detail);
    }
    line->bytes[line->size++] = '\n';
}

static void format_json(struct line *line, enum log_level level, const char *room, const char *event,
                        const char *detail) {
    line_append_string(line, "{\"ts\":\"");
    line_append_time(line);
    line_append_string(line, "\",\"level\":\"");
    line_append_string(line, LEVEL_NAMES[level]);
    line_append_string(line, "\",\"broker\":");
    line_append_u32(line, configured_broker_id);
    line_append_string(line, ",\"room\":\"");
    line_append_escaped(line, room);
    line_append_string(line, "\",\"event\":\"");
    line_append_escaped(line, event);
    line_append_string(line, "\",\"detail\":\"");
    line_append_escaped(line, detail);
    memcpy(line->bytes + line->size, "\"}\n", LINE_END_SIZE);
    line->size += LINE_END_SIZE;
}

/* A log that cannot be written has nowhere to say so; the broker goes on. */
static void line_write(const struct line *line) {
    ssize_t written;
    do {
        written = write(STDERR_FILENO, line->bytes, line->size);
    } while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *room, const char *event, const char *format, ...) {
    ASSERT(level < LOG_LEVEL_OFF);
    int saved_errno = errno; /* a caller may log first and look at errno afterwards */
    char detail[LOG_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(detail, sizeof detail, format, arguments) < 0) {
        detail[0] = '\0';
    }
    va_end(arguments);
    struct line line;
    line.size = 0;
    line.cut = false;
    if (configured_format == LOG_FORMAT_JSON) {
        format_json(&line, level, room, event, detail);
    } else {
        format_text(&line, level, room, event, detail);
    }
    line_write(&line);
    errno = saved_errno;
}
