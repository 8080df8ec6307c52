/*
 * Parcels: what waits for a stream, in its order. Either frames, ready to go, or a large message, whose bytes
 * are copied into a frame only by the thread that sends it: whoever drives the replicas copies none of them.
 */
#ifndef TRANSPORT_PARCEL_H
#define TRANSPORT_PARCEL_H

#include "aviary/base/buffer.h"
#include "aviary/base/list.h"
#include "aviary/raft/types.h"

enum { PARCEL_LARGE_BYTES = 64 * 1024 }; /* a message with as much is worth a parcel of its own */

struct parcel {
    struct list link;
    struct buffer frames;        /* empty: the message counts */
    struct raft_message message; /* owned */
    size_t size;                 /* in bytes, of the records in it where it is a message */
};

/* Takes the buffer's bytes over, which is empty then. NULL: no memory, and nothing was taken. */
struct parcel *parcel_of_frames(struct buffer *frames);
/* Retains the message's entries and data. NULL: no memory. */
struct parcel *parcel_of_message(const struct raft_message *message);
/* Takes NULL. */
void parcel_destroy(struct parcel *parcel);
void parcel_destroy_all(struct list *parcels);
/* The first one, taken from the list; NULL: empty. */
struct parcel *parcel_take(struct list *parcels);

#endif
