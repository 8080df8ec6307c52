/*
 * Release at the end of scope: `CLEANUP(buffer_finish) struct buffer buffer;` is written
 * `_cleanup_buffer_ struct buffer buffer`. For memory, file descriptors and iterators; never for locks.
 */
#ifndef AVIARY_BASE_CLEANUP_H
#define AVIARY_BASE_CLEANUP_H

#include "aviary/base/blob.h"
#include "aviary/base/buffer.h"

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_pointer(void *pointer) {
    free(*(void **)pointer);
}

static inline void cleanup_close_fd(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}

static inline void cleanup_blob_pointer(struct blob **blob) {
    blob_release(*blob);
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_free_pointer)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_close_fd)))
#define _cleanup_blob_ __attribute__((cleanup(cleanup_blob_pointer)))
#define _cleanup_buffer_ __attribute__((cleanup(buffer_finish)))

/* Hands the value over and leaves the variable empty, so that its cleanup does nothing. */
#define TAKE_POINTER(pointer)                                                                                \
    ({                                                                                                       \
        __typeof__(pointer) taken_ = (pointer);                                                              \
        (pointer) = NULL;                                                                                    \
        taken_;                                                                                              \
    })

#endif
