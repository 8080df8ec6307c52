#include "error.h"

#include "aviary/base/assert.h"

unsigned error_code_of(enum status status) {
    switch (status) {
    case STATUS_INVALID:
        return ERROR_MALFORMED;
    case STATUS_NOT_FOUND:
        return ERROR_TOPIC;
    case STATUS_OUT_OF_RANGE:
        return ERROR_PARTITION;
    case STATUS_EXISTS:
        return ERROR_KEY_REUSED;
    case STATUS_CONFLICT:
        return ERROR_VERSION;
    case STATUS_TOO_LARGE:
        return ERROR_TOO_LARGE;
    case STATUS_UNSUPPORTED:
        return ERROR_MEDIA_TYPE;
    case STATUS_NO_MEMORY:
        return ERROR_INTERNAL;
    case STATUS_CORRUPT:
    case STATUS_IO:
        return ERROR_STORAGE;
    case STATUS_TIMEOUT:
    case STATUS_UNAVAILABLE:
    case STATUS_CLOSED:
        return ERROR_UNAVAILABLE;
    case STATUS_NOT_LEADER:
        return ERROR_NOT_LEADER;
    case STATUS_NO_SPACE:
        return ERROR_NO_SPACE;
    case STATUS_FULL:
        return ERROR_BUSY;
    case STATUS_UNKNOWN:
        return ERROR_UNKNOWN;
    case STATUS_OK:
        break;
    }
    ASSERT(status != STATUS_OK);
    return ERROR_INTERNAL;
}

enum status error_status_of_http(unsigned http_status) {
    switch (http_status) {
    case 400:
        return STATUS_INVALID;
    case 404:
        return STATUS_NOT_FOUND;
    case 412:
        return STATUS_CONFLICT;
    case 413:
        return STATUS_TOO_LARGE;
    case 422:
        return STATUS_EXISTS;
    case 503:
        return STATUS_UNAVAILABLE;
    default:
        return http_status >= 200 && http_status < 300 ? STATUS_OK : STATUS_UNKNOWN;
    }
}
