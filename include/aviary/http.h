/*
 * http: a strict HTTP/1.1 server on civetweb, a client and long-lived streams on libcurl.
 * Includes the room's headers in one go.
 */
#ifndef AVIARY_HTTP_H
#define AVIARY_HTTP_H

#include "aviary/http/client.h"
#include "aviary/http/request.h"
#include "aviary/http/response.h"
#include "aviary/http/server.h"
#include "aviary/http/stream.h"

#endif
