#include "exchange.h"

static const struct slice *find(const struct http_pair *pairs, size_t count, const char *name,
                                int (*compare)(const void *, const char *, size_t)) {
    size_t size = strlen(name);
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name.size == size && compare(pairs[i].name.data, name, size) == 0) {
            return &pairs[i].value;
        }
    }
    return NULL;
}

static int compare_any_case(const void *a, const char *b, size_t size) {
    return strncasecmp(a, b, size);
}

static int compare_exact(const void *a, const char *b, size_t size) {
    return memcmp(a, b, size);
}

const struct slice *http_request_header(const struct http_request *request, const char *name) {
    return find(request->headers, request->header_count, name, compare_any_case);
}

const struct slice *http_request_parameter(const struct http_request *request, const char *name) {
    return find(request->parameters, request->parameter_count, name, compare_exact);
}

bool http_request_is_stopping(const struct http_request *request) {
    return http_server_is_stopping(request->exchange->server);
}
