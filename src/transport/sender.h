/*
 * A sender: one lane to one peer. A thread of its own keeps a stream open. Frames are sent at once, by
 * whoever flushes, as far as the stream takes them without waiting; the rest is queued, and the thread sends
 * it. Large messages are the thread's from the start, and so is all that comes behind them.
 */
#ifndef TRANSPORT_SENDER_H
#define TRANSPORT_SENDER_H

#include "frame.h"
#include "parcel.h"

#include "aviary/base/thread.h"
#include "aviary/transport.h"

enum sender_lane { SENDER_CONTROL, SENDER_BULK };
enum { SENDER_LANES = 2 };

struct sender_options {
    enum sender_lane lane;
    struct transport_peer peer;
    struct transport_identity identity;
    uint64_t connect_timeout_ms;
    uint64_t send_timeout_ms;
};

struct http_stream;

struct sender {
    struct sender_options options;
    struct thread thread;
    struct frame_writer building; /* the burst: what is not in a parcel yet. Only who drives the replicas */
    struct list burst;            /* its parcels, before that. The same */
    struct frame_writer encoding; /* the thread only */
    struct mutex mutex;           /* guards all below */
    struct condition filled;
    struct list queue;          /* parcels; the first one's first frame may lack what was sent of it */
    size_t queued_bytes;        /* in the queue */
    struct http_stream *stream; /* NULL: none stands */
    bool sending;               /* the thread uses the stream, without the mutex: nobody else may */
    bool stopping;
    uint64_t dropped_total;
    enum status lost; /* why there is no stream, as logged last; OK: one stands, or none was tried */
    char last_error[128];
};

/* Starts the thread. NO_MEMORY, UNAVAILABLE. */
enum status sender_create(const struct sender_options *options, struct sender **ret_sender) AVIARY_MUST_USE;
/* Tells the thread to end, without waiting; then destroy. */
void sender_stop(struct sender *sender);
/* Joins the thread. Takes NULL. */
void sender_destroy(struct sender *sender);
/* Takes a message into the burst, or drops it. Thread: one at a time, as for flush. */
void sender_add(struct sender *sender, const struct raft_message *message);
/* Sends the burst, or hands what the stream does not take at once to the thread. */
void sender_flush(struct sender *sender);

#endif
