/*
 * How a stream opens: who one is, as headers of its POST. docs/peer-protocol.md, "Streams".
 */
#ifndef TRANSPORT_PROTOCOL_H
#define TRANSPORT_PROTOCOL_H

#include "sender.h"

#include "aviary/http/request.h"
#include "aviary/transport.h"

enum { PROTOCOL_VERSION = 1, PROTOCOL_HEAD_PAIRS = 7, PROTOCOL_NUMBER_SIZE = 24 };

/* The headers of one's own head, and the text they point to. */
struct protocol_head {
    struct http_pair pairs[PROTOCOL_HEAD_PAIRS];
    char version[PROTOCOL_NUMBER_SIZE];
    char cluster[UUID_TEXT_SIZE];
    char broker[PROTOCOL_NUMBER_SIZE];
    char disk[UUID_TEXT_SIZE];
    char rest[HOST_SIZE_MAX + 8];
    char peer[HOST_SIZE_MAX + 8];
    char to[PROTOCOL_NUMBER_SIZE];
};

/* `head` must stay where it is: the pairs point into it. */
void protocol_head_fill(const struct transport_identity *identity, uint32_t to_broker,
                        struct protocol_head *head);
/*
 * Reads the other side's head. INVALID where a header is missing or malformed, UNSUPPORTED for another
 * version; the message says what is expected.
 */
enum status protocol_head_read(const struct http_request *request, struct transport_identity *ret_identity,
                               uint32_t *ret_to_broker, struct error *error) AVIARY_MUST_USE;
/* "control", "bulk". */
const char *protocol_lane_name(enum sender_lane lane);

#endif
