/* GET /v1/topics and GET /v1/topics/{topic} */
#include "topics.h"

#include <inttypes.h>
#include <stdio.h>

#include "handlers.h"
#include "text.h"

static void write_configs(struct json_writer *writer, const struct metadata_topic *topic) {
    json_key(writer, "configs");
    json_begin_object(writer);
    for (uint32_t i = 0; i < topic->config_count; i++) {
        json_key(writer, topic->configs[i].name);
        json_string_z(writer, topic->configs[i].value);
    }
    json_end_object(writer);
}

static void write_partition(struct json_writer *writer, const struct metadata *metadata, uint32_t number,
                            const struct metadata_partition *partition) {
    json_begin_object(writer);
    json_key(writer, "partition");
    json_uint64(writer, number);
    json_key(writer, "replicas"); /* broker ids; the first is the preferred leader */
    json_begin_array(writer);
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        json_uint64(writer, metadata_broker_id_of(metadata, partition->replicas[i]));
    }
    json_end_array(writer);
    json_end_object(writer);
}

void topics_write(struct json_writer *writer, const struct metadata *metadata,
                  const struct metadata_topic *topic) {
    char id[UUID_TEXT_SIZE];
    uuid_format(&topic->topic_id, id);
    json_begin_object(writer);
    json_key(writer, "name");
    json_string_z(writer, topic->name);
    json_key(writer, "topic_id");
    json_string_z(writer, id);
    json_key(writer, "version");
    json_uint64(writer, topic->version);
    json_key(writer, "partition_count");
    json_uint64(writer, topic->partition_count);
    json_key(writer, "replication_factor");
    json_uint64(writer, topic->replication_factor);
    write_configs(writer, topic);
    json_key(writer, "partitions");
    json_begin_array(writer);
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        write_partition(writer, metadata, i, &topic->partitions[i]);
    }
    json_end_array(writer);
    json_end_object(writer);
}

static bool lock_metadata(struct call *call, const struct metadata **ret_metadata) {
    struct error error = {0};
    enum status status = broker_lock_metadata(call->api->broker, ret_metadata, &error);
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
    }
    return status == STATUS_OK;
}

void topics_tell_index(struct call *call) {
    const struct metadata *metadata;
    if (broker_lock_metadata(call->api->broker, &metadata, NULL) == STATUS_OK) {
        uint64_t index = metadata_applied_index(metadata);
        broker_unlock_metadata(call->api->broker);
        http_response_header_u64(call->response, "X-Metadata-Index", index);
    }
}

void topics_reply(struct call *call, const char *name, unsigned http_status) {
    const struct metadata *metadata;
    if (!lock_metadata(call, &metadata)) {
        return;
    }
    const struct metadata_topic *topic = metadata_topic_find(metadata, slice_of_string(name));
    if (topic == NULL) {
        broker_unlock_metadata(call->api->broker);
        call_fail(call, ERROR_TOPIC, "topic \"%s\" is gone: it was deleted just now", name);
        return;
    }
    char etag[32];
    snprintf(etag, sizeof etag, "\"%" PRIu64 "\"", topic->version);
    struct json_writer writer;
    call_begin_json(call, &writer);
    topics_write(&writer, metadata, topic);
    broker_unlock_metadata(call->api->broker);
    http_response_set_status(call->response, http_status);
    http_response_header(call->response, "ETag", etag);
    topics_tell_index(call);
}

bool topics_get_name(struct call *call, char ret_name[NAME_SIZE_MAX + 1]) {
    struct slice name = call->parameters[0];
    struct error error = {0};
    if (metadata_check_name(name, &error) != STATUS_OK) {
        call_fail(call, ERROR_NAME, "%s", error.message);
        return false;
    }
    memcpy(ret_name, name.data, name.size);
    ret_name[name.size] = '\0';
    return true;
}

void handle_list_topics(struct call *call) {
    const struct metadata *metadata;
    if (!lock_metadata(call, &metadata)) {
        return;
    }
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "topics");
    json_begin_array(&writer);
    for (size_t i = 0; i < metadata_topic_count(metadata); i++) {
        topics_write(&writer, metadata, metadata_topic_at(metadata, i));
    }
    json_end_array(&writer);
    json_end_object(&writer);
    broker_unlock_metadata(call->api->broker);
}

void handle_get_topic(struct call *call) {
    char name[NAME_SIZE_MAX + 1];
    struct topic topic;
    if (topics_get_name(call, name) && topic_get(call, slice_of_string(name), &topic)) {
        topics_reply(call, name, 200);
    }
}
