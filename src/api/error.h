/*
 * Five-digit error codes: the first three digits are the HTTP status. Those that Kafka's REST Proxy knows
 * have its meaning.
 */
#ifndef API_ERROR_H
#define API_ERROR_H

#include "aviary/base/status.h"

enum error_code {
    ERROR_MALFORMED = 40001, /* also what the http room says */
    ERROR_NAME = 40002,
    ERROR_BATCH = 40003,
    ERROR_CONFIG = 40004,
    ERROR_ORIGIN = 40301,
    ERROR_PEERS_ONLY = 40302,
    ERROR_NO_ROUTE = 40400,
    ERROR_TOPIC = 40401,
    ERROR_PARTITION = 40402,
    ERROR_METHOD = 40501,
    ERROR_FORMAT = 40601,
    ERROR_TOPIC_DIFFERS = 40910,
    ERROR_VERSION = 41201,
    ERROR_EXPECTED_OFFSET = 41202,
    ERROR_TOO_LARGE = 41301,
    ERROR_MEDIA_TYPE = 41501,
    ERROR_OFFSET_RANGE = 41601,
    ERROR_KEY_REUSED = 42210,
    ERROR_INTERNAL = 50001,
    ERROR_STORAGE = 50002,
    ERROR_UNAVAILABLE = 50301,
    ERROR_NOT_LEADER = 50302,
    ERROR_NO_SPACE = 50303,
    ERROR_BUSY = 50304,
    ERROR_UNKNOWN = 50401,
};

/* What a status means where nothing nearer is known; not for OK. */
unsigned error_code_of(enum status status);
/*
 * The status that another broker's answer stands for: 0 for what is no error. 503: nothing was done; 504 and
 * what cannot be an answer of ours: unknown.
 */
enum status error_status_of_http(unsigned http_status);

#endif
