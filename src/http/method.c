#include "method.h"

#include "aviary/base/assert.h"

static const char *const METHOD_NAMES[] = {
    [HTTP_METHOD_GET] = "GET",     [HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
    [HTTP_METHOD_PATCH] = "PATCH", [HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_OPTIONS] = "OPTIONS",
};

enum { METHOD_COUNT = sizeof METHOD_NAMES / sizeof METHOD_NAMES[0] };

const char *http_method_name(enum http_method method) {
    ASSERT((size_t)method < METHOD_COUNT);
    return METHOD_NAMES[method];
}

bool method_parse(const char *name, enum http_method *ret_method, bool *ret_head_only) {
    bool head_only = strcmp(name, "HEAD") == 0;
    const char *wanted = head_only ? METHOD_NAMES[HTTP_METHOD_GET] : name;
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(wanted, METHOD_NAMES[i]) == 0) {
            *ret_method = (enum http_method)i;
            *ret_head_only = head_only;
            return true;
        }
    }
    return false;
}
