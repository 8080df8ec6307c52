/* What a handler's response consists of, and its way into one buffer. */
#ifndef AVIARY_HTTP_RESPONSE_PRIVATE_H
#define AVIARY_HTTP_RESPONSE_PRIVATE_H

#include "aviary/http/response.h"

#include "aviary/base/slice.h"
#include "budget.h"

#include <time.h>

enum {
    RESPONSE_DATE_SIZE = 30,
    RESPONSE_FREE_OF_BUDGET = 256 * 1024, /* memory that a worker keeps for its next one, and nobody counts */
};

struct http_response {
    unsigned status;
    const char *content_type; /* NULL: none */
    struct buffer headers;    /* lines a handler added */
    struct buffer body;       /* RESPONSE_GAP bytes for the head, then the body */
    bool closes;
    bool repeatable;
    struct budget *budget; /* of all large responses */
    size_t counted;        /* bytes taken from it */
    time_t date_at;        /* when `date` was written */
    char date[RESPONSE_DATE_SIZE];
};

/* The budget outlives it. */
void response_init(struct http_response *response, struct budget *budget);
void response_finish(struct http_response *response);
/* As http_response_count, for one that tells what was done, and so is given in any case. */
void response_count_always(struct http_response *response);
/* Gives back the memory of an unusually large response, and what was counted. */
void response_trim(struct http_response *response);

/*
 * Joins head and body, so that one write sends both. `keeps_alive_1_0` adds the header that HTTP/1.0 clients
 * wait for. The slice is valid until the response changes. Where it cannot be joined, it becomes a 500.
 */
struct slice response_seal(struct http_response *response, bool head_only, bool keeps_alive_1_0);

#endif
