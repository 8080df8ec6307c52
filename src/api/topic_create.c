/* PUT /v1/topics/{topic} */
#include <inttypes.h>
#include <stdio.h>

#include "handlers.h"
#include "media.h"
#include "text.h"
#include "topics.h"

struct creation {
    const char *name;
    struct slice body; /* JSON, for a controller elsewhere */
    struct broker_topic_request request;
};

static enum leader_outcome create_here(struct call *call, const struct broker_route *route, void *context) {
    (void)route;
    const struct creation *creation = context;
    struct error error = {0};
    enum status status =
        broker_create_topic(call->api->broker, &creation->request, call->deadline_ms, &error);
    const struct slice *only_new = http_request_header(call->request, "If-None-Match");
    if (status == STATUS_OK) {
        char location[NAME_SIZE_MAX + 16];
        topics_reply(call, creation->name, 201);
        snprintf(location, sizeof location, "/v1/topics/%s", creation->name);
        http_response_header(call->response, "Location", location);
    } else if (status == STATUS_EXISTS && only_new && text_equal(*only_new, "*")) {
        call_fail(call, ERROR_VERSION, "topic \"%s\" is there already, and If-None-Match: * wants a new one",
                  creation->name);
    } else if (status == STATUS_EXISTS) {
        topics_reply(call, creation->name, 200);
    } else if (status == STATUS_CONFLICT) {
        call_fail(call, ERROR_TOPIC_DIFFERS,
                  "topic \"%s\" is there with other partitions, replication factor or configs: see GET "
                  "/v1/topics/%s",
                  creation->name, creation->name);
    } else {
        call_fail_with(call, status, &error);
    }
    return status == STATUS_NOT_LEADER ? LEADER_RETRY : LEADER_DONE;
}

static enum leader_outcome create_there(struct call *call, const struct broker_route *route, void *context) {
    const struct creation *creation = context;
    char path[NAME_SIZE_MAX + 16];
    snprintf(path, sizeof path, "/v1/topics/%s", creation->name); /* its characters need no escape */
    struct hop hop;
    leader_hop_of_call(call, route, &hop);
    hop.method = HTTP_METHOD_PUT;
    hop.path = slice_of_string(path);
    hop.body = creation->body;
    return topics_forward(call, route, &hop);
}

void topics_create(struct call *call, const char *name, struct slice body) {
    static const struct leader_task task = {.here = create_here, .there = create_there};
    static const char *const fields[] = {"partitions", "replication_factor", "configs", NULL};
    _cleanup_json_ struct json *json = NULL;
    _cleanup_free_ struct metadata_config *configs = NULL;
    struct creation creation = {.name = name, .body = body, .request = {.name = name}};
    int64_t partitions = 0;
    int64_t replication_factor = 0;
    struct error error = {0};
    enum status status = json_parse(body, &json, &error);
    if (status == STATUS_OK) {
        status = json_only_fields(json, fields, &error);
    }
    if (status == STATUS_OK) {
        status = json_get_int64(json, "partitions", JSON_OPTIONAL, 1, PARTITIONS_PER_TOPIC_MAX, &partitions,
                                &error);
    }
    if (status == STATUS_OK) {
        status = json_get_int64(json, "replication_factor", JSON_OPTIONAL, 1, REPLICATION_FACTOR_MAX,
                                &replication_factor, &error);
    }
    if (status == STATUS_NO_MEMORY) {
        call_fail_with(call, status, &error);
        return;
    }
    if (status != STATUS_OK) {
        call_fail(call, ERROR_MALFORMED, "the body must be a JSON object: %s", error.message);
        return;
    }
    if (!topics_read_configs(call, json, false, &configs, &creation.request.config_count)) {
        return;
    }
    creation.request.configs = configs;
    creation.request.partition_count = (uint32_t)partitions;
    creation.request.replication_factor = (uint32_t)replication_factor;
    leader_answer(call, METADATA_GROUP, &task, &creation);
}

void handle_put_topic(struct call *call) {
    char name[NAME_SIZE_MAX + 1];
    struct slice type = call->request->content_type;
    if (type.size > 0 && !media_is(type, MEDIA_JSON) && !media_is(type, MEDIA_FORM)) {
        call_fail(call, ERROR_MEDIA_TYPE, "send the body as JSON, with Content-Type: " MEDIA_JSON);
        return;
    }
    if (!topics_get_name(call, name)) {
        return;
    }
    if (name[0] == '_' && name[1] == '_') {
        call_fail(call, ERROR_NAME, "names that begin with __ are the broker's own: choose another name");
        return;
    }
    struct slice body = call->request->body;
    topics_create(call, name, body.size > 0 ? body : slice_of_string("{}"));
}
