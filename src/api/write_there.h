/* One attempt of a write at another broker. */
#ifndef API_WRITE_THERE_H
#define API_WRITE_THERE_H

#include "write.h"

/*
 * Sends the batch to the peer port of `route`'s broker, under the request's idempotency key or one that is
 * minted now. OK: the answer's fields are filled; else write->error says why, with the status of
 * error_status_of_http.
 */
enum status write_there(struct write *write, const struct broker_route *route) AVIARY_MUST_USE;

#endif
