/*
 * A request's head cut up in place as civetweb does it: NULs over the bytes that end its parts, pointers to
 * where they begin. What src/http/head.c judges, without a server around it; the unit tests of http hold the
 * real one against the same rules.
 */
#ifndef AVIARY_TESTS_FUZZ_HTTP_HEAD_PARSE_H
#define AVIARY_TESTS_FUZZ_HTTP_HEAD_PARSE_H

#include <stddef.h>

struct mg_request_info;

/*
 * `head` of `size` bytes is written to, and holds what the result points to; the result itself lasts until
 * the next call. NULL where civetweb answers by itself, or waits for more.
 */
const struct mg_request_info *http_head_parse(char *head, size_t size);

#endif
