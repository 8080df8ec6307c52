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
    parcel_destroy_all(&sender->queue);
    sender->queued_bytes = 0;
    mutex_unlock(&sender->mutex);
    if (tell) {
        log_info("transport", stood ? "stream lost" : "no stream", "lane=%s to=%u at=%s %s",
                 protocol_lane_name(sender->options.lane), sender->options.peer.broker_id,
                 sender->options.peer.peer_address, error->message);
    }
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
static bool sender_take(struct sender *sender, struct list *taken, uint64_t wait_ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + wait_ms;
    mutex_lock(&sender->mutex);
    sender->sending = false;
    while (list_empty(&sender->queue) && !sender->stopping) {
        if (!condition_wait_until(&sender->filled, &sender->mutex, deadline_ms)) {
            break;
        }
    }
    list_move_all(taken, &sender->queue);
    sender->queued_bytes = 0;
    sender->sending = !list_empty(taken);
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

static bool sender_is_stopping(struct sender *sender) {
    mutex_lock(&sender->mutex);
    bool stopping = sender->stopping;
    mutex_unlock(&sender->mutex);
    return stopping;
}

/* The parcel's bytes; a message's are put together here. Empty: no memory for that, or it is too large. */
static struct slice sender_bytes(struct sender *sender, const struct parcel *parcel) {
    if (parcel->frames.size > 0) {
        return buffer_slice(&parcel->frames);
    }
    frame_writer_clear(&sender->encoding, SENDER_KEPT_BYTES_MAX);
    if (!frame_writer_add(&sender->encoding, &parcel->message)) {
        mutex_lock(&sender->mutex);
        sender->dropped_total++;
        mutex_unlock(&sender->mutex);
    }
    frame_writer_close(&sender->encoding);
    return buffer_slice(&sender->encoding.bytes);
}

static enum status sender_send(struct sender *sender, struct http_stream *stream, const struct parcel *parcel,
                               struct error *error) {
    uint64_t deadline_ms = clock_monotonic_ms() + sender->options.send_timeout_ms;
    struct slice bytes = sender_bytes(sender, parcel);
    enum status status = bytes.size > 0 ? http_stream_send(stream, bytes, deadline_ms, error) : STATUS_OK;
    if (status == STATUS_OK && http_stream_remaining(stream) < SENDER_ROLL_BYTES) {
        error_set(error, STATUS_CLOSED, "the stream's length is used up: a new one is opened");
        status = STATUS_CLOSED;
    }
    return status;
}

/* Sends until the stream breaks or the thread shall end; false: the latter. */
static bool sender_pump(struct sender *sender, struct http_stream *stream) {
    struct error error = {.status = STATUS_CLOSED, .message = "the peer closed the stream"};
    struct list taken;
    list_init(&taken);
    while (sender_take(sender, &taken, SENDER_LOOK_MS)) {
        enum status status =
            list_empty(&taken) && sender_is_broken(sender, stream) ? STATUS_CLOSED : STATUS_OK;
        while (status == STATUS_OK && !list_empty(&taken) && !sender_is_stopping(sender)) {
            struct parcel *parcel = parcel_take(&taken);
            status = sender_send(sender, stream, parcel, &error);
            parcel_destroy(parcel);
        }
        if (status != STATUS_OK) {
            parcel_destroy_all(&taken);
            sender_lost(sender, &error);
            return true;
        }
    }
    parcel_destroy_all(&taken);
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
    bool go_on = true;
    while (go_on) {
        struct http_stream *stream = sender_connect(sender);
        if (stream) {
            go_on = sender_pump(sender, stream);
            sender_close(sender, stream);
        }
        go_on = go_on && sender_pause(sender);
    }
}

enum status sender_create(const struct sender_options *options, struct sender **ret_sender) {
    struct sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL) {
        return STATUS_NO_MEMORY;
    }
    sender->options = *options;
    mutex_init(&sender->mutex);
    condition_init(&sender->filled);
    list_init(&sender->queue);
    list_init(&sender->burst);
    frame_writer_init(&sender->building, sender_frame_max(sender), PEER_QUEUE_BYTES_MAX);
    frame_writer_init(&sender->encoding, sender_frame_max(sender), PEER_QUEUE_BYTES_MAX);
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
    frame_writer_finish(&sender->encoding);
    parcel_destroy_all(&sender->burst);
    parcel_destroy_all(&sender->queue);
    condition_finish(&sender->filled);
    mutex_finish(&sender->mutex);
    free(sender);
}

static void sender_count_dropped(struct sender *sender) {
    mutex_lock(&sender->mutex);
    sender->dropped_total++;
    mutex_unlock(&sender->mutex);
}

/* Adds to the burst; NULL: what should have been added is dropped. */
static void sender_add_parcel(struct sender *sender, struct parcel *parcel) {
    if (parcel) {
        list_append(&sender->burst, &parcel->link);
    } else {
        sender_count_dropped(sender);
    }
}

/* Frames that were begun go before what comes next. */
static void sender_close_frames(struct sender *sender) {
    frame_writer_close(&sender->building);
    if (sender->building.bytes.size > 0) {
        sender_add_parcel(sender, parcel_of_frames(&sender->building.bytes));
        frame_writer_clear(&sender->building, SENDER_KEPT_BYTES_MAX);
    }
}

void sender_add(struct sender *sender, const struct raft_message *message) {
    if (raft_message_bytes(message) >= PARCEL_LARGE_BYTES) {
        sender_close_frames(sender);
        sender_add_parcel(sender, parcel_of_message(message));
    } else if (!frame_writer_add(&sender->building, message)) {
        sender_count_dropped(sender);
    }
}

/* With the mutex held. */
static void sender_queue(struct sender *sender, struct parcel *parcel) {
    if (parcel && sender->stream && sender->queued_bytes + parcel->size <= PEER_QUEUE_BYTES_MAX) {
        list_append(&sender->queue, &parcel->link);
        sender->queued_bytes += parcel->size;
    } else {
        sender->dropped_total++;
        parcel_destroy(parcel);
    }
}

/* With the mutex held: whether whoever flushes may use the stream. One whose length is nearly used up is the
 * thread's to replace. */
static bool sender_is_idle(const struct sender *sender) {
    return sender->stream && !sender->sending && list_empty(&sender->queue) && list_empty(&sender->burst) &&
           http_stream_remaining(sender->stream) >= 2 * (uint64_t)SENDER_ROLL_BYTES;
}

void sender_flush(struct sender *sender) {
    struct buffer *frames = &sender->building.bytes;
    frame_writer_close(&sender->building);
    if (frames->size == 0 && list_empty(&sender->burst)) {
        return;
    }
    mutex_lock(&sender->mutex);
    if (sender_is_idle(sender)) {
        buffer_remove_front(frames, http_stream_try_send(sender->stream, buffer_slice(frames)));
    }
    while (!list_empty(&sender->burst)) {
        sender_queue(sender, parcel_take(&sender->burst));
    }
    if (frames->size > 0) {
        sender_queue(sender, parcel_of_frames(frames));
    }
    bool wake = !list_empty(&sender->queue);
    mutex_unlock(&sender->mutex);
    if (wake) {
        condition_signal(&sender->filled);
    }
    frame_writer_clear(&sender->building, SENDER_KEPT_BYTES_MAX);
}
