#include "broker_private.h"

static void call_put_string(struct buffer *out, const char *string) {
    size_t size = strlen(string);
    buffer_append_u16(out, (uint16_t)size);
    buffer_append(out, string, size);
}

static bool call_get_address(struct reader *reader, char ret_address[ADDRESS_SIZE_MAX]) {
    struct slice text = reader_bytes(reader, reader_u16(reader));
    if (!reader_ok(reader) || text.size >= ADDRESS_SIZE_MAX ||
        (text.size > 0 && memchr(text.data, '\0', text.size))) {
        return false;
    }
    memset(ret_address, 0, ADDRESS_SIZE_MAX);
    if (text.size > 0) {
        memcpy(ret_address, text.data, text.size);
    }
    return true;
}

void call_encode_registration(const struct registration *registration, struct buffer *out) {
    buffer_append(out, registration->cluster_id.bytes, UUID_SIZE);
    buffer_append_u32(out, registration->broker.id);
    buffer_append(out, registration->broker.disk_uuid.bytes, UUID_SIZE);
    call_put_string(out, registration->broker.rest_address);
    call_put_string(out, registration->broker.peer_address);
}

enum status call_decode_registration(struct slice bytes, struct registration *ret_registration) {
    struct reader reader = reader_make(bytes);
    struct registration registration = {0};
    reader_copy(&reader, registration.cluster_id.bytes, UUID_SIZE);
    registration.broker.id = reader_u32(&reader);
    reader_copy(&reader, registration.broker.disk_uuid.bytes, UUID_SIZE);
    bool fits = call_get_address(&reader, registration.broker.rest_address) &&
                call_get_address(&reader, registration.broker.peer_address);
    if (!fits || !reader_done(&reader) || registration.broker.id == 0) {
        return STATUS_CORRUPT;
    }
    *ret_registration = registration;
    return STATUS_OK;
}

void call_encode_registered(const struct call_registered *registered, struct buffer *out) {
    call_put_string(out, registered->ask);
    if (registered->ask[0] != '\0') {
        return;
    }
    buffer_append_u64(out, registered->incarnation);
    buffer_append_u8(out, (uint8_t)registered->voter_count);
    for (size_t i = 0; i < registered->voter_count; i++) {
        buffer_append_u32(out, registered->voters[i].broker_id);
        buffer_append(out, registered->voters[i].disk_uuid.bytes, UUID_SIZE);
    }
    buffer_append_u16(out, (uint16_t)registered->broker_count);
    for (size_t i = 0; i < registered->broker_count; i++) {
        const struct metadata_broker *broker = &registered->brokers[i];
        buffer_append_u32(out, broker->id);
        buffer_append_u64(out, broker->incarnation);
        buffer_append(out, broker->disk_uuid.bytes, UUID_SIZE);
        call_put_string(out, broker->rest_address);
        call_put_string(out, broker->peer_address);
    }
}

static bool call_decode_voters(struct reader *reader, struct call_registered *registered) {
    registered->voter_count = reader_u8(reader);
    if (registered->voter_count > FIRST_VOTERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < registered->voter_count; i++) {
        registered->voters[i].broker_id = reader_u32(reader);
        reader_copy(reader, registered->voters[i].disk_uuid.bytes, UUID_SIZE);
    }
    return reader_ok(reader) && cluster_voters_ascend(registered->voters, registered->voter_count);
}

static bool call_decode_brokers(struct reader *reader, struct call_registered *registered) {
    registered->broker_count = reader_u16(reader);
    if (registered->broker_count > BROKERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < registered->broker_count; i++) {
        struct metadata_broker *broker = &registered->brokers[i];
        broker->id = reader_u32(reader);
        broker->incarnation = reader_u64(reader);
        reader_copy(reader, broker->disk_uuid.bytes, UUID_SIZE);
        if (!call_get_address(reader, broker->rest_address) ||
            !call_get_address(reader, broker->peer_address)) {
            return false;
        }
    }
    return reader_ok(reader);
}

enum status call_decode_registered(struct slice bytes, struct call_registered *ret_registered) {
    struct reader reader = reader_make(bytes);
    struct call_registered registered = {.incarnation = 0};
    if (!call_get_address(&reader, registered.ask)) {
        return STATUS_CORRUPT;
    }
    if (registered.ask[0] == '\0') {
        registered.incarnation = reader_u64(&reader);
        if (!call_decode_voters(&reader, &registered) || !call_decode_brokers(&reader, &registered) ||
            registered.incarnation == 0) {
            return STATUS_CORRUPT;
        }
    }
    if (!reader_done(&reader)) {
        return STATUS_CORRUPT;
    }
    *ret_registered = registered;
    return STATUS_OK;
}
