/* The operation that stands before every write of the controller. */
#ifndef COORDINATION_VIEW_FENCE_H
#define COORDINATION_VIEW_FENCE_H

#include "room.h"

/* Fails the write where /controller_epoch is no longer ours. False: there is no fence now, so do not write.
 */
static inline bool view_fence(const struct room *room, path_text ret_path, struct operation *ret_operation) {
    if (!room->view.is_fenced || !room_path(room, ret_path, "/controller_epoch")) {
        return false;
    }
    *ret_operation =
        (struct operation){.type = OPERATION_CHECK, .path = ret_path, .version = room->view.fence_version};
    return true;
}

#endif
