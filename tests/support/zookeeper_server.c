#include "zookeeper_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_ATTEMPTS = 3, /* another process may take the port between our look and the server's bind */
    START_WAIT_MS = 20000,
    POLL_MS = 20,
    PATH_SIZE = 128,
};

static void sleep_ms(long ms) {
    struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&duration, NULL);
}

static struct sockaddr_in loopback(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static uint16_t free_port(void) {
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
                    getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_bound ? ntohs(address.sin_port) : 0;
}

/* "ruok" is answered by "imok" before sessions are; "srvr" says its mode only when it serves. */
static bool serves(uint16_t port) {
    char text[1024];
    size_t size = 0;
    struct sockaddr_in address = loopback(port);
    struct timeval patience = {.tv_sec = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, "srvr", 4, MSG_NOSIGNAL) == 4) {
        ssize_t got;
        while (size < sizeof text - 1 && (got = recv(fd, text + size, sizeof text - 1 - size, 0)) > 0) {
            size += (size_t)got;
        }
    }
    close(fd);
    text[size] = '\0';
    return strstr(text, "Mode: standalone") != NULL;
}

static bool write_config(const struct zookeeper_server *server) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/zoo.cfg", server->directory);
    FILE *file = fopen(path, "we");
    if (!file) {
        return false;
    }
    fprintf(file,
            "tickTime=%d\ndataDir=%s/data\nclientPort=%u\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\n4lw.commands.whitelist=srvr\nmaxClientCnxns=0\n",
            ZOOKEEPER_SERVER_TICK_MS, server->directory, server->port);
    return fclose(file) == 0;
}

/* In the child. */
static void run_java(const struct zookeeper_server *server) {
    char path[PATH_SIZE];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof path, "%s/output", server->directory);
    int output = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    snprintf(path, sizeof path, "%s/zoo.cfg", server->directory);
    execlp("java", "java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
           "-Dzookeeper.forceSync=no", "-cp", "/usr/share/java/zookeeper.jar",
           "org.apache.zookeeper.server.ZooKeeperServerMain", path, (char *)NULL);
    _exit(127);
}

bool zookeeper_server_restart(struct zookeeper_server *server) {
    server->pid = fork();
    if (server->pid == 0) {
        run_java(server);
    }
    if (server->pid < 0) {
        server->pid = 0;
        return false;
    }
    for (int waited_ms = 0; waited_ms < START_WAIT_MS; waited_ms += POLL_MS) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = 0;
            return false;
        }
        if (serves(server->port)) {
            return true;
        }
        sleep_ms(POLL_MS);
    }
    zookeeper_server_kill(server);
    return false;
}

bool zookeeper_server_init(struct zookeeper_server *server) {
    *server = (struct zookeeper_server){.directory = "/tmp/aviary-zookeeper-XXXXXX"};
    if (!mkdtemp(server->directory)) {
        return false;
    }
    for (int attempt = 0; attempt < START_ATTEMPTS; attempt++) {
        server->port = free_port();
        if (server->port != 0 && write_config(server) && zookeeper_server_restart(server)) {
            return true;
        }
    }
    fprintf(stderr, "no ZooKeeper: are java and Debian's package zookeeper there? See %s/output\n",
            server->directory);
    return false;
}

void zookeeper_server_kill(struct zookeeper_server *server) {
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void zookeeper_server_wipe(struct zookeeper_server *server) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/data", server->directory);
    remove_tree(path);
}

void zookeeper_server_finish(struct zookeeper_server *server) {
    zookeeper_server_kill(server);
    remove_tree(server->directory);
}

void zookeeper_server_pause(const struct zookeeper_server *server) {
    kill(server->pid, SIGSTOP);
}

void zookeeper_server_resume(const struct zookeeper_server *server) {
    kill(server->pid, SIGCONT);
}
