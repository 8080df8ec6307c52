/*
 * Answering at the leader: here where this broker leads the group, else by asking the broker that does, again
 * and again inside the call's deadline while leadership moves.
 */
#ifndef API_LEADER_H
#define API_LEADER_H

#include "hop.h"

enum leader_outcome {
    LEADER_DONE,  /* the reply stands */
    LEADER_RETRY, /* nothing was done; the reply says why, should there be no time for another try */
    LEADER_AGAIN, /* all is well, but ask once more: a long poll in pieces */
};

/* What to do with a call, here and there. `context` as given to leader_answer. */
struct leader_task {
    enum leader_outcome (*here)(struct call *call, const struct broker_route *route, void *context);
    enum leader_outcome (*there)(struct call *call, const struct broker_route *route, void *context);
};

/*
 * Fills the reply of `call`. A client that asked for `?redirect` gets 307 with the leader's address instead
 * of a hop. A forwarded call that should go on is refused: 503 and X-Aviary-Leader.
 */
void leader_answer(struct call *call, uint64_t group, const struct leader_task *task, void *context);

/* Makes the reply a 307 to `route`'s broker. */
void leader_redirect(struct call *call, const struct broker_route *route);
/* Makes the reply the refusal of a forwarded call. */
void leader_refuse_forwarded(struct call *call, const struct broker_route *route);

/*
 * The usual `there`: sends the client's request on as it is and gives back the answer. `reads`: nothing
 * changes there, so that it may be asked twice. `context` is not looked at.
 */
enum leader_outcome leader_forward_read(struct call *call, const struct broker_route *route, void *context);
enum leader_outcome leader_forward_write(struct call *call, const struct broker_route *route, void *context);

/* The parts of that. A hop that is the client's request: */
void leader_hop_of_call(const struct call *call, const struct broker_route *route, struct hop *ret_hop);
/* a reply that is the answer: */
void leader_reply_with(struct call *call, const struct http_client_response *answer);
/* and the reply for whatever hop_perform said; `answer` is looked at where that is OK. */
enum leader_outcome leader_reply_hop(struct call *call, const struct broker_route *route, enum status status,
                                     const struct http_client_response *answer, bool reads);

#endif
