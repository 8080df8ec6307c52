/*
 * How a function says what became of it.
 *
 * Functions that can fail return an `enum status`; those whose failure a person must understand also take an
 * optional `struct error *` (may be NULL), filled only on failure. Errors of libraries and of errno are
 * translated once, in the room that calls the library.
 */
#ifndef AVIARY_BASE_STATUS_H
#define AVIARY_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>

#define AVIARY_MUST_USE __attribute__((warn_unused_result))

enum status {
    STATUS_OK = 0,
    STATUS_INVALID,      /* the caller's input is malformed or out of range */
    STATUS_NOT_FOUND,    /* no such thing */
    STATUS_EXISTS,       /* there already, and identical or not, not made again */
    STATUS_CONFLICT,     /* a precondition does not hold, or the same key came with another payload */
    STATUS_OUT_OF_RANGE, /* an offset or index outside of what is kept */
    STATUS_TOO_LARGE,    /* over a named limit of limits.h or of the configuration */
    STATUS_CORRUPT,      /* a checksum or a format does not hold */
    STATUS_UNSUPPORTED,  /* a version, type or codec that this build does not know */
    STATUS_NO_MEMORY,    /* an allocation failed; nothing changed */
    STATUS_FULL,         /* a bounded queue or table is full; nothing changed; try later */
    STATUS_NO_SPACE,     /* the disk is below its watermark; nothing changed */
    STATUS_IO,           /* the disk or the network failed; for writes the outcome is unknown */
    STATUS_TIMEOUT,      /* the deadline passed before anything was done */
    STATUS_UNAVAILABLE,  /* no leader, no quorum, not started: nothing was done; try later */
    STATUS_NOT_LEADER,   /* this broker does not lead the group: nothing was done; ask the leader */
    STATUS_UNKNOWN,      /* taken, but whether it happened cannot be said (HTTP 504) */
    STATUS_CLOSED,       /* the other side, or this object, is closed */
};

enum { ERROR_MESSAGE_MAX = 512 };

/* Plain data, in the caller's memory; needs no release. */
struct error {
    enum status status;
    bool retriable;                  /* the same call may succeed later */
    char message[ERROR_MESSAGE_MAX]; /* says what to do; ends with NUL; never holds payload bytes */
};

/* The status in words, as "not found"; never NULL. */
const char *status_name(enum status status);

/* True for FULL, NO_SPACE, TIMEOUT, UNAVAILABLE, NOT_LEADER and UNKNOWN. */
bool status_is_retriable(enum status status);

/*
 * Fills `error` where it is not NULL (message cut at ERROR_MESSAGE_MAX - 1) and gives `status`, so that a
 * failure is one line: `return error_set(error, STATUS_INVALID, "partition %u ...", p);`
 * A macro, so that compilers see which status is returned, and with it that a failure never is OK.
 */
#define error_set(error_, status_, ...)                                                                      \
    ({                                                                                                       \
        enum status error_set_status_ = (status_);                                                           \
        error_fill((error_), error_set_status_, __VA_ARGS__);                                                \
        error_set_status_;                                                                                   \
    })

/* What error_set does with `error`. */
void error_fill(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
