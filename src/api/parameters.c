#include "parameters.h"

#include <ctype.h>

#include "text.h"

static const char header_prefix[] = "X-Header-";

/* From the query or, failing that, the head; both may say it, but not differently. */
static enum status find(const struct http_request *request, const char *parameter, const char *header,
                        const struct slice **ret_value, struct error *error) {
    const struct slice *in_query = http_request_parameter(request, parameter);
    const struct slice *in_head = http_request_header(request, header);
    if (in_query && in_head && !slice_equal(*in_query, *in_head)) {
        return error_set(error, STATUS_INVALID, "?%s and %s differ: send one of them", parameter, header);
    }
    *ret_value = in_query ? in_query : in_head;
    return STATUS_OK;
}

static enum status read_key(const struct http_request *request, struct parameters *parameters,
                            struct error *error) {
    const struct slice *value;
    enum status status = find(request, "key", "X-Key", &value, error);
    if (status == STATUS_OK && value) {
        parameters->has_key = true;
        parameters->key = *value;
    }
    return status;
}

static enum status read_partition(const struct http_request *request, struct parameters *parameters,
                                  struct error *error) {
    const struct slice *value;
    enum status status = find(request, "partition", "X-Partition", &value, error);
    if (status != STATUS_OK || value == NULL) {
        return status;
    }
    uint64_t partition;
    if (!text_to_u64(*value, UINT32_MAX, &partition)) {
        return error_set(error, STATUS_INVALID, "partition must be a whole number, from 0 to %d",
                         PARTITIONS_PER_TOPIC_MAX - 1);
    }
    parameters->has_partition = true;
    parameters->partition = (uint32_t)partition;
    return STATUS_OK;
}

static enum status read_timestamp(const struct http_request *request, struct parameters *parameters,
                                  struct error *error) {
    const struct slice *value = http_request_header(request, "X-Timestamp");
    if (value == NULL) {
        return STATUS_OK;
    }
    uint64_t timestamp;
    if (!text_to_u64(*value, INT64_MAX, &timestamp)) {
        return error_set(error, STATUS_INVALID,
                         "X-Timestamp must be milliseconds since 1970-01-01 UTC, a whole number");
    }
    parameters->has_timestamp = true;
    parameters->timestamp_ms = (int64_t)timestamp;
    return STATUS_OK;
}

static enum status read_acks(const struct http_request *request, struct parameters *parameters,
                             struct error *error) {
    const struct slice *value;
    enum status status = find(request, "acks", "X-Acks", &value, error);
    if (status != STATUS_OK || value == NULL || text_equal(*value, "all")) {
        return status;
    }
    if (text_equal(*value, "0")) {
        parameters->acks = NODE_ACKS_NONE;
    } else if (text_equal(*value, "1")) {
        parameters->acks = NODE_ACKS_LEADER;
    } else {
        return error_set(error, STATUS_INVALID, "acks must be 0, 1 or all (the default)");
    }
    return STATUS_OK;
}

static enum status read_expected_offset(const struct http_request *request, struct parameters *parameters,
                                        struct error *error) {
    const struct slice *value = http_request_header(request, "If-Match");
    if (value == NULL) {
        return STATUS_OK;
    }
    uint64_t offset;
    struct slice inner = slice_after(*value, 1);
    if (value->size < 3 || value->data[0] != '"' || value->data[value->size - 1] != '"' ||
        !text_to_u64(slice_make(inner.data, inner.size - 1), INT64_MAX, &offset)) {
        return error_set(error, STATUS_INVALID,
                         "If-Match must be the partition's next offset in quotes, as \"42\"");
    }
    parameters->expected_offset = (int64_t)offset;
    return STATUS_OK;
}

static enum status read_idempotency_key(const struct http_request *request, struct parameters *parameters,
                                        struct error *error) {
    const struct slice *value = http_request_header(request, "Idempotency-Key");
    if (value == NULL) {
        return STATUS_OK;
    }
    if (value->size == 0 || value->size > IDEMPOTENCY_KEY_SIZE_MAX) {
        return error_set(error, STATUS_INVALID, "Idempotency-Key must have 1 to %d bytes",
                         IDEMPOTENCY_KEY_SIZE_MAX);
    }
    parameters->has_idempotency_key = true;
    parameters->idempotency_key = *value;
    return STATUS_OK;
}

