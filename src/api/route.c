#include "route.h"

#include "aviary/base/assert.h"

#include "text.h"

/* The next segment of a pattern, without its slash. */
static bool next_segment(const char **rest, struct slice *ret_segment) {
    if (**rest == '\0') {
        return false;
    }
    const char *start = *rest + 1;
    size_t size = strcspn(start, "/");
    *ret_segment = slice_make(start, size);
    *rest = start + size;
    return true;
}

/* `pattern` in braces: takes what stands for them. */
static bool match_parameter(struct slice pattern, struct slice segment, struct slice *ret_parameter) {
    const uint8_t *brace = memchr(pattern.data, '}', pattern.size);
    ASSERT(brace != NULL);
    struct slice suffix = slice_after(pattern, (size_t)(brace - pattern.data) + 1);
    if (segment.size <= suffix.size ||
        !slice_equal(slice_after(segment, segment.size - suffix.size), suffix)) {
        return false;
    }
    *ret_parameter = slice_make(segment.data, segment.size - suffix.size);
    return true;
}

static bool match_path(const char *pattern, const struct http_request *request,
                       struct slice ret_parameters[ROUTE_PARAMETERS_MAX], size_t *ret_parameter_count) {
    size_t parameters = 0;
    size_t position = 0;
    struct slice part;
    while (next_segment(&pattern, &part)) {
        if (position == request->segment_count) {
            return false;
        }
        struct slice segment = request->segments[position++];
        if (part.data[0] != '{') {
            if (!slice_equal(part, segment)) {
                return false;
            }
        } else {
            ASSERT(parameters < ROUTE_PARAMETERS_MAX);
            if (!match_parameter(part, segment, &ret_parameters[parameters])) {
                return false;
            }
            parameters++;
        }
    }
    *ret_parameter_count = parameters;
    return position == request->segment_count;
}

size_t route_find(const struct route *routes, size_t count, const struct http_request *request,
                  struct slice ret_parameters[ROUTE_PARAMETERS_MAX], size_t *ret_parameter_count,
                  route_methods *ret_methods) {
    route_methods methods = 0;
    for (size_t i = 0; i < count; i++) {
        if (!match_path(routes[i].pattern, request, ret_parameters, ret_parameter_count)) {
            continue;
        }
        if (routes[i].method == request->method) {
            return i;
        }
        methods |= 1U << routes[i].method;
    }
    *ret_methods = methods;
    return ROUTE_NONE;
}

void route_format_methods(route_methods methods, struct buffer *out) {
    const char *separator = "";
    for (unsigned method = 0; methods >> method != 0; method++) {
        if ((methods >> method & 1) == 0) {
            continue;
        }
        buffer_append_string(out, separator);
        buffer_append_string(out, http_method_name((enum http_method)method));
        if (method == HTTP_METHOD_GET) {
            buffer_append_string(out, ", HEAD");
        }
        separator = ", ";
    }
}
