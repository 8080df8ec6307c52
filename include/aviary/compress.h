/*
 * compress: the four codecs of a record batch, with a bound on what comes out.
 *
 * Threads: no state between calls.
 */
#ifndef AVIARY_COMPRESS_H
#define AVIARY_COMPRESS_H

#include "aviary/base/buffer.h"
#include "aviary/base/slice.h"
#include "aviary/base/status.h"

/* Kafka's numbers, which are also those of `enum record_codec`. */
enum compress_codec {
    COMPRESS_NONE = 0,
    COMPRESS_GZIP = 1,   /* RFC 1952, also several members */
    COMPRESS_SNAPPY = 2, /* one raw block, or the framed form of snappy-java, told apart by its magic */
    COMPRESS_LZ4 = 3,    /* LZ4 frames */
    COMPRESS_ZSTD = 4,   /* Zstandard frames with a window of at most 64 MiB */
};

/* "gzip"; "none"; never NULL. */
const char *compress_codec_name(enum compress_codec codec);

/*
 * Appends what `packed` unpacks to, at most `unpacked_bytes_max` bytes (above 0), to `out`.
 * CORRUPT: not that codec's format, cut short, a checksum does not hold, or bytes are left behind it.
 * TOO_LARGE: more would come out than `unpacked_bytes_max` or the maximum of `out` allow; found without
 * unpacking more than that. UNSUPPORTED: another codec. NO_MEMORY.
 * On failure `out` holds what it held, and can go on; one that failed before gives that status.
 */
enum status compress_unpack(enum compress_codec codec, struct slice packed, size_t unpacked_bytes_max,
                            struct buffer *out, struct error *error) AVIARY_MUST_USE;

/*
 * Appends `plain` packed to `out`, with each codec's usual level; snappy in the framed form, as Kafka's own
 * client writes it. TOO_LARGE (for `out`, or over 1 GiB), UNSUPPORTED, NO_MEMORY. On failure `out` holds what
 * it held.
 */
enum status compress_pack(enum compress_codec codec, struct slice plain, struct buffer *out,
                          struct error *error) AVIARY_MUST_USE;

#endif
