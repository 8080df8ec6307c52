#include "aviary/base/status.h"

#include <stdio.h>
#include <string.h>

const char *status_name(enum status status) {
    switch (status) {
    case STATUS_OK:
        return "ok";
    case STATUS_INVALID:
        return "invalid";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_EXISTS:
        return "exists";
    case STATUS_CONFLICT:
        return "conflict";
    case STATUS_OUT_OF_RANGE:
        return "out of range";
    case STATUS_TOO_LARGE:
        return "too large";
    case STATUS_CORRUPT:
        return "corrupt";
    case STATUS_UNSUPPORTED:
        return "unsupported";
    case STATUS_NO_MEMORY:
        return "no memory";
    case STATUS_FULL:
        return "full";
    case STATUS_NO_SPACE:
        return "no space";
    case STATUS_IO:
        return "input/output error";
    case STATUS_TIMEOUT:
        return "timeout";
    case STATUS_UNAVAILABLE:
        return "unavailable";
    case STATUS_NOT_LEADER:
        return "not leader";
    case STATUS_UNKNOWN:
        return "outcome unknown";
    case STATUS_CLOSED:
        return "closed";
    }
    return "not a status";
}

bool status_is_retriable(enum status status) {
    return status == STATUS_FULL || status == STATUS_NO_SPACE || status == STATUS_TIMEOUT ||
           status == STATUS_UNAVAILABLE || status == STATUS_NOT_LEADER || status == STATUS_UNKNOWN;
}

void error_fill(struct error *error, enum status status, const char *format, ...) {
    if (!error) {
        return;
    }
    /* Into a copy first: a caller may put the message it already has into a longer one. */
    char message[ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(message, sizeof message, format, arguments) < 0) {
        message[0] = '\0';
    }
    va_end(arguments);
    memcpy(error->message, message, strlen(message) + 1);
    error->status = status;
    error->retriable = status_is_retriable(status);
}
