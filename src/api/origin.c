#include "origin.h"

#include "text.h"

#include <arpa/inet.h>
#include <strings.h>

/* "host:port" or "[::1]:port" or without a port: the host, without brackets. */
static struct slice host_of(struct slice authority) {
    if (authority.size > 0 && authority.data[0] == '[') {
        const uint8_t *end = memchr(authority.data, ']', authority.size);
        return end ? slice_make(authority.data + 1, (size_t)(end - authority.data) - 1) : (struct slice){0};
    }
    struct slice host = {0};
    (void)text_split(&authority, ':', &host);
    return host;
}

static bool is_ip_address(struct slice host) {
    char text[INET6_ADDRSTRLEN];
    if (host.size == 0 || host.size >= sizeof text) {
        return false;
    }
    memcpy(text, host.data, host.size);
    text[host.size] = '\0';
    uint8_t address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool same_host(struct slice a, struct slice b) {
    return a.size == b.size && strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

static bool host_is_ours(struct slice authority, const char *rest_address) {
    struct slice host = host_of(authority);
    struct slice own = host_of(slice_of_string(rest_address));
    return is_ip_address(host) || text_equal_any_case(host, "localhost") || text_ends(host, ".localhost") ||
           (host.size > 0 && same_host(host, own));
}

/* `origin` is "scheme://authority" with the authority of Host. */
static bool origin_is_host(struct slice origin, struct slice host) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (text_begins_any_case(origin, schemes[i])) {
            return same_host(slice_after(origin, strlen(schemes[i])), host);
        }
    }
    return false;
}

const char *origin_refusal(const struct http_request *request, const char *rest_address) {
    const struct slice *site = http_request_header(request, "Sec-Fetch-Site");
    const struct slice *origin = http_request_header(request, "Origin");
    if (request->method == HTTP_METHOD_GET || (site == NULL && origin == NULL)) {
        return NULL;
    }
    if (site && !text_equal_any_case(*site, "same-origin") && !text_equal_any_case(*site, "none")) {
        return "a browser may not write here from another site's page: use a page of this broker";
    }
    const struct slice *host = http_request_header(request, "Host");
    if (host == NULL || !host_is_ours(*host, rest_address)) {
        return "a browser may write here only by an IP address, localhost or this broker's advertised host";
    }
    if (origin && !origin_is_host(*origin, *host)) {
        return "a browser may not write here from another origin: Origin and Host must name the same host "
               "and port";
    }
    return NULL;
}
