/*
 * Frames of a stream: u32 size of the payload, u32 crc32c of the payload, payload: one or more messages.
 * Little-endian.
 */
#ifndef TRANSPORT_FRAME_H
#define TRANSPORT_FRAME_H

#include "aviary/base/buffer.h"
#include "aviary/raft/types.h"

enum { FRAME_HEADER_SIZE = 8 };

/* Frames being put together, one after the other in one buffer; the last one is open. */
struct frame_writer {
    struct buffer bytes;
    size_t open_at; /* where the open frame's header stands; bytes.size: none is open */
    size_t frame_bytes_max;
};

void frame_writer_init(struct frame_writer *writer, size_t frame_bytes_max, size_t bytes_max);
void frame_writer_finish(struct frame_writer *writer);
/* Adds a message, to the open frame where it fits. False: no room or no memory, and nothing was added. */
bool frame_writer_add(struct frame_writer *writer, const struct raft_message *message);
/* Closes the open frame: the bytes can be sent. */
void frame_writer_close(struct frame_writer *writer);
/* Forgets everything, and keeps no more memory than `kept_bytes_max`. */
void frame_writer_clear(struct frame_writer *writer, size_t kept_bytes_max);

/* Gathers bytes as they arrive and gives whole, checked payloads. */
struct frame_reader {
    struct buffer bytes;
    size_t used; /* bytes of whole frames given out already */
    size_t frame_bytes_max;
};

void frame_reader_init(struct frame_reader *reader, size_t frame_bytes_max);
void frame_reader_finish(struct frame_reader *reader);
/* Room for at least one more byte; NULL: no memory. `*ret_size` bytes may be written there, then
 * frame_reader_add. */
uint8_t *frame_reader_space(struct frame_reader *reader, size_t *ret_size);
void frame_reader_add(struct frame_reader *reader, size_t size);
/* The next payload, valid until frame_reader_space. NOT_FOUND: not whole yet; CORRUPT: damaged or over its
 * maximum. */
enum status frame_reader_next(struct frame_reader *reader, struct slice *ret_payload) AVIARY_MUST_USE;

#endif
