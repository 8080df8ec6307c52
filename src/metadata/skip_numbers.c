/*
 * SKIP_NUMBERS: what a lost part of the log may have given out is not given again.
 */
#include "apply.h"

enum status metadata_apply_skip_numbers(struct application *application) {
    struct metadata *metadata = application->metadata;
    const struct metadata_command *command = application->command;
    if (command->skipped_groups > METADATA_GROUP_MAX ||
        metadata->next_group > METADATA_GROUP_MAX - command->skipped_groups ||
        command->skipped_incarnations > INCARNATIONS_MAX - metadata->incarnation_count) {
        return refuse(application, STATUS_TOO_LARGE);
    }
    for (uint32_t i = 0; i < command->skipped_incarnations; i++) {
        enum status status = metadata_incarnation_reserve(metadata);
        if (status != STATUS_OK) {
            metadata->incarnation_count -= i;
            return status;
        }
        (void)metadata_incarnation_give(metadata, 0);
    }
    metadata->next_group += command->skipped_groups;
    return STATUS_OK;
}
