/*
 * Which handler a request belongs to. Pure.
 *
 * A pattern is "/v1/topics/{topic}/messages": a segment in braces stands for any one segment and gives it to
 * the handler; what follows the brace, as in "{partition}:transfer-leader", must stand at the segment's end.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "call.h"

struct route {
    enum http_method method;
    const char *pattern;
    void (*handle)(struct call *call);
};

/* A set of methods: bit n is the method of that number. */
typedef unsigned route_methods;

/* Where no route fits. */
#define ROUTE_NONE SIZE_MAX

/*
 * The position in `routes` of the route that fits method and segments of `request`, and the segments that
 * stand for its braces; or ROUTE_NONE, and the methods that the path would take (none: no such path).
 */
size_t route_find(const struct route *routes, size_t count, const struct http_request *request,
                  struct slice ret_parameters[ROUTE_PARAMETERS_MAX], size_t *ret_parameter_count,
                  route_methods *ret_methods);
/* "GET, HEAD, POST" */
void route_format_methods(route_methods methods, struct buffer *out);

/* All routes of the API. */
extern const struct route api_routes[];
extern const size_t api_route_count;

#endif
