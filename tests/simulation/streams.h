/*
 * One lane between two brokers as the bytes of a stream: the shipping code of transport writes and reads its
 * frames, and decodes what they hold. Bytes may be flipped, cut out or repeated on the way; a frame that does
 * not hold, and a message of somebody else, end the stream, as in transport/receive.c.
 */
#ifndef AVIARY_TESTS_SIMULATION_STREAMS_H
#define AVIARY_TESTS_SIMULATION_STREAMS_H

#include "transport/frame.h"

struct packet;
struct simulation;

struct byte_stream {
    struct frame_writer writer; /* at its sender */
    struct frame_reader reader; /* at its receiver */
    uint64_t reading;           /* which of the lane's streams that is in the middle of */
};

void byte_stream_init(struct byte_stream *stream, size_t frame_bytes_max);
void byte_stream_finish(struct byte_stream *stream);
/* Dropped where there is no room. */
void byte_stream_add(struct byte_stream *stream, const struct raft_message *message);
/* What was added, perhaps damaged; NULL: nothing. */
struct blob *byte_stream_take(struct simulation *simulation, struct byte_stream *stream);
/* Forgets what was added. */
void byte_stream_drop(struct byte_stream *stream);
/* Its bytes come to a broker that is up. */
void byte_stream_arrive(struct simulation *simulation, struct byte_stream *stream,
                        const struct packet *packet);

#endif
