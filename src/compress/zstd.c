#include "aviary/base/assert.h"

#include "codecs.h"

#include <zstd.h>
#include <zstd_errors.h>

enum { WINDOW_LOG_MAX = 26 }; /* 64 MiB: what a frame may make us hold besides what it unpacks to */

static bool is_out_of_memory(size_t result) {
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation;
}

static enum status zstd_step(void *decoder, struct slice packed, uint8_t *room, size_t room_size,
                             struct step *ret_step) {
    ZSTD_inBuffer input = {.src = packed.data, .size = packed.size};
    ZSTD_outBuffer output = {.dst = room, .size = room_size};
    size_t hint = ZSTD_decompressStream(decoder, &output, &input);
    if (ZSTD_isError(hint)) {
        return is_out_of_memory(hint) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
    }
    *ret_step = (struct step){.consumed = input.pos, .produced = output.pos, .frame_ended = hint == 0};
    return STATUS_OK;
}

enum status unpack_zstd(struct slice packed, struct sink *sink, struct error *error) {
    ZSTD_DCtx *decoder = ZSTD_createDCtx();
    if (!decoder) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to unpack zstd");
    }
    size_t result = ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    ASSERT(!ZSTD_isError(result));
    enum status status = unpack_stream(COMPRESS_ZSTD, zstd_step, decoder, packed, sink, error);
    (void)ZSTD_freeDCtx(decoder);
    return status;
}

enum status pack_zstd(struct slice plain, struct sink *sink) {
    uint8_t *room;
    size_t room_size;
    enum status status = sink_reserve(sink, ZSTD_compressBound(plain.size), &room, &room_size);
    if (status != STATUS_OK) {
        return status;
    }
    size_t size = ZSTD_compress(room, room_size, plain.data, plain.size, ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(size)) {
        return is_out_of_memory(size) ? STATUS_NO_MEMORY : STATUS_TOO_LARGE;
    }
    sink_take(sink, size);
    return STATUS_OK;
}
