/*
 * The commands, one by one. Each changes the state, or says in `result` why it does not; NO_MEMORY is
 * returned, and then nothing changed.
 */
#ifndef AVIARY_METADATA_APPLY_H
#define AVIARY_METADATA_APPLY_H

#include "state.h"

/* One command on its way through apply. */
struct application {
    struct metadata *metadata;
    uint64_t index; /* of the entry */
    struct metadata_command *command;
    struct metadata_result result;
    struct metadata_changes changes;
};

/* Ends a command without a change: notes why. */
static inline enum status refuse(struct application *application, enum status reason) {
    application->result.status = reason;
    return STATUS_OK;
}

enum status metadata_apply_register_broker(struct application *application) AVIARY_MUST_USE;
enum status metadata_apply_create_topic(struct application *application) AVIARY_MUST_USE;
enum status metadata_apply_delete_topic(struct application *application) AVIARY_MUST_USE;
enum status metadata_apply_configure_topic(struct application *application) AVIARY_MUST_USE;
enum status metadata_apply_skip_numbers(struct application *application) AVIARY_MUST_USE;

#endif
