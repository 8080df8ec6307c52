/* Why a request is refused before a handler sees it. */
#ifndef AVIARY_HTTP_REFUSAL_H
#define AVIARY_HTTP_REFUSAL_H

struct refusal {
    unsigned error_code; /* five digits, the first three are the HTTP status */
    const char *message; /* static; says what to do */
};

/* Each refusal of the room has the detail 01: its message tells the cases apart. */
enum {
    REFUSAL_MALFORMED = 40001,
    REFUSAL_SLOW = 40801,
    REFUSAL_LENGTH_REQUIRED = 41101,
    REFUSAL_TOO_LARGE = 41301,
    REFUSAL_EXPECTATION = 41701,
    REFUSAL_HEAD_TOO_LARGE = 43101,
    REFUSAL_NO_MEMORY = 50001,
    REFUSAL_METHOD = 50101,
    REFUSAL_BUSY = 50301,
    REFUSAL_VERSION = 50501,
};

#endif
