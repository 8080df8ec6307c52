#include "sender.h"

#include "protocol.h"

#include "aviary/http/stream.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SENDER_RETRY_MS = 100,                    /* between two tries to connect */
    SENDER_LOOK_MS = 100,                     /* an idle stream is looked at so often */
    SENDER_ROLL_BYTES = PEER_QUEUE_BYTES_MAX, /* a stream with less left than that is replaced */
    SENDER_KEPT_BYTES_MAX = 4 * 1024 * 1024,
};

static size_t sender_frame_max(const struct sender *sender) {
    return sender->options.lane == SENDER_CONTROL ? PEER_CONTROL_FRAME_BYTES_MAX : PEER_BULK_FRAME_BYTES_MAX;
}

/* The message may differ each time (libcurl counts milliseconds in it), so a change of status is what is
 * told. */
static void sender_lost(struct sender *sender, const struct error *error) {
    mutex_lock(&sender->mutex);
    bool tell = sender->lost != error->status;
    bool stood = sender->stream != NULL;
    sender->lost = error->status;
    snprintf(sender->last_error, sizeof sender->last_error, "%.127s", error->message);
    sender->stream = NULL;
    /* What waited is old by the time a new stream stands; Raft repeats what matters. */
    buffer_clear(&sender->queue);
    mutex_unlock(&sender->mutex);
    if (tell) {
        log_info("transport", stood ? "stream lost" : "no stream", "lane=%s to=%u at=%s %s",
                 protocol_lane_name(sender->options.lane), sender->options.peer.broker_id,
                 sender->options.peer.peer_address, error->message);
    }
}

/* Empties; a burst's memory is not kept for ever. */
static void sender_empty(struct buffer *buffer) {
    if (buffer->capacity > SENDER_KEPT_BYTES_MAX) {
        size_t size_max = buffer->size_max;
        buffer_finish(buffer);
        buffer_init(buffer, size_max);
    }
    buffer_clear(buffer);
}

static struct http_stream *sender_connect(struct sender *sender) {
    struct http_stream *stream = NULL;
    struct error error = {.message = ""};
    struct protocol_head head;
    protocol_head_fill(&sender->options.identity, sender->options.peer.broker_id, &head);
    struct http_stream_options options = {
        .authority = sender->options.peer.peer_address,
        .target = sender->options.lane == SENDER_CONTROL ? "/raft/v1/control" : "/raft/v1/bulk",
        .headers = head.pairs,
        .header_count = PROTOCOL_HEAD_PAIRS,
        .deadline_ms = clock_monotonic_ms() + sender->options.connect_timeout_ms,
    };
    if (http_stream_open(&options, &stream, &error) != STATUS_OK) {
        sender_lost(sender, &error);
        return NULL;
    }
    mutex_lock(&sender->mutex);
    sender->stream = stream;
    sender->sending = false;
    sender->lost = STATUS_OK;
    sender->last_error[0] = '\0';
    mutex_unlock(&sender->mutex);
    log_info("transport", "stream open", "lane=%s to=%u at=%s", protocol_lane_name(sender->options.lane),
             sender->options.peer.broker_id, sender->options.peer.peer_address);
    return stream;
}

/* Takes what is queued, waiting for it a while. False: the thread shall end. */
static bool sender_take(struct sender *sender, struct buffer *taken, uint64_t wait_ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + wait_ms;
    sender_empty(taken);
    mutex_lock(&sender->mutex);
    sender->sending = false;
    while (sender->queue.size == 0 && !sender->stopping) {
        if (!condition_wait_until(&sender->filled, &sender->mutex, deadline_ms)) {
            break;
        }
    }
    struct buffer empty = *taken;
    *taken = sender->queue;
    sender->queue = empty;
    sender->sending = taken->size > 0;
    bool go_on = !sender->stopping;
    mutex_unlock(&sender->mutex);
    return go_on;
}

static bool sender_is_broken(struct sender *sender, struct http_stream *stream) {
    mutex_lock(&sender->mutex);
    bool broken = http_stream_is_broken(stream);
    mutex_unlock(&sender->mutex);
    return broken;
}

/* Sends until the stream breaks or the thread shall end; false: the latter. */
static bool sender_pump(struct sender *sender, struct http_stream *stream, struct buffer *taken) {
    struct error error = {.status = STATUS_CLOSED, .message = "the peer closed the stream"};
    while (sender_take(sender, taken, SENDER_LOOK_MS)) {
        if (taken->size == 0) {
            if (sender_is_broken(sender, stream)) {
                sender_lost(sender, &error);
                return true;
            }
            continue;
        }
        uint64_t deadline_ms = clock_monotonic_ms() + sender->options.send_timeout_ms;
        if (http_stream_send(stream, buffer_slice(taken), deadline_ms, &error) != STATUS_OK) {
            sender_lost(sender, &error);
            return true;
        }
        if (http_stream_remaining(stream) < SENDER_ROLL_BYTES) {
            error_set(&error, STATUS_CLOSED, "the stream's length is used up: a new one is opened");
            sender_lost(sender, &error);
            return true;
        }
    }
    return false;
}