enum status parameters_read(const struct http_request *request, struct parameters *ret_parameters,
                            struct error *error) {
    static enum status (*const readers[])(const struct http_request *, struct parameters *,
                                          struct error *) = {
        read_key, read_partition, read_timestamp, read_acks, read_expected_offset, read_idempotency_key,
    };
    struct parameters parameters = {.acks = NODE_ACKS_ALL, .expected_offset = -1};
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        enum status status = readers[i](request, &parameters, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *ret_parameters = parameters;
    return STATUS_OK;
}

enum status parameters_read_headers(const struct http_request *request, struct buffer *names,
                                    struct record_header ret_headers[RECORD_HEADERS_MAX],
                                    uint32_t *ret_count) {
    uint32_t count = 0;
    for (size_t i = 0; i < request->header_count && count < RECORD_HEADERS_MAX; i++) {
        const struct http_pair *pair = &request->headers[i];
        if (!text_begins_any_case(pair->name, header_prefix) || pair->name.size == strlen(header_prefix)) {
            continue;
        }
        /* Room for all of them at once: a name must not move when the next one comes. */
        if (buffer_reserve(names, HTTP_HEAD_BYTES_MAX - names->size) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
        struct slice name = slice_after(pair->name, strlen(header_prefix));
        uint8_t *lower = buffer_extend(names, name.size);
        ASSERT(lower != NULL); /* the names of one head fit into a head */
        for (size_t at = 0; at < name.size; at++) {
            lower[at] = (uint8_t)tolower(name.data[at]);
        }
        ret_headers[count++] = (struct record_header){
            .key = slice_make(lower, name.size), .value = pair->value, .has_value = true};
    }
    *ret_count = count;
    return STATUS_OK;
}

static void append_counted(struct buffer *out, bool present, struct slice bytes) {
    buffer_append_u8(out, present);
    if (present) {
        buffer_append_u32(out, (uint32_t)bytes.size);
        buffer_append_slice(out, bytes);
    }
}

enum status parameters_hash(const struct http_request *request, const struct parameters *parameters,
                            enum payload_class payload_class, struct hash128 *ret_hash) {
    _cleanup_buffer_ struct buffer names;
    _cleanup_buffer_ struct buffer canonical;
    buffer_init(&names, HTTP_HEAD_BYTES_MAX);
    buffer_init(&canonical, 4 * HTTP_HEAD_BYTES_MAX);
    struct record_header headers[RECORD_HEADERS_MAX];
    uint32_t header_count;
    if (parameters_read_headers(request, &names, headers, &header_count) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    buffer_append_u8(&canonical, (uint8_t)payload_class);
    append_counted(&canonical, parameters->has_key, parameters->key);
    buffer_append_u8(&canonical, parameters->has_partition);
    buffer_append_u32(&canonical, parameters->has_partition ? parameters->partition : 0);
    buffer_append_u8(&canonical, parameters->has_timestamp);
    buffer_append_u64(&canonical, parameters->has_timestamp ? (uint64_t)parameters->timestamp_ms : 0);
    buffer_append_u32(&canonical, header_count);
    for (uint32_t i = 0; i < header_count; i++) {
        append_counted(&canonical, true, headers[i].key);
        append_counted(&canonical, true, headers[i].value);
    }
    struct hash128 body = hash128_of(request->body);
    buffer_append(&canonical, body.bytes, sizeof body.bytes);
    if (buffer_status(&canonical) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    *ret_hash = hash128_of(buffer_slice(&canonical));
    return STATUS_OK;
}

uint32_t partition_choose(const struct partition_choice *choice, bool has_key, struct slice key,
                          uint64_t line) {
    const struct parameters *parameters = choice->parameters;
    if (has_key) {
        return (hash_murmur2(key) & INT32_MAX) % choice->partition_count;
    }
    if (!parameters->has_idempotency_key) {
        return choice->sticky % choice->partition_count;
    }
    uint8_t text[IDEMPOTENCY_KEY_SIZE_MAX + sizeof line];
    memcpy(text, parameters->idempotency_key.data, parameters->idempotency_key.size);
    bytes_put_u64le(text + parameters->idempotency_key.size, line);
    struct hash128 hash = hash128_of(slice_make(text, parameters->idempotency_key.size + sizeof line));
    return bytes_get_u32le(hash.bytes) % choice->partition_count;
}
