#include "parcel.h"

#include <stdlib.h>

struct parcel *parcel_of_frames(struct buffer *frames) {
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (parcel == NULL) {
        return NULL;
    }
    list_init(&parcel->link);
    parcel->size = frames->size;
    parcel->frames = *frames;
    buffer_init(frames, parcel->frames.size_max);
    return parcel;
}

struct parcel *parcel_of_message(const struct raft_message *message) {
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (parcel == NULL || raft_message_copy(message, &parcel->message) != STATUS_OK) {
        free(parcel);
        return NULL;
    }
    list_init(&parcel->link);
    parcel->size = raft_message_bytes(message);
    return parcel;
}

void parcel_destroy(struct parcel *parcel) {
    if (parcel) {
        raft_message_finish(&parcel->message);
        buffer_finish(&parcel->frames);
        free(parcel);
    }
}

void parcel_destroy_all(struct list *parcels) {
    while (!list_empty(parcels)) {
        parcel_destroy(parcel_take(parcels));
    }
}

struct parcel *parcel_take(struct list *parcels) {
    if (list_empty(parcels)) {
        return NULL;
    }
    struct parcel *parcel = LIST_ENTRY(parcels->next, struct parcel, link);
    list_remove(&parcel->link);
    return parcel;
}
