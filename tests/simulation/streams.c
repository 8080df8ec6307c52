#include "streams.h"

#include "simulation.h"

void byte_stream_init(struct byte_stream *stream, size_t frame_bytes_max) {
    frame_writer_init(&stream->writer, frame_bytes_max, PEER_QUEUE_BYTES_MAX);
    frame_reader_init(&stream->reader, frame_bytes_max);
}

void byte_stream_finish(struct byte_stream *stream) {
    frame_writer_finish(&stream->writer);
    frame_reader_finish(&stream->reader);
}

void byte_stream_add(struct byte_stream *stream, const struct raft_message *message) {
    (void)frame_writer_add(&stream->writer, message); /* a queue that is full drops */
}

void byte_stream_drop(struct byte_stream *stream) {
    frame_writer_clear(&stream->writer, SIZE_MAX);
}

enum damage_kind { FLIPPED, CUT_OUT, REPEATED, DAMAGE_KINDS };

/* One stretch of it is not as it was sent. */
static struct blob *damaged(struct prng *prng, struct slice bytes) {
    const uint8_t *data = bytes.data;
    size_t from = prng_below(prng, bytes.size);
    size_t size = 1 + prng_below(prng, bytes.size - from);
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 2 * bytes.size);
    buffer_append(&out, data, from);
    switch ((enum damage_kind)prng_below(prng, DAMAGE_KINDS)) {
    case FLIPPED:
        buffer_append_u8(&out, data[from] ^ (uint8_t)(1 + prng_below(prng, 255)));
        buffer_append_slice(&out, slice_after(bytes, from + 1));
        break;
    case REPEATED:
        buffer_append(&out, data + from, size);
        buffer_append_slice(&out, slice_after(bytes, from));
        break;
    case CUT_OUT:
    case DAMAGE_KINDS:
        buffer_append_slice(&out, slice_after(bytes, from + size));
        break;
    }
    return blob_copy(buffer_slice(&out));
}

struct blob *byte_stream_take(struct simulation *simulation, struct byte_stream *stream) {
    frame_writer_close(&stream->writer);
    struct slice bytes = buffer_slice(&stream->writer.bytes);
    if (bytes.size == 0) {
        return NULL;
    }
    struct blob *taken;
    uint64_t per_million = simulation->recovery.begun ? 0 : simulation->profile.damage_per_million;
    if (prng_chance(&simulation->prng, per_million, 1000000)) {
        count(simulation, STATISTIC_FRAMES_DAMAGED);
        taken = damaged(&simulation->prng, bytes);
    } else {
        taken = blob_copy(bytes);
    }
    ASSERT(taken != NULL);
    frame_writer_clear(&stream->writer, SIZE_MAX);
    return taken;
}

/* False: the stream must end. */
static bool read_payload(struct simulation *simulation, const struct packet *packet, struct slice payload) {
    struct broker *broker = &simulation->brokers[packet->to];
    struct reader reader = reader_make(payload);
    while (!reader_done(&reader)) {
        struct raft_message message;
        if (transport_decode_message(&reader, &message) != STATUS_OK) {
            return false;
        }
        bool is_own = message.from == packet->sender;
        if (is_own) {
            network_receive(simulation, broker, &message);
        }
        raft_message_finish(&message);
        if (!is_own) {
            return false;
        }
    }
    return true;
}

static enum status read_frames(struct simulation *simulation, struct byte_stream *stream,
                               const struct packet *packet) {
    struct slice payload;
    enum status status = frame_reader_next(&stream->reader, &payload);
    while (status == STATUS_OK) {
        if (!read_payload(simulation, packet, payload)) {
            return STATUS_CORRUPT;
        }
        status = frame_reader_next(&stream->reader, &payload);
    }
    return status;
}

static void begin_reading(struct byte_stream *stream, const struct packet *packet) {
    size_t frame_bytes_max = stream->reader.frame_bytes_max;
    stream->reading = packet->stream;
    frame_reader_finish(&stream->reader);
    frame_reader_init(&stream->reader, frame_bytes_max);
}

void byte_stream_arrive(struct simulation *simulation, struct byte_stream *stream,
                        const struct packet *packet) {
    if (stream->reading != packet->stream) {
        begin_reading(stream, packet);
    }
    struct slice rest = blob_slice(packet->bytes);
    while (rest.size > 0) {
        size_t size;
        uint8_t *space = frame_reader_space(&stream->reader, &size);
        ASSERT(space != NULL);
        size_t piece =
            prng_chance(&simulation->prng, 1, 8) ? 1 + prng_below(&simulation->prng, rest.size) : rest.size;
        size = piece < size ? piece : size;
        memcpy(space, rest.data, size);
        frame_reader_add(&stream->reader, size);
        rest = slice_after(rest, size);
        if (read_frames(simulation, stream, packet) == STATUS_CORRUPT) {
            count(simulation, STATISTIC_FRAMES_REFUSED);
            network_end_stream(simulation, packet);
            return;
        }
    }
}
