#include "configuration.h"

#include <stdlib.h>

enum { CONFIGURATION_VERSION = 1 };

bool raft_configuration_equal(const struct raft_configuration *a, const struct raft_configuration *b) {
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->members[i].id != b->members[i].id || a->members[i].voter != b->members[i].voter) {
            return false;
        }
    }
    return true;
}

const struct raft_member *raft_configuration_find(const struct raft_configuration *configuration,
                                                  raft_id id) {
    for (uint32_t i = 0; i < configuration->count; i++) {
        if (configuration->members[i].id == id) {
            return &configuration->members[i];
        }
    }
    return NULL;
}

uint32_t raft_configuration_voters(const struct raft_configuration *configuration) {
    uint32_t voters = 0;
    for (uint32_t i = 0; i < configuration->count; i++) {
        voters += configuration->members[i].voter ? 1 : 0;
    }
    return voters;
}

bool raft_configuration_is_valid(const struct raft_configuration *configuration) {
    if (configuration->count > RAFT_MEMBERS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < configuration->count; i++) {
        raft_id id = configuration->members[i].id;
        /* The first one with that id must be this one. */
        if (id == 0 || raft_configuration_find(configuration, id) != &configuration->members[i]) {
            return false;
        }
    }
    return true;
}

bool raft_configuration_has_voter(const struct raft_configuration *configuration, raft_id id) {
    const struct raft_member *member = raft_configuration_find(configuration, id);
    return member && member->voter;
}

void raft_configuration_encode(const struct raft_configuration *configuration, struct buffer *out) {
    ASSERT(raft_configuration_is_valid(configuration));
    buffer_append_u8(out, CONFIGURATION_VERSION);
    buffer_append_u16(out, (uint16_t)configuration->count);
    for (uint32_t i = 0; i < configuration->count; i++) {
        buffer_append_u64(out, configuration->members[i].id);
        buffer_append_u8(out, configuration->members[i].voter ? 1 : 0);
    }
}

enum status raft_configuration_decode(struct reader *reader, struct raft_configuration *ret) {
    uint8_t version = reader_u8(reader);
    if (reader_ok(reader) && version != CONFIGURATION_VERSION) {
        return STATUS_UNSUPPORTED;
    }
    struct raft_configuration configuration = {.count = reader_u16(reader)};
    if (!reader_ok(reader) || configuration.count > RAFT_MEMBERS_MAX) {
        return STATUS_CORRUPT;
    }
    for (uint32_t i = 0; i < configuration.count; i++) {
        configuration.members[i].id = reader_u64(reader);
        uint8_t voter = reader_u8(reader);
        if (voter > 1) {
            return STATUS_CORRUPT;
        }
        configuration.members[i].voter = voter == 1;
    }
    if (!reader_ok(reader) || !raft_configuration_is_valid(&configuration)) {
        return STATUS_CORRUPT;
    }
    *ret = configuration;
    return STATUS_OK;
}

size_t raft_message_bytes(const struct raft_message *message) {
    size_t bytes = blob_slice(message->data).size;
    for (size_t i = 0; i < message->entry_count; i++) {
        bytes += message->entries[i].blob->size;
    }
    return bytes;
}

enum status raft_message_copy(const struct raft_message *message, struct raft_message *ret) {
    struct raft_entry *entries = NULL;
    if (message->entry_count > 0) {
        entries = malloc(message->entry_count * sizeof *entries);
        if (entries == NULL) {
            return STATUS_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < message->entry_count; i++) {
        entries[i] = message->entries[i];
        blob_retain(entries[i].blob);
    }
    *ret = *message;
    ret->entries = entries;
    if (ret->data) {
        blob_retain(ret->data);
    }
    return STATUS_OK;
}

void raft_message_finish(struct raft_message *message) {
    for (size_t i = 0; i < message->entry_count; i++) {
        blob_release(message->entries[i].blob);
    }
    free(message->entries);
    message->entries = NULL;
    message->entry_count = 0;
    blob_release(message->data);
    message->data = NULL;
}

const char *raft_message_name(enum raft_message_type type) {
    switch (type) {
    case RAFT_MESSAGE_PRE_VOTE:
        return "pre-vote";
    case RAFT_MESSAGE_PRE_VOTE_RESPONSE:
        return "pre-vote response";
    case RAFT_MESSAGE_VOTE:
        return "vote";
    case RAFT_MESSAGE_VOTE_RESPONSE:
        return "vote response";
    case RAFT_MESSAGE_APPEND:
        return "append";
    case RAFT_MESSAGE_APPEND_RESPONSE:
        return "append response";
    case RAFT_MESSAGE_HEARTBEAT:
        return "heartbeat";
    case RAFT_MESSAGE_HEARTBEAT_RESPONSE:
        return "heartbeat response";
    case RAFT_MESSAGE_SNAPSHOT:
        return "snapshot";
    case RAFT_MESSAGE_SNAPSHOT_RESPONSE:
        return "snapshot response";
    case RAFT_MESSAGE_TIMEOUT_NOW:
        return "timeout now";
    }
    return "unknown";
}
