/*
 * GET /v1/partitions: every partition as its leader sees it. Each broker knows those it leads and tells them
 * under ?scope=local, a line each; the one that is asked puts the lines of all together.
 */
#include "aviary/base/clock.h"

#include <stdlib.h>

#include "fanout.h"
#include "handlers.h"
#include "media.h"
#include "partition_row.h"
#include "text.h"

struct merge {
    struct partition_list partitions;
    struct slice *rows; /* beside partitions.list: the leader's line; empty without one */
    int64_t *terms;     /* the same: the line's term */
    struct buffer own;  /* this broker's lines */
    struct fanout_target *targets;
    size_t target_count;
};

static void merge_finish(struct merge *merge) {
    partition_list_finish(&merge->partitions);
    free(merge->rows);
    free(merge->terms);
    buffer_finish(&merge->own);
    fanout_finish(merge->targets, merge->target_count);
    free(merge->targets);
}

/* Those that this broker leads, a line each. */
static void append_own_rows(struct call *call, const struct partition_list *partitions, struct buffer *out) {
    uint64_t deadline_ms = clock_monotonic_ms() + FANOUT_MS;
    for (size_t i = 0; i < partitions->count; i++) {
        struct partition_row row;
        if (partition_row_read(call->api, partitions->list[i].group, deadline_ms, &row)) {
            struct json_writer writer;
            json_writer_init(&writer, out, JSON_COMPACT);
            partition_row_write(&writer, partition_list_topic(partitions, i), &partitions->list[i], &row);
            buffer_append_u8(out, '\n');
        }
    }
}

static void reply_local(struct call *call, const struct slice *topic) {
    _cleanup_partition_list_ struct partition_list partitions;
    struct error error = {0};
    enum status status = partition_list_init(&partitions, call->api, topic, &error);
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
        return;
    }
    http_response_content_type(call->response, MEDIA_NDJSON);
    append_own_rows(call, &partitions, http_response_body(call->response));
}

/* Where a partition stands in the list; count: nowhere. */
static size_t find_position(const struct partition_list *partitions, struct slice topic, int64_t partition) {
    size_t low = 0;
    size_t high = partitions->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct slice name = slice_of_string(partition_list_topic(partitions, middle));
        size_t shared = name.size < topic.size ? name.size : topic.size;
        int order = memcmp(name.data, topic.data, shared);
        order = order != 0 ? order : (name.size > topic.size) - (name.size < topic.size);
        order = order != 0 ? order
                           : (partitions->list[middle].partition > partition) -
                                 (partitions->list[middle].partition < partition);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order > 0 ? middle : high;
    }
    return partitions->count;
}

/* Of two brokers that both think they lead, the one of the higher term does. */
static void merge_line(struct merge *merge, struct slice line) {
    _cleanup_json_ struct json *json = NULL;
    struct slice topic;
    int64_t partition;
    int64_t term;
    if (json_parse(line, &json, NULL) != STATUS_OK ||
        json_get_string(json, "topic", JSON_REQUIRED, NAME_SIZE_MAX, &topic, NULL) != STATUS_OK ||
        json_get_int64(json, "partition", JSON_REQUIRED, 0, UINT32_MAX, &partition, NULL) != STATUS_OK ||
        json_get_int64(json, "term", JSON_REQUIRED, 0, INT64_MAX, &term, NULL) != STATUS_OK) {
        return;
    }
    size_t position = find_position(&merge->partitions, topic, partition);
    if (position < merge->partitions.count && term > merge->terms[position]) {
        merge->terms[position] = term;
        merge->rows[position] = line;
    }
}

static void merge_lines(struct merge *merge, struct slice lines) {
    struct slice line;
    while (text_split(&lines, '\n', &line)) {
        merge_line(merge, line);
    }
}

