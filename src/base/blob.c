#include "aviary/base/blob.h"

#include "aviary/base/assert.h"

#include <stdlib.h>

struct blob *blob_create(size_t size) {
    if (size > SIZE_MAX - sizeof(struct blob)) {
        return NULL;
    }
    struct blob *blob = malloc(sizeof *blob + size);
    if (!blob) {
        return NULL;
    }
    atomic_init(&blob->references, 1);
    blob->size = size;
    return blob;
}

struct blob *blob_copy(struct slice slice) {
    struct blob *blob = blob_create(slice.size);
    if (blob && slice.size > 0) {
        memcpy(blob->data, slice.data, slice.size);
    }
    return blob;
}

struct blob *blob_retain(struct blob *blob) {
    /* The caller holds a reference already, so nothing needs to be ordered with this increment. */
    unsigned before = atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return blob;
}

void blob_release(struct blob *blob) {
    if (!blob) {
        return;
    }
    /* Everything done with the bytes by other holders happens before the last one frees them. */
    unsigned before = atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before == 1) {
        free(blob);
    }
}
