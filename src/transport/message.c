/*
 * One message as bytes, little-endian: docs/peer-protocol.md, "Messages", has the table. 82 bytes that all
 * types share, then what the type adds.
 */
#include "aviary/raft/entry.h"
#include "aviary/transport.h"

#include <stdlib.h>

enum { FLAG_REJECT = 1, FLAG_FORCED = 2 };

static void encode_entries(const struct raft_message *message, struct buffer *out) {
    buffer_append_u32(out, (uint32_t)message->entry_count);
    for (size_t i = 0; i < message->entry_count; i++) {
        struct slice bytes = blob_slice(message->entries[i].blob);
        buffer_append_u32(out, (uint32_t)bytes.size);
        buffer_append_slice(out, bytes);
    }
}

static void encode_snapshot(const struct raft_message *message, struct buffer *out) {
    struct slice data = blob_slice(message->data);
    raft_configuration_encode(&message->configuration, out);
    buffer_append_u64(out, message->data_offset);
    buffer_append_u64(out, message->data_total);
    buffer_append_u32(out, (uint32_t)data.size);
    buffer_append_slice(out, data);
}

void transport_encode_message(const struct raft_message *message, struct buffer *out) {
    buffer_append_u8(out, (uint8_t)message->type);
    buffer_append_u8(out,
                     (uint8_t)((message->reject ? FLAG_REJECT : 0) | (message->forced ? FLAG_FORCED : 0)));
    buffer_append_u64(out, message->group);
    buffer_append_u64(out, message->from);
    buffer_append_u64(out, message->to);
    buffer_append_u64(out, message->term);
    buffer_append_u64(out, message->index);
    buffer_append_u64(out, message->log_term);
    buffer_append_u64(out, message->commit);
    buffer_append_u64(out, message->context);
    buffer_append_u64(out, message->hint_index);
    buffer_append_u64(out, message->hint_term);
    if (message->type == RAFT_MESSAGE_APPEND) {
        encode_entries(message, out);
    } else if (message->type == RAFT_MESSAGE_SNAPSHOT) {
        encode_snapshot(message, out);
    } else if (message->type == RAFT_MESSAGE_SNAPSHOT_RESPONSE) {
        buffer_append_u64(out, message->data_offset);
    }
}

static enum status decode_entry(struct reader *reader, uint64_t group, uint64_t index,
                                struct raft_entry *ret_entry) {
    struct slice bytes = reader_bytes(reader, reader_u32(reader));
    struct entry_header header;
    enum status status = reader_ok(reader) ? entry_check(bytes, group, index, &header) : STATUS_CORRUPT;
    if (status != STATUS_OK) {
        return status;
    }
    struct blob *blob = blob_copy(bytes);
    if (blob == NULL) {
        return STATUS_NO_MEMORY;
    }
    *ret_entry = (struct raft_entry){.index = index, .term = header.term, .type = header.type, .blob = blob};
    return STATUS_OK;
}

static enum status decode_entries(struct reader *reader, struct raft_message *message) {
    uint32_t count = reader_u32(reader);
    if (!reader_ok(reader) || count > RAFT_APPEND_ENTRIES_MAX) {
        return STATUS_CORRUPT;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    message->entries = calloc(count, sizeof *message->entries);
    if (message->entries == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        enum status status =
            decode_entry(reader, message->group, message->index + 1 + i, &message->entries[i]);
        if (status != STATUS_OK) {
            return status;
        }
        message->entry_count++;
    }
    return STATUS_OK;
}

static enum status decode_snapshot(struct reader *reader, struct raft_message *message) {
    enum status status = raft_configuration_decode(reader, &message->configuration);
    if (status != STATUS_OK) {
        return status;
    }
    message->data_offset = reader_u64(reader);
    message->data_total = reader_u64(reader);
    struct slice data = reader_bytes(reader, reader_u32(reader));
    if (!reader_ok(reader)) {
        return STATUS_CORRUPT;
    }
    message->data = blob_copy(data);
    return message->data ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status decode_body(struct reader *reader, struct raft_message *message) {
    if (message->type == RAFT_MESSAGE_APPEND) {
        return decode_entries(reader, message);
    }
    if (message->type == RAFT_MESSAGE_SNAPSHOT) {
        return decode_snapshot(reader, message);
    }
    if (message->type == RAFT_MESSAGE_SNAPSHOT_RESPONSE) {
        message->data_offset = reader_u64(reader);
    }
    return STATUS_OK;
}

enum status transport_decode_message(struct reader *reader, struct raft_message *ret) {
    uint8_t type = reader_u8(reader);
    uint8_t flags = reader_u8(reader);
    struct raft_message message = {
        .reject = (flags & FLAG_REJECT) != 0,
        .forced = (flags & FLAG_FORCED) != 0,
    };
    message.group = reader_u64(reader);
    message.from = reader_u64(reader);
    message.to = reader_u64(reader);
    message.term = reader_u64(reader);
    message.index = reader_u64(reader);
    message.log_term = reader_u64(reader);
    message.commit = reader_u64(reader);
    message.context = reader_u64(reader);
    message.hint_index = reader_u64(reader);
    message.hint_term = reader_u64(reader);
    if (!reader_ok(reader)) {
        return STATUS_CORRUPT;
    }
    if (type == 0 || type > RAFT_MESSAGE_TYPE_MAX || flags > (FLAG_REJECT | FLAG_FORCED)) {
        return STATUS_UNSUPPORTED;
    }
    message.type = (enum raft_message_type)type;
    enum status status = decode_body(reader, &message);
    if (status == STATUS_OK && !reader_ok(reader)) {
        status = STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        raft_message_finish(&message);
        return status;
    }
    *ret = message;
    return STATUS_OK;
}