static enum status merge_init(struct merge *merge, struct call *call, const struct slice *topic,
                              struct error *error) {
    buffer_init(&merge->own, HTTP_RESPONSE_BYTES_MAX);
    enum status status = partition_list_init(&merge->partitions, call->api, topic, error);
    if (status != STATUS_OK) {
        return status;
    }
    merge->rows = calloc(merge->partitions.count + 1, sizeof *merge->rows);
    merge->terms = calloc(merge->partitions.count + 1, sizeof *merge->terms);
    merge->targets = calloc(BROKERS_MAX, sizeof *merge->targets);
    return merge->rows && merge->terms && merge->targets
               ? STATUS_OK
               : error_set(error, STATUS_NO_MEMORY, "no memory to list the partitions");
}

/* All other brokers. */
static enum status list_targets(struct merge *merge, struct call *call, struct error *error) {
    const struct metadata *metadata;
    enum status status = broker_lock_metadata(call->api->broker, &metadata, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < metadata_broker_count(metadata) && merge->target_count < BROKERS_MAX; i++) {
        const struct metadata_broker *broker = metadata_broker_at(metadata, i);
        if (broker->id != call->api->broker_id) {
            struct fanout_target *target = &merge->targets[merge->target_count++];
            target->broker = broker->id;
            memcpy(target->peer_address, broker->peer_address, sizeof target->peer_address);
        }
    }
    broker_unlock_metadata(call->api->broker);
    return STATUS_OK;
}

static enum status ask_all(struct merge *merge, struct call *call, const struct slice *topic,
                           struct error *error) {
    _cleanup_buffer_ struct buffer query;
    buffer_init(&query, HTTP_HEAD_BYTES_MAX);
    buffer_append_string(&query, "scope=local");
    if (topic) {
        buffer_append_string(&query, "&topic=");
        text_append_escaped(&query, *topic);
    }
    buffer_append_u8(&query, 0);
    enum status status = buffer_status(&query) == STATUS_OK
                             ? list_targets(merge, call, error)
                             : error_set(error, STATUS_NO_MEMORY, "no memory to ask");
    if (status != STATUS_OK) {
        return status;
    }
    append_own_rows(call, &merge->partitions, &merge->own);
    fanout_get(call->api, "/v1/partitions", (const char *)query.data, merge->targets, merge->target_count,
               HTTP_RESPONSE_BYTES_MAX, clock_monotonic_ms() + FANOUT_MS);
    merge_lines(merge, buffer_slice(&merge->own));
    for (size_t i = 0; i < merge->target_count; i++) {
        const struct fanout_target *target = &merge->targets[i];
        if (target->status == STATUS_OK && target->answer.status == 200) {
            merge_lines(merge, buffer_slice(&target->answer.body));
        }
    }
    return STATUS_OK;
}

static void write_unreachable(struct json_writer *writer, const struct merge *merge) {
    json_key(writer, "unreachable");
    json_begin_array(writer);
    for (size_t i = 0; i < merge->target_count; i++) {
        if (merge->targets[i].status != STATUS_OK || merge->targets[i].answer.status != 200) {
            json_uint64(writer, merge->targets[i].broker);
        }
    }
    json_end_array(writer);
}

static void reply_merged(struct call *call, const struct merge *merge) {
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "partitions");
    json_begin_array(&writer);
    for (size_t i = 0; i < merge->partitions.count; i++) {
        if (merge->rows[i].size > 0) {
            json_raw(&writer, merge->rows[i]);
        } else {
            partition_row_write_leaderless(&writer, partition_list_topic(&merge->partitions, i),
                                           &merge->partitions.list[i]);
        }
    }
    json_end_array(&writer);
    write_unreachable(&writer, merge);
    json_end_object(&writer);
}

void handle_get_partitions(struct call *call) {
    const struct slice *topic = http_request_parameter(call->request, "topic");
    const struct slice *scope = http_request_parameter(call->request, "scope");
    if (scope && text_equal(*scope, "local")) {
        reply_local(call, topic);
        return;
    }
    if (scope && !text_equal(*scope, "cluster")) {
        call_fail(call, ERROR_MALFORMED, "scope must be cluster (the default) or local");
        return;
    }
    __attribute__((cleanup(merge_finish))) struct merge merge = {0};
    struct error error = {0};
    enum status status = merge_init(&merge, call, topic, &error);
    if (status == STATUS_OK) {
        status = ask_all(&merge, call, topic, &error);
    }
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
        return;
    }
    reply_merged(call, &merge);
}
