#include "codecs.h"

#include <lz4frame.h>
#include <string.h>

/* The library tells its errors apart by name only. */
static bool is_out_of_memory(size_t result) {
    return strcmp(LZ4F_getErrorName(result), "ERROR_allocation_failed") == 0;
}

static enum status lz4_step(void *decoder, struct slice packed, uint8_t *room, size_t room_size,
                            struct step *ret_step) {
    size_t consumed = packed.size;
    size_t produced = room_size;
    size_t hint = LZ4F_decompress(decoder, room, &produced, packed.data, &consumed, NULL);
    if (LZ4F_isError(hint)) {
        return is_out_of_memory(hint) ? STATUS_NO_MEMORY : STATUS_CORRUPT;
    }
    *ret_step = (struct step){.consumed = consumed, .produced = produced, .frame_ended = hint == 0};
    return STATUS_OK;
}

enum status unpack_lz4(struct slice packed, struct sink *sink, struct error *error) {
    LZ4F_dctx *decoder = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&decoder, LZ4F_VERSION))) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to unpack lz4");
    }
    enum status status = unpack_stream(COMPRESS_LZ4, lz4_step, decoder, packed, sink, error);
    (void)LZ4F_freeDecompressionContext(decoder);
    return status;
}

enum status pack_lz4(struct slice plain, struct sink *sink) {
    /* Kafka's own reader takes independent blocks only. */
    const LZ4F_preferences_t preferences = {.frameInfo = {.blockMode = LZ4F_blockIndependent}};
    uint8_t *room;
    size_t room_size;
    enum status status =
        sink_reserve(sink, LZ4F_compressFrameBound(plain.size, &preferences), &room, &room_size);
    if (status != STATUS_OK) {
        return status;
    }
    size_t size = LZ4F_compressFrame(room, room_size, plain.data, plain.size, &preferences);
    if (LZ4F_isError(size)) {
        return is_out_of_memory(size) ? STATUS_NO_MEMORY : STATUS_TOO_LARGE;
    }
    sink_take(sink, size);
    return STATUS_OK;
}
