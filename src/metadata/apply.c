#include "apply.h"

#include "aviary/base/assert.h"

static enum status dispatch(struct application *application) {
    switch (application->command->type) {
    case METADATA_REGISTER_BROKER:
        return metadata_apply_register_broker(application);
    case METADATA_CREATE_TOPIC:
        return metadata_apply_create_topic(application);
    case METADATA_DELETE_TOPIC:
        return metadata_apply_delete_topic(application);
    case METADATA_CONFIGURE_TOPIC:
        return metadata_apply_configure_topic(application);
    case METADATA_SKIP_NUMBERS:
        return metadata_apply_skip_numbers(application);
    }
    return STATUS_UNSUPPORTED;
}

static enum status apply_command(struct application *application, struct slice payload) {
    struct metadata_command command;
    enum status status = metadata_command_decode(payload, &command);
    if (status == STATUS_TOO_LARGE) {
        /* Well written, but asking for too much: the one who proposed it is told, and nobody stops. */
        return refuse(application, STATUS_TOO_LARGE);
    }
    if (status != STATUS_OK) {
        return status;
    }
    application->command = &command;
    status = dispatch(application);
    metadata_command_finish(&command);
    return status;
}

static enum status apply_entry(struct application *application, const struct entry_header *header,
                               struct slice payload) {
    switch (header->type) {
    case RAFT_ENTRY_NOOP:
    case RAFT_ENTRY_CONFIGURATION:
        return STATUS_OK;
    case RAFT_ENTRY_COMMAND:
        return apply_command(application, payload);
    case RAFT_ENTRY_RECORDS:
    case RAFT_ENTRY_LOG_START:
        break;
    }
    return STATUS_CORRUPT;
}

enum status metadata_apply(struct metadata *metadata, const struct entry_header *header, struct slice payload,
                           struct metadata_result *ret_result, struct metadata_changes *ret_changes) {
    ASSERT(header->index == metadata->applied_index + 1);
    struct application application = {.metadata = metadata, .index = header->index};
    enum status status = apply_entry(&application, header, payload);
    if (status != STATUS_OK) {
        return status;
    }
    metadata->applied_index = header->index;
    *ret_result = application.result;
    *ret_changes = application.changes;
    return STATUS_OK;
}
