/*
 * A real ZooKeeper for tests: Debian's package, one server on loopback in a temporary directory, with short
 * ticks. It dies with the process that started it, whatever ends that.
 *
 * Threads: one; start from the thread that lives longest, since the server dies with it.
 */
#ifndef AVIARY_TESTS_SUPPORT_ZOOKEEPER_SERVER_H
#define AVIARY_TESTS_SUPPORT_ZOOKEEPER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { ZOOKEEPER_SERVER_TICK_MS = 200 }; /* sessions last 2 to 20 ticks */

struct zookeeper_server {
    char directory[64];
    uint16_t port;
    pid_t pid; /* 0: not running */
};

/* Starts on a port from the kernel and waits until it serves. False, with a word on standard error, where
 * not. */
bool zookeeper_server_init(struct zookeeper_server *server);
/* Kills it and deletes its directory. */
void zookeeper_server_finish(struct zookeeper_server *server);

/* As a power cut: SIGKILL. */
void zookeeper_server_kill(struct zookeeper_server *server);
/* Starts a killed one on its old port and waits until it serves. */
bool zookeeper_server_restart(struct zookeeper_server *server);
/* Deletes the data of a killed one. */
void zookeeper_server_wipe(struct zookeeper_server *server);

/* SIGSTOP and SIGCONT: connections stay, nobody answers. */
void zookeeper_server_pause(const struct zookeeper_server *server);
void zookeeper_server_resume(const struct zookeeper_server *server);

#endif
