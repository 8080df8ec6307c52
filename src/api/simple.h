/*
 * The simple dialect: messages in one topic of one partition, made on first use. A message is a record whose
 * value is the JSON object {"msg_id","sender","recipient","payload","ts"}; its seq is its offset + 1.
 */
#ifndef API_SIMPLE_H
#define API_SIMPLE_H

#include "read.h"

#define SIMPLE_TOPIC "messages"

/* Which messages. Slices belong to the request. */
struct simple_query {
    bool has_after;
    int64_t after;              /* only those with a greater seq; without: the newest */
    uint32_t limit;             /* at most */
    const struct slice *sender; /* NULL: any */
    const struct slice *recipient;
};

/*
 * Reads them at the leader or, where it cannot be reached within SIMPLE_LEADER_WAIT_MS, what the replica here
 * has committed (X-Read-Level: none says so), and makes the reply {"messages":[...],"next_after":seq}.
 */
void simple_answer(struct call *call, const struct simple_query *query);

/* Writes the reply's body from the replica here. */
void simple_write_messages(struct call *call, uint64_t group, const struct simple_query *query);

#endif
