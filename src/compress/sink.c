#include "aviary/base/assert.h"

#include "codecs.h"

enum status sink_too_large(struct error *error) {
    return error_set(error, STATUS_TOO_LARGE,
                     "the batch unpacks to more than is allowed: send smaller batches");
}

enum status sink_reserve(struct sink *sink, size_t bound, uint8_t **ret_room, size_t *ret_size) {
    size_t size = bound < sink->limit ? bound : sink->limit;
    enum status status = buffer_reserve(sink->out, size);
    if (status != STATUS_OK) {
        return status;
    }
    *ret_room = sink->out->data + sink->out->size;
    *ret_size = size;
    return STATUS_OK;
}

void sink_take(struct sink *sink, size_t size) {
    ASSERT(size <= sink->limit);
    ASSERT(size <= sink->out->capacity - sink->out->size);
    sink->out->size += size;
    sink->limit -= size;
}
