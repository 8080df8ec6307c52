/*
 * The head of a request, judged by the rules of RFC 9112 rather than by what civetweb lets pass.
 *
 * civetweb parses in place: it writes NULs over the bytes that end a name, a value or the version. From where
 * its pointers stand and from the bytes between them follows what the client really sent.
 */
#ifndef AVIARY_HTTP_HEAD_H
#define AVIARY_HTTP_HEAD_H

#include "aviary/http/request.h"
#include "refusal.h"

struct mg_request_info;

/* What the head says beyond `struct http_request`. */
struct head {
    bool keep_alive;       /* what the client wants */
    bool expects_continue; /* it waits for "100 Continue" before it sends its body */
};

/*
 * Fills method, raw target, headers, content type and length of `request`, which then points into civetweb's
 * memory. False where the request is refused.
 */
bool head_check(const struct mg_request_info *info, struct http_request *request, struct head *ret_head,
                struct refusal *ret_refusal);

#endif
