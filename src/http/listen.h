/* From "host:port" to an IPv4 address. */
#ifndef AVIARY_HTTP_LISTEN_H
#define AVIARY_HTTP_LISTEN_H

#include "aviary/base/status.h"

#include <netinet/in.h>

/* INVALID: not "host:port". UNAVAILABLE: the name has no IPv4 address. May ask the resolver and so block. */
enum status listen_address_resolve(const char *text, struct sockaddr_in *ret_address,
                                   struct error *error) AVIARY_MUST_USE;

#endif
