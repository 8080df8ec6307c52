/*
 * A call: one request on its way through a handler, with what its reply will carry besides the body.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include "aviary/json.h"

#include "api.h"
#include "error.h"

enum { ROUTE_PARAMETERS_MAX = 4 };

struct call {
    struct api *api;
    struct http_request *request;
    struct http_response *response;
    struct slice parameters[ROUTE_PARAMETERS_MAX]; /* of the path, in its order */
    size_t parameter_count;
    uint64_t deadline_ms; /* monotonic; by then there is a reply */
    bool forwarded;       /* came from another broker: goes on to none */
    uint32_t served_by;   /* broker id for X-Served-By */
    uint64_t term;        /* for X-Raft-Term; 0: the reply is not from a partition */
    uint32_t leader;      /* for X-Aviary-Leader, on a refusal to another broker; 0: none */
};

/* Makes the reply an error. `error_code` as in error.h; the message says what to do. */
void call_fail(struct call *call, unsigned error_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a room's failure: error_code_of(status), and the room's own message where it gave one. */
void call_fail_with(struct call *call, enum status status, const struct error *error);

/* Starts a JSON body: pretty where the client asked so. The writer needs no release. */
void call_begin_json(struct call *call, struct json_writer *ret_writer);
/* Adds a 503's Retry-After, X-Served-By, X-Raft-Term and X-Aviary-Leader: last of all. */
void call_finish(struct call *call);

/*
 * Waits `pause_ms` before another try. False where the deadline would pass meanwhile or the server is being
 * stopped: then give the answer at hand.
 */
bool call_pause(struct call *call, uint32_t pause_ms) AVIARY_MUST_USE;
/* Milliseconds until the deadline; 0: passed. */
uint64_t call_remaining_ms(const struct call *call);

/*
 * Before records are read or unpacked, of about `bytes`: their memory is bounded by how many calls do that at
 * once. NULL: the reply says that too many do. To be given back when the reply is written, so before it is
 * sent.
 */
struct places *call_take_place(struct call *call, size_t bytes) AVIARY_MUST_USE;
/* Counts the reply first: nobody else takes the place while its memory counts nowhere. */
void call_give_place(struct call *call, struct places *place);

/* A header that only another broker may set; NULL without it, and for requests of clients. */
const struct slice *call_peer_header(const struct call *call, const char *name);
/* True where `?name` is there, in whatever form but "false". */
bool call_flag(const struct call *call, const char *name);

/*
 * The JSON object in the body; an empty body stands for an empty object where `may_be_empty`. False: the
 * reply says why (415, 400). Destroy it with json_destroy (_cleanup_json_); NULL stands for the empty object.
 */
bool call_read_json(struct call *call, bool may_be_empty, struct json **ret_json) AVIARY_MUST_USE;

#endif
