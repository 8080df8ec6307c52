/*
 * Counts stale reads: stale_reads READS HOST:PORT...
 *
 * At every broker some readers ask for the end of topic "t", partition 0, with level=linearizable, and one
 * writer appends to it. Each read must show at least what was acknowledged to any of the writers, or shown to
 * any of the readers, before it was sent. Runs until READS were compared; what is refused or not answered is
 * counted apart. tests/bench/failover hurts the brokers meanwhile. Fails where a read was stale.
 */
#include "aviary/base.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BROKERS = 5,
    READERS = 12, /* at each broker */
    CLIENTS_MAX = BROKERS * (READERS + 1),
    ANSWER_BYTES_MAX = 64 * 1024,
    ANSWER_SECONDS = 5,     /* longer than any pause: what a broker does when it wakes counts most */
    RETRY_PAUSE_US = 20000, /* after a failure */
    WRITE_PAUSE_US = 2000,  /* between two writes */
    PROGRESS_US = 100000,
};

struct client {
    struct sockaddr_in address;
    unsigned number;
    int fd; /* -1: not connected */
    char answer[ANSWER_BYTES_MAX + 1];
};

/* Of all threads. */
static struct {
    _Atomic int64_t shown; /* the end of the partition, as acknowledged or read, at the least */
    _Atomic uint64_t compared;
    _Atomic uint64_t stale;
    _Atomic uint64_t unanswered;
    _Atomic uint64_t written;
    _Atomic bool over;
} counts;

static void show(int64_t end) {
    int64_t before = atomic_load(&counts.shown);
    while (before < end && !atomic_compare_exchange_weak(&counts.shown, &before, end)) {
    }
}

static bool client_connect(struct client *client) {
    if (client->fd >= 0) {
        return true;
    }
    int on = 1;
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&client->address, sizeof client->address) != 0) {
        close(fd);
        return false;
    }
    client->fd = fd;
    return true;
}

/* A number behind `name` in the answer; -1 where there is none. */
static int64_t answer_number(const struct client *client, const char *name) {
    const char *found = strcasestr(client->answer, name);
    return found ? strtoll(found + strlen(name), NULL, 10) : -1;
}

/* Whether the answer is all there, as far as its own length goes. */
static bool answer_is_whole(const struct client *client, size_t size) {
    const char *body = strstr(client->answer, "\r\n\r\n");
    int64_t length = answer_number(client, "Content-Length: ");
    return body && length >= 0 && client->answer + size >= body + 4 + length;
}

/* The status of the answer; 0 where none came. */
static unsigned client_ask(struct client *client, const char *request) {
    size_t size = 0;
    client->answer[0] = '\0';
    if (!client_connect(client) ||
        send(client->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request)) {
        return 0;
    }
    while (!answer_is_whole(client, size)) {
        ssize_t more = recv(client->fd, client->answer + size, ANSWER_BYTES_MAX - size, 0);
        if (more <= 0) {
            return 0;
        }
        size += (size_t)more;
        client->answer[size] = '\0';
    }
    if (strcasestr(client->answer, "Connection: close")) {
        close(client->fd);
        client->fd = -1;
    }
    return (unsigned)answer_number(client, "HTTP/1.1 ");
}

static void client_failed(struct client *client) {
    if (client->fd >= 0) {
        close(client->fd);
        client->fd = -1;
    }
    usleep(RETRY_PAUSE_US);
}

static void read_on(void *argument) {
    static const char request[] =
        "GET /v1/topics/t/partitions/0/messages?offset=latest&level=linearizable&limit=1 "
        "HTTP/1.1\r\nHost: b\r\n\r\n";
    struct client *client = argument;
    while (!atomic_load(&counts.over)) {
        int64_t least = atomic_load(&counts.shown);
        if (client_ask(client, request) != 200) {
            atomic_fetch_add(&counts.unanswered, 1);
            client_failed(client);
            continue;
        }
        int64_t end = answer_number(client, "X-High-Watermark: ");
        if (end < least) {
            atomic_fetch_add(&counts.stale, 1);
            printf("stale: %" PRId64 " where %" PRId64 " was shown before; answer:\n%s\n", end, least,
                   client->answer);
        }
        atomic_fetch_add(&counts.compared, 1);
        show(end);
    }
}

static void write_on(void *argument) {
    struct client *client = argument;
    char request[256];
    for (uint64_t i = 0; !atomic_load(&counts.over); i++) {
        char value[64];
        int size = snprintf(value, sizeof value, "stale_reads-%u-%" PRIu64, client->number, i);
        snprintf(request, sizeof request,
                 "POST /v1/topics/t/messages?partition=0 HTTP/1.1\r\nHost: b\r\nContent-Length: %d\r\n\r\n%s",
                 size, value);
        if (client_ask(client, request) == 201) {
            show(answer_number(client, "\"offset\":") + 1);
            atomic_fetch_add(&counts.written, 1);
            usleep(WRITE_PAUSE_US);
        } else {
            client_failed(client);
        }
    }
}

static bool parse_address(const char *text, struct sockaddr_in *ret_address) {
    char host[64];
    const char *colon = strchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host) {
        return false;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
    return inet_pton(AF_INET, host, &ret_address->sin_addr) == 1;
}

static bool run(struct client *clients, size_t count, uint64_t reads) {
    struct thread threads[CLIENTS_MAX] = {0};
    bool started = true;
    for (size_t i = 0; started && i < count; i++) {
        bool writes = i % (READERS + 1) == 0;
        started = thread_start(&threads[i], writes ? "writer" : "reader", writes ? write_on : read_on,
                               &clients[i], NULL) == STATUS_OK;
    }
    while (started && atomic_load(&counts.compared) < reads) {
        usleep(PROGRESS_US);
    }
    atomic_store(&counts.over, true);
    for (size_t i = 0; i < count; i++) {
        thread_join(&threads[i]);
        if (clients[i].fd >= 0) {
            close(clients[i].fd);
        }
    }
    return started;
}

int main(int argc, char **argv) {
    size_t count = 0;
    struct client *clients = calloc(CLIENTS_MAX, sizeof *clients);
    uint64_t reads = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    bool good = clients != NULL && reads > 0 && argc > 2 && argc <= 2 + BROKERS;
    for (int i = 2; good && i < argc; i++) {
        for (unsigned each = 0; good && each <= READERS; each++, count++) {
            clients[count] = (struct client){.number = (unsigned)count, .fd = -1};
            good = parse_address(argv[i], &clients[count].address);
        }
    }
    if (!good || !run(clients, count, reads)) {
        fputs("stale_reads READS HOST:PORT...\n", stderr);
        free(clients);
        return 2;
    }
    printf("%" PRIu64 " linearizable reads compared, %" PRIu64 " of them stale; %" PRIu64
           " not answered; %" PRIu64 " writes acknowledged\n",
           atomic_load(&counts.compared), atomic_load(&counts.stale), atomic_load(&counts.unanswered),
           atomic_load(&counts.written));
    free(clients);
    return atomic_load(&counts.stale) == 0 ? 0 : 1;
}
