/* libcurl's process-wide start. */
#ifndef AVIARY_HTTP_CURL_START_H
#define AVIARY_HTTP_CURL_START_H

#include "aviary/base/status.h"

/* Starts libcurl at the first call. IO where it does not start. Any thread. */
enum status curl_start(void) AVIARY_MUST_USE;

#endif
