#include "codecs.h"

enum { ROOM_SIZE = 64 * 1024 };

/*
 * One step into `sink`. Where the sink is full the codec gets one byte elsewhere: a frame's end needs none,
 * and whatever needs it is over the limit.
 */
static enum status step_into(struct sink *sink, stream_step *step, void *decoder, struct slice packed,
                             struct step *ret_step) {
    if (sink->limit == 0) {
        uint8_t spill;
        enum status status = step(decoder, packed, &spill, sizeof spill, ret_step);
        return status == STATUS_OK && ret_step->produced > 0 ? STATUS_TOO_LARGE : status;
    }
    uint8_t *room;
    size_t room_size;
    enum status status = sink_reserve(sink, ROOM_SIZE, &room, &room_size);
    if (status != STATUS_OK) {
        return status;
    }
    status = step(decoder, packed, room, room_size, ret_step);
    if (status == STATUS_OK) {
        sink_take(sink, ret_step->produced);
    }
    return status;
}

static enum status step_error(enum status status, enum compress_codec codec, struct error *error) {
    if (status == STATUS_TOO_LARGE) {
        return sink_too_large(error);
    }
    if (status == STATUS_NO_MEMORY) {
        return error_set(error, status, "no memory to unpack %s", compress_codec_name(codec));
    }
    return error_set(error, status, "the bytes are not %s, or were changed on the way",
                     compress_codec_name(codec));
}

enum status unpack_stream(enum compress_codec codec, stream_step *step, void *decoder, struct slice packed,
                          struct sink *sink, struct error *error) {
    bool complete = false;
    while (!complete || packed.size > 0) {
        struct step done = {0};
        enum status status = step_into(sink, step, decoder, packed, &done);
        if (status != STATUS_OK) {
            return step_error(status, codec, error);
        }
        if (done.consumed == 0 && done.produced == 0 && !done.frame_ended) {
            return error_set(error, STATUS_CORRUPT, "the %s bytes end too early", compress_codec_name(codec));
        }
        packed = slice_after(packed, done.consumed);
        complete = done.frame_ended;
    }
    return STATUS_OK;
}
