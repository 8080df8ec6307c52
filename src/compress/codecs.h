/*
 * One codec a file; what they share on the way out of and into a buffer.
 */
#ifndef AVIARY_COMPRESS_CODECS_H
#define AVIARY_COMPRESS_CODECS_H

#include "aviary/compress.h"

/* The end of a buffer, where at most `limit` bytes more may go; never more than the buffer's own maximum. */
struct sink {
    struct buffer *out;
    size_t limit;
};

enum status sink_too_large(struct error *error);

/* What a streaming codec did with the bytes and the room it was given. */
struct step {
    size_t consumed;
    size_t produced;
    bool frame_ended; /* a frame or member is complete; another may follow */
};

/*
 * Unpacks some of `packed` to `room`. CORRUPT, NO_MEMORY, without a message. No progress without a frame's
 * end means that input is missing.
 */
typedef enum status stream_step(void *decoder, struct slice packed, uint8_t *room, size_t room_size,
                                struct step *ret_step);

/* Unpacks all frames of `packed`, of which there is at least one. */
enum status unpack_stream(enum compress_codec codec, stream_step *step, void *decoder, struct slice packed,
                          struct sink *sink, struct error *error) AVIARY_MUST_USE;

enum status unpack_gzip(struct slice packed, struct sink *sink, struct error *error) AVIARY_MUST_USE;
enum status unpack_snappy(struct slice packed, struct sink *sink, struct error *error) AVIARY_MUST_USE;
enum status unpack_lz4(struct slice packed, struct sink *sink, struct error *error) AVIARY_MUST_USE;
enum status unpack_zstd(struct slice packed, struct sink *sink, struct error *error) AVIARY_MUST_USE;

/* These return TOO_LARGE or NO_MEMORY, without a message. */
enum status pack_gzip(struct slice plain, struct sink *sink) AVIARY_MUST_USE;
enum status pack_snappy(struct slice plain, struct sink *sink) AVIARY_MUST_USE;
enum status pack_lz4(struct slice plain, struct sink *sink) AVIARY_MUST_USE;
enum status pack_zstd(struct slice plain, struct sink *sink) AVIARY_MUST_USE;

/* Room for `bound` bytes or as many as the limit allows. NO_MEMORY. */
enum status sink_reserve(struct sink *sink, size_t bound, uint8_t **ret_room,
                         size_t *ret_size) AVIARY_MUST_USE;
/* The first `size` bytes of that room are in use. */
void sink_take(struct sink *sink, size_t size);

#endif
