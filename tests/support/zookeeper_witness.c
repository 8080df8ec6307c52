/* The synchronous calls of the library are declared for its threaded variant only. */
#define THREADED

#include "zookeeper_witness.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zookeeper/zookeeper.h>

enum {
    SESSION_MS = 4000,
    CONNECT_WAIT_MS = 10000,
    POLL_MS = 10,
    PATH_SIZE = 512,
    DELETE_ATTEMPTS = 100,
};

struct zookeeper_witness {
    zhandle_t *handle;
};

static void ignore_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
    (void)handle;
    (void)type;
    (void)state;
    (void)path;
    (void)context;
}

static zhandle_t *connect_to(uint16_t port, const clientid_t *session) {
    char host[32];
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    snprintf(host, sizeof host, "127.0.0.1:%" PRIu16, port);
    zhandle_t *handle = zookeeper_init(host, ignore_event, SESSION_MS, session, NULL, 0);
    assert_non_null(handle);
    for (int waited_ms = 0; zoo_state(handle) != ZOO_CONNECTED_STATE; waited_ms += POLL_MS) {
        assert_true(waited_ms < CONNECT_WAIT_MS);
        struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
        nanosleep(&pause, NULL);
    }
    return handle;
}

struct zookeeper_witness *zookeeper_witness_create(uint16_t port) {
    struct zookeeper_witness *witness = calloc(1, sizeof *witness);
    assert_non_null(witness);
    witness->handle = connect_to(port, NULL);
    return witness;
}

void zookeeper_witness_destroy(struct zookeeper_witness *witness) {
    if (witness) {
        zookeeper_close(witness->handle);
        free(witness);
    }
}

bool zookeeper_witness_get(struct zookeeper_witness *witness, const char *path,
                           char ret_text[WITNESS_TEXT_MAX]) {
    int size = WITNESS_TEXT_MAX - 1;
    int code = zoo_get(witness->handle, path, 0, ret_text, &size, NULL);
    if (code == ZNONODE) {
        return false;
    }
    assert_int_equal(code, ZOK);
    ret_text[size > 0 ? size : 0] = '\0';
    return true;
}

int64_t zookeeper_witness_owner(struct zookeeper_witness *witness, const char *path) {
    struct Stat stat;
    int code = zoo_exists(witness->handle, path, 0, &stat);
    assert_true(code == ZOK || code == ZNONODE);
    return code == ZOK ? stat.ephemeralOwner : 0;
}

bool zookeeper_witness_exists(struct zookeeper_witness *witness, const char *path) {
    int code = zoo_exists(witness->handle, path, 0, NULL);
    assert_true(code == ZOK || code == ZNONODE);
    return code == ZOK;
}

bool zookeeper_witness_sees(struct zookeeper_witness *witness, const char *path, const char *part) {
    char text[WITNESS_TEXT_MAX];
    return zookeeper_witness_get(witness, path, text) && strstr(text, part) != NULL;
}

static void create(struct zookeeper_witness *witness, const char *path, const char *text, int flags) {
    char parent[PATH_SIZE];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(parent, path, (size_t)(slash - path));
        parent[slash - path] = '\0';
        int code = zoo_create(witness->handle, parent, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
        assert_true(code == ZOK || code == ZNODEEXISTS);
    }
    int code =
        zoo_create(witness->handle, path, text, (int)strlen(text), &ZOO_OPEN_ACL_UNSAFE, flags, NULL, 0);
    assert_int_equal(code, ZOK);
}

void zookeeper_witness_create_node(struct zookeeper_witness *witness, const char *path, const char *text) {
    create(witness, path, text, 0);
}

void zookeeper_witness_create_ephemeral(struct zookeeper_witness *witness, const char *path,
                                        const char *text) {
    create(witness, path, text, ZOO_EPHEMERAL);
}

void zookeeper_witness_set(struct zookeeper_witness *witness, const char *path, const char *text) {
    assert_int_equal(zoo_set(witness->handle, path, text, (int)strlen(text), -1), ZOK);
}

static void delete_children(struct zookeeper_witness *witness, const char *path) {
    struct String_vector names = {0};
    if (zoo_get_children(witness->handle, path, 0, &names) != ZOK) {
        return;
    }
    for (int i = 0; i < names.count; i++) {
        char child[PATH_SIZE];
        snprintf(child, sizeof child, "%s/%s", path, names.data[i]);
        delete_children(witness, child);
        zoo_delete(witness->handle, child, -1);
    }
    deallocate_String_vector(&names);
}

void zookeeper_witness_delete_tree(struct zookeeper_witness *witness, const char *path) {
    int code = ZNOTEMPTY;
    for (int attempt = 0; code == ZNOTEMPTY && attempt < DELETE_ATTEMPTS; attempt++) {
        delete_children(witness, path);
        code = zoo_delete(witness->handle, path, -1);
    }
    assert_true(code == ZOK || code == ZNONODE);
}

/* The server's own rule (ZooKeeperServer.generatePasswd): java.util.Random's bytes, seeded by the session's
 * id. */
static void session_password(int64_t session_id, char ret_password[16]) {
    const uint64_t mask = (UINT64_C(1) << 48) - 1;
    const uint64_t multiplier = UINT64_C(0x5DEECE66D);
    uint64_t state = (((uint64_t)session_id ^ UINT64_C(0xB3415C00)) ^ multiplier) & mask;
    for (int i = 0; i < 16; i += 4) {
        state = (state * multiplier + 0xB) & mask;
        uint32_t word = (uint32_t)(state >> 16);
        for (int byte = 0; byte < 4; byte++) {
            ret_password[i + byte] = (char)(word >> (8 * byte));
        }
    }
}

void zookeeper_end_session(uint16_t port, int64_t session_id) {
    clientid_t session = {.client_id = session_id};
    session_password(session_id, session.passwd);
    zookeeper_close(connect_to(port, &session));
}