/* False: the thread shall end. */
static bool sender_pause(struct sender *sender) {
    uint64_t deadline_ms = clock_monotonic_ms() + SENDER_RETRY_MS;
    mutex_lock(&sender->mutex);
    while (!sender->stopping && condition_wait_until(&sender->filled, &sender->mutex, deadline_ms)) {
    }
    bool go_on = !sender->stopping;
    mutex_unlock(&sender->mutex);
    return go_on;
}

static void sender_close(struct sender *sender, struct http_stream *stream) {
    mutex_lock(&sender->mutex);
    sender->stream = NULL;
    mutex_unlock(&sender->mutex);
    http_stream_close(stream);
}

static void sender_main(void *argument) {
    struct sender *sender = argument;
    struct buffer taken;
    buffer_init(&taken, PEER_QUEUE_BYTES_MAX);
    bool go_on = true;
    while (go_on) {
        struct http_stream *stream = sender_connect(sender);
        if (stream) {
            go_on = sender_pump(sender, stream, &taken);
            sender_close(sender, stream);
        }
        go_on = go_on && sender_pause(sender);
    }
    buffer_finish(&taken);
}

enum status sender_create(const struct sender_options *options, struct sender **ret_sender) {
    struct sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL) {
        return STATUS_NO_MEMORY;
    }
    sender->options = *options;
    mutex_init(&sender->mutex);
    condition_init(&sender->filled);
    buffer_init(&sender->queue, PEER_QUEUE_BYTES_MAX);
    frame_writer_init(&sender->building, sender_frame_max(sender), PEER_QUEUE_BYTES_MAX);
    enum status status =
        thread_start(&sender->thread, options->lane == SENDER_CONTROL ? "send-control" : "send-bulk",
                     sender_main, sender, NULL);
    if (status != STATUS_OK) {
        sender_destroy(sender);
        return status;
    }
    *ret_sender = sender;
    return STATUS_OK;
}

void sender_stop(struct sender *sender) {
    mutex_lock(&sender->mutex);
    sender->stopping = true;
    condition_broadcast(&sender->filled);
    mutex_unlock(&sender->mutex);
}

void sender_destroy(struct sender *sender) {
    if (sender == NULL) {
        return;
    }
    sender_stop(sender);
    thread_join(&sender->thread);
    frame_writer_finish(&sender->building);
    buffer_finish(&sender->queue);
    condition_finish(&sender->filled);
    mutex_finish(&sender->mutex);
    free(sender);
}

void sender_add(struct sender *sender, const struct raft_message *message) {
    if (!frame_writer_add(&sender->building, message)) {
        mutex_lock(&sender->mutex);
        sender->dropped_total++;
        mutex_unlock(&sender->mutex);
    }
}

/* With the mutex held, and nothing queued: sends what the stream takes at once, and queues the rest. */
static void sender_send_now(struct sender *sender) {
    struct buffer empty = sender->queue;
    sender->queue = sender->building.bytes;
    sender->building.bytes = empty;
    if (sender->sending) {
        return; /* the thread is at it */
    }
    /* A stream whose length is nearly used up is the thread's to replace. */
    if (http_stream_remaining(sender->stream) >= 2 * (uint64_t)SENDER_ROLL_BYTES) {
        size_t sent = http_stream_try_send(sender->stream, buffer_slice(&sender->queue));
        buffer_remove_front(&sender->queue, sent);
    }
}

/* With the mutex held: behind what is queued. */
static void sender_queue(struct sender *sender) {
    buffer_append_slice(&sender->queue, buffer_slice(&sender->building.bytes));
    if (buffer_status(&sender->queue) != STATUS_OK) {
        sender->dropped_total++;
        sender->queue.status = STATUS_OK; /* an append that failed added nothing */
    }
}

void sender_flush(struct sender *sender) {
    frame_writer_close(&sender->building);
    if (sender->building.bytes.size == 0) {
        return;
    }
    mutex_lock(&sender->mutex);
    if (sender->stream == NULL) {
        sender->dropped_total++;
    } else if (sender->queue.size == 0) {
        sender_send_now(sender);
    } else {
        sender_queue(sender);
    }
    bool wake = sender->queue.size > 0;
    mutex_unlock(&sender->mutex);
    if (wake) {
        condition_signal(&sender->filled);
    }
    sender_empty(&sender->building.bytes);
    frame_writer_clear(&sender->building);
}
