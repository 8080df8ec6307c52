#include "socket.h"

#include "aviary/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_BUFFER_SIZE = 16 * 1024 };

typedef bool (*socket_match)(int fd, const void *wanted);

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b) {
    return a->sin_family == AF_INET && a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static bool has_local_port(int fd, uint16_t port) {
    struct sockaddr_in local = {0};
    socklen_t size = sizeof local;
    return getsockname(fd, (struct sockaddr *)&local, &size) == 0 && local.sin_family == AF_INET &&
           ntohs(local.sin_port) == port;
}

static bool is_connection(int fd, const void *wanted) {
    const struct socket_ends *ends = wanted;
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && same_address(&peer, &ends->peer) &&
           has_local_port(fd, ends->local_port);
}

static bool is_connection_of_port(int fd, const void *wanted) {
    const uint16_t *local_port = wanted;
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && has_local_port(fd, *local_port);
}

static bool is_listener(int fd, const void *wanted) {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening) {
        return false;
    }
    struct sockaddr_in local = {0};
    size = sizeof local;
    return getsockname(fd, (struct sockaddr *)&local, &size) == 0 && same_address(&local, wanted);
}

/* A duplicate of the next descriptor in `directory` that matches; -1 where there is none. */
static int next_match(DIR *directory, socket_match match, const void *wanted) {
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || *end != '\0' || !match((int)fd, wanted)) {
            continue;
        }
        int duplicate = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
        if (duplicate >= 0 && match(duplicate, wanted)) {
            return duplicate;
        }
        if (duplicate >= 0) {
            close(duplicate);
        }
    }
    return -1;
}

static enum status find(socket_match match, const void *wanted, int *ret_fd) {
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) {
        return STATUS_IO;
    }
    int fd = next_match(directory, match, wanted);
    closedir(directory);
    if (fd < 0) {
        return STATUS_NOT_FOUND;
    }
    *ret_fd = fd;
    return STATUS_OK;
}

enum status socket_find(const struct socket_ends *ends, int *ret_fd) {
    return find(is_connection, ends, ret_fd);
}

enum status socket_find_listener(const struct sockaddr_in *address, int *ret_fd) {
    return find(is_listener, address, ret_fd);
}

void socket_shutdown_all(uint16_t local_port, int how) {
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) {
        return;
    }
    /* A duplicate may turn up in the walk itself: shutting a connection down twice does no harm. */
    for (int fd; (fd = next_match(directory, is_connection_of_port, &local_port)) >= 0;) {
        shutdown(fd, how);
        close(fd);
    }
    closedir(directory);
}

void socket_linger(int fd, int stop_event, uint64_t deadline_ms) {
    char buffer[LINGER_BUFFER_SIZE];
    shutdown(fd, SHUT_WR);
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        struct pollfd waits[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_event, .events = POLLIN}};
        if (now_ms >= deadline_ms || poll(waits, 2, (int)(deadline_ms - now_ms)) <= 0 || waits[1].revents) {
            return;
        }
        ssize_t size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            return;
        }
    }
}
