/* Requests as the http room would hand them over, for tests of what reads them. Strings are borrowed. */
#ifndef AVIARY_TESTS_UNIT_API_REQUEST_H
#define AVIARY_TESTS_UNIT_API_REQUEST_H

#include "aviary/http/request.h"

static inline void request_init(struct http_request *request, enum http_method method, const char *path) {
    *request = (struct http_request){.method = method, .raw_path = slice_of_string(path)};
    while (*path == '/' && path[1] != '\0') {
        size_t size = strcspn(path + 1, "/");
        request->segments[request->segment_count++] = slice_make(path + 1, size);
        path += 1 + size;
    }
}

static inline void request_header(struct http_request *request, const char *name, const char *value) {
    request->headers[request->header_count++] =
        (struct http_pair){.name = slice_of_string(name), .value = slice_of_string(value)};
}

static inline void request_parameter(struct http_request *request, const char *name, const char *value) {
    request->parameters[request->parameter_count++] =
        (struct http_pair){.name = slice_of_string(name), .value = slice_of_string(value)};
}

#endif
