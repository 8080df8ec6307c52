/*
 * The sockets behind civetweb's connections. civetweb never shows them, but some things cannot be done
 * without: ending a read that it blocks in, sending FIN before closing, reading bytes as they arrive.
 *
 * A TCP connection is known by its two ends, so a socket is found among the open descriptors of the process
 * by its addresses. What is found is a duplicate, made first and compared after, so a descriptor that is
 * closed and reused meanwhile is never mistaken. This costs a few system calls a descriptor and is done only
 * for what is rare: connections that misbehave, streams, and stopping.
 */
#ifndef AVIARY_HTTP_SOCKET_H
#define AVIARY_HTTP_SOCKET_H

#include "aviary/base/status.h"

#include <netinet/in.h>
#include <stdint.h>

/* Both ends of an accepted connection. */
struct socket_ends {
    struct sockaddr_in peer;
    uint16_t local_port;
};

/* A duplicate of the connection's descriptor, the caller's to close. NOT_FOUND, IO. Any thread. */
enum status socket_find(const struct socket_ends *ends, int *ret_fd) AVIARY_MUST_USE;
/* The same for the socket that listens on `address`. */
enum status socket_find_listener(const struct sockaddr_in *address, int *ret_fd) AVIARY_MUST_USE;
/* shutdown(2) with `how` on every accepted connection of that local port. */
void socket_shutdown_all(uint16_t local_port, int how);
/*
 * Sends FIN, then takes what the peer still sends until it closes too, `deadline_ms` (monotonic) passes or
 * `stop_event` becomes readable. Closing with unread bytes would send RST, which can overtake the answer.
 */
void socket_linger(int fd, int stop_event, uint64_t deadline_ms);

#endif
