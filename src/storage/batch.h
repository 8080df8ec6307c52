/*
 * A batch's insides, for both implementations: a list of operations to be carried out in order.
 */
#ifndef AVIARY_STORAGE_BATCH_H
#define AVIARY_STORAGE_BATCH_H

#include "aviary/storage.h"

enum batch_operation_type {
    BATCH_PUT_ENTRY,
    BATCH_REMOVE_ENTRIES,
    BATCH_PUT_STATE,
    BATCH_REMOVE_GROUP,
};

struct batch_operation {
    enum batch_operation_type type;
    enum storage_state state; /* PUT_STATE */
    uint64_t group;
    uint64_t first;    /* PUT_ENTRY: the index; REMOVE_ENTRIES */
    uint64_t last;     /* REMOVE_ENTRIES, included */
    struct blob *blob; /* PUT_ENTRY, PUT_STATE: owned */
};

enum { BATCH_OPERATIONS_INLINE = 8 };

struct storage_batch {
    struct list link; /* in the implementation's queue */
    storage_done done;
    void *context;
    uint64_t token;
    enum status status; /* the first failure while it was put together */
    size_t bytes;       /* of keys and values, about what the write-ahead log will grow by */
    size_t count;
    size_t capacity;
    struct batch_operation *operations; /* `few`, or on the heap */
    struct batch_operation few[BATCH_OPERATIONS_INLINE];
};

/* Calls done and destroys the batch. */
void batch_complete(struct storage_batch *batch, enum status status);

#endif
