#include "protocol.h"

#include <stdio.h>
#include <stdlib.h>

const char *protocol_lane_name(enum sender_lane lane) {
    return lane == SENDER_CONTROL ? "control" : "bulk";
}

static struct http_pair protocol_pair(const char *name, const char *value) {
    return (struct http_pair){.name = slice_of_string(name), .value = slice_of_string(value)};
}

void protocol_head_fill(const struct transport_identity *identity, uint32_t to_broker,
                        struct protocol_head *head) {
    snprintf(head->version, sizeof head->version, "%d", PROTOCOL_VERSION);
    snprintf(head->broker, sizeof head->broker, "%u", identity->broker_id);
    snprintf(head->to, sizeof head->to, "%u", to_broker);
    uuid_format(&identity->cluster_id, head->cluster);
    uuid_format(&identity->disk_uuid, head->disk);
    memcpy(head->rest, identity->rest_address, sizeof head->rest);
    memcpy(head->peer, identity->peer_address, sizeof head->peer);
    head->pairs[0] = protocol_pair("X-Aviary-Protocol", head->version);
    head->pairs[1] = protocol_pair("X-Aviary-Cluster", head->cluster);
    head->pairs[2] = protocol_pair("X-Aviary-Broker", head->broker);
    head->pairs[3] = protocol_pair("X-Aviary-Disk", head->disk);
    head->pairs[4] = protocol_pair("X-Aviary-Rest-Address", head->rest);
    head->pairs[5] = protocol_pair("X-Aviary-Peer-Address", head->peer);
    head->pairs[6] = protocol_pair("X-Aviary-To-Broker", head->to);
}

static bool read_number(const struct http_request *request, const char *name, uint32_t *ret_number) {
    const struct slice *value = http_request_header(request, name);
    if (value == NULL || value->size == 0 || value->size > 9) {
        return false;
    }
    uint32_t number = 0;
    for (size_t i = 0; i < value->size; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint32_t)(value->data[i] - '0');
    }
    *ret_number = number;
    return true;
}

static bool read_uuid(const struct http_request *request, const char *name, struct uuid *ret_uuid) {
    const struct slice *value = http_request_header(request, name);
    return value != NULL && uuid_parse(*value, ret_uuid) == STATUS_OK;
}

static bool read_address(const struct http_request *request, const char *name, char *ret_address,
                         size_t size) {
    const struct slice *value = http_request_header(request, name);
    if (value == NULL || value->size == 0 || value->size >= size) {
        return false;
    }
    memset(ret_address, 0, size);
    memcpy(ret_address, value->data, value->size);
    return true;
}

enum status protocol_head_read(const struct http_request *request, struct transport_identity *ret_identity,
                               uint32_t *ret_to_broker, struct error *error) {
    uint32_t version;
    struct transport_identity identity = {.broker_id = 0};
    uint32_t to_broker;
    if (!read_number(request, "X-Aviary-Protocol", &version)) {
        return error_set(error, STATUS_INVALID, "a stream begins with X-Aviary-Protocol: %d",
                         PROTOCOL_VERSION);
    }
    if (version != PROTOCOL_VERSION) {
        return error_set(error, STATUS_UNSUPPORTED, "this broker speaks peer protocol %d, not %u",
                         PROTOCOL_VERSION, version);
    }
    bool whole =
        read_uuid(request, "X-Aviary-Cluster", &identity.cluster_id) &&
        read_number(request, "X-Aviary-Broker", &identity.broker_id) &&
        read_uuid(request, "X-Aviary-Disk", &identity.disk_uuid) &&
        read_address(request, "X-Aviary-Rest-Address", identity.rest_address, sizeof identity.rest_address) &&
        read_address(request, "X-Aviary-Peer-Address", identity.peer_address, sizeof identity.peer_address) &&
        read_number(request, "X-Aviary-To-Broker", &to_broker);
    if (!whole) {
        return error_set(
            error, STATUS_INVALID,
            "a stream says who it is: X-Aviary-Cluster, -Broker, -Disk, -Rest-Address, -Peer-Address and "
            "-To-Broker");
    }
    *ret_identity = identity;
    *ret_to_broker = to_broker;
    return STATUS_OK;
}
