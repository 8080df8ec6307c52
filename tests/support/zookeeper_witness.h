/*
 * An onlooker at a test's ZooKeeper, with a session of its own: reads what stands there, and meddles.
 * Every wait is bounded; what cannot be done in time fails the test.
 */
#ifndef AVIARY_TESTS_SUPPORT_ZOOKEEPER_WITNESS_H
#define AVIARY_TESTS_SUPPORT_ZOOKEEPER_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

struct zookeeper_witness;

enum { WITNESS_TEXT_MAX = 4096 };

struct zookeeper_witness *zookeeper_witness_create(uint16_t port);
/* Ends its session. Takes NULL. */
void zookeeper_witness_destroy(struct zookeeper_witness *witness);

/* False where there is no such node. The text ends with NUL. */
bool zookeeper_witness_get(struct zookeeper_witness *witness, const char *path,
                           char ret_text[WITNESS_TEXT_MAX]);
/* The session that an ephemeral node belongs to; 0: none, or no such node. */
int64_t zookeeper_witness_owner(struct zookeeper_witness *witness, const char *path);
bool zookeeper_witness_exists(struct zookeeper_witness *witness, const char *path);
/* The node holds `part` somewhere. */
bool zookeeper_witness_sees(struct zookeeper_witness *witness, const char *path, const char *part);

/* Makes the node and those above it. */
void zookeeper_witness_create_node(struct zookeeper_witness *witness, const char *path, const char *text);
void zookeeper_witness_create_ephemeral(struct zookeeper_witness *witness, const char *path,
                                        const char *text);
void zookeeper_witness_set(struct zookeeper_witness *witness, const char *path, const char *text);
/* With all below it; persists while others write there. */
void zookeeper_witness_delete_tree(struct zookeeper_witness *witness, const char *path);

/* Ends another's session, as if it had expired: its owner learns of it when it next speaks. */
void zookeeper_end_session(uint16_t port, int64_t session_id);

#endif
