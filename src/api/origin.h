/*
 * Writes by a browser from elsewhere. A page of another site can make a browser send requests to a broker on
 * the user's own machine; what the browser says about itself gives that away. Pure.
 */
#ifndef API_ORIGIN_H
#define API_ORIGIN_H

#include "aviary/http/request.h"

/*
 * NULL: the request may go on; else what is wrong with it. Only writes (all but GET) are judged, and only
 * those that carry Origin or Sec-Fetch-Site, which tools other than browsers do not send:
 *   Sec-Fetch-Site, where it is there, is "same-origin" or "none";
 *   Origin, where it is there, is http or https and names the same host and port as Host (a container's
 *   mapped port is in both, so it does not matter on which port the broker itself listens);
 *   Host is an IP address, a loopback name, or the host of `rest_address` ("host:port" as others reach this
 *   broker): a foreign name that an attacker's DNS points at us is none of them.
 */
const char *origin_refusal(const struct http_request *request, const char *rest_address);

#endif
