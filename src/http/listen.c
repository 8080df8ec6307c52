#include "listen.h"

#include "aviary/base/limits.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, PORT_DIGITS_MAX = 5 };

static bool parse_port(const char *text, uint16_t *ret_port) {
    size_t size = strlen(text);
    if (size == 0 || size > PORT_DIGITS_MAX || strspn(text, "0123456789") != size) {
        return false;
    }
    unsigned long port = strtoul(text, NULL, 10);
    *ret_port = (uint16_t)port;
    return port <= PORT_MAX;
}

enum status listen_address_resolve(const char *text, struct sockaddr_in *ret_address, struct error *error) {
    char host[HOST_SIZE_MAX + 1];
    uint16_t port;
    const char *colon = strrchr(text, ':');
    size_t host_size = colon ? (size_t)(colon - text) : 0;
    if (host_size == 0 || host_size > HOST_SIZE_MAX || !parse_port(colon + 1, &port)) {
        return error_set(error, STATUS_INVALID, "'%s' is no address to listen on, write host:port", text);
    }
    memcpy(host, text, host_size);
    host[host_size] = '\0';

    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int failure = getaddrinfo(host, NULL, &hints, &found);
    if (failure != 0) {
        return error_set(error, STATUS_UNAVAILABLE, "'%s' has no IPv4 address: %s", host,
                         gai_strerror(failure));
    }
    memcpy(ret_address, found->ai_addr, sizeof *ret_address);
    freeaddrinfo(found);
    ret_address->sin_port = htons(port);
    return STATUS_OK;
}
