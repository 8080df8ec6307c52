#include "aviary/compress.h"

#include "aviary/base/assert.h"

#include "codecs.h"

/* zlib's sizes are 32 bits wide, LZ4's and snappy's a bit less; no batch is near. */
static const size_t PLAIN_BYTES_MAX = (size_t)1 << 30;

const char *compress_codec_name(enum compress_codec codec) {
    switch (codec) {
    case COMPRESS_NONE:
        return "none";
    case COMPRESS_GZIP:
        return "gzip";
    case COMPRESS_SNAPPY:
        return "snappy";
    case COMPRESS_LZ4:
        return "lz4";
    case COMPRESS_ZSTD:
        return "zstd";
    }
    return "an unknown codec";
}

static enum status copy(struct slice bytes, struct sink *sink) {
    if (bytes.size > sink->limit) {
        return STATUS_TOO_LARGE;
    }
    buffer_append_slice(sink->out, bytes);
    return buffer_status(sink->out);
}

static enum status unpack_none(struct slice packed, struct sink *sink, struct error *error) {
    enum status status = copy(packed, sink);
    if (status == STATUS_TOO_LARGE) {
        return sink_too_large(error);
    }
    return status == STATUS_OK ? status : error_set(error, status, "no memory for %zu bytes", packed.size);
}

/* As if nothing had been tried: the failure is the caller's to know, and the buffer's no more. */
static void give_back(struct buffer *out, size_t size) {
    out->size = size;
    out->status = STATUS_OK;
}

static enum status unpack(enum compress_codec codec, struct slice packed, struct sink *sink,
                          struct error *error) {
    switch (codec) {
    case COMPRESS_NONE:
        return unpack_none(packed, sink, error);
    case COMPRESS_GZIP:
        return unpack_gzip(packed, sink, error);
    case COMPRESS_SNAPPY:
        return unpack_snappy(packed, sink, error);
    case COMPRESS_LZ4:
        return unpack_lz4(packed, sink, error);
    case COMPRESS_ZSTD:
        return unpack_zstd(packed, sink, error);
    }
    return error_set(error, STATUS_UNSUPPORTED, "codec %d is not known", (int)codec);
}

enum status compress_unpack(enum compress_codec codec, struct slice packed, size_t unpacked_bytes_max,
                            struct buffer *out, struct error *error) {
    ASSERT(unpacked_bytes_max > 0);
    if (buffer_status(out) != STATUS_OK) {
        return error_set(error, buffer_status(out), "the buffer failed before");
    }
    size_t before = out->size;
    size_t left = out->size_max - before;
    struct sink sink = {.out = out, .limit = unpacked_bytes_max < left ? unpacked_bytes_max : left};
    enum status status = unpack(codec, packed, &sink, error);
    if (status != STATUS_OK) {
        give_back(out, before);
    }
    return status;
}

static enum status pack(enum compress_codec codec, struct slice plain, struct sink *sink) {
    switch (codec) {
    case COMPRESS_NONE:
        return copy(plain, sink);
    case COMPRESS_GZIP:
        return pack_gzip(plain, sink);
    case COMPRESS_SNAPPY:
        return pack_snappy(plain, sink);
    case COMPRESS_LZ4:
        return pack_lz4(plain, sink);
    case COMPRESS_ZSTD:
        return pack_zstd(plain, sink);
    }
    return STATUS_UNSUPPORTED;
}

enum status compress_pack(enum compress_codec codec, struct slice plain, struct buffer *out,
                          struct error *error) {
    if (plain.size > PLAIN_BYTES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "%zu bytes are too many to compress at once", plain.size);
    }
    if (buffer_status(out) != STATUS_OK) {
        return error_set(error, buffer_status(out), "the buffer failed before");
    }
    size_t before = out->size;
    struct sink sink = {.out = out, .limit = out->size_max - before};
    enum status status = pack(codec, plain, &sink);
    if (status != STATUS_OK) {
        give_back(out, before);
        return error_set(error, status, "cannot pack %zu bytes with %s: %s", plain.size,
                         compress_codec_name(codec), status_name(status));
    }
    return STATUS_OK;
}
