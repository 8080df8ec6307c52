/*
 * What a produce request says in its query and head: keys, idempotency keys, partitions, headers of records.
 * What is read is within its bounds; whether it was said in the query or in the head makes no difference to
 * what an idempotency key stands for; a retry finds the same partition.
 */
#include "fuzz.h"

#include "api/origin.h"
#include "api/parameters.h"
#include "api/text.h"

static struct http_request request;

/* Lines: "?name=value" is a parameter, "name:value" a header; what follows an empty line is the body. */
static void read_request(struct slice input) {
    request.header_count = 0;
    request.parameter_count = 0;
    request.method = HTTP_METHOD_POST;
    struct slice line;
    while (text_split(&input, '\n', &line) && line.size > 0) {
        bool parameter = line.data[0] == '?';
        struct slice value = parameter ? slice_after(line, 1) : line;
        struct slice name = {0};
        if (!text_split(&value, parameter ? '=' : ':', &name)) {
            continue;
        }
        if (parameter && request.parameter_count < HTTP_QUERY_PARAMETERS_MAX) {
            request.parameters[request.parameter_count++] = (struct http_pair){name, value};
        } else if (!parameter && request.header_count < HTTP_HEADERS_MAX) {
            request.headers[request.header_count++] = (struct http_pair){name, value};
        }
    }
    request.body = input;
}

static void check_bounds(const struct parameters *parameters) {
    ASSERT(parameters->timestamp_ms >= 0);
    ASSERT(parameters->expected_offset >= -1);
    ASSERT(!parameters->has_idempotency_key ||
           (parameters->idempotency_key.size > 0 &&
            parameters->idempotency_key.size <= IDEMPOTENCY_KEY_SIZE_MAX));
}

static void check_headers(void) {
    static struct record_header headers[RECORD_HEADERS_MAX];
    _cleanup_buffer_ struct buffer names;
    buffer_init(&names, HTTP_HEAD_BYTES_MAX);
    uint32_t count;
    ASSERT(parameters_read_headers(&request, &names, headers, &count) == STATUS_OK);
    ASSERT(count <= RECORD_HEADERS_MAX && count <= request.header_count);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(headers[i].has_value && headers[i].key.size > 0);
        for (size_t at = 0; at < headers[i].key.size; at++) {
            ASSERT(headers[i].key.data[at] < 'A' || headers[i].key.data[at] > 'Z');
        }
    }
}

static void check_choice(const struct parameters *parameters) {
    struct partition_choice choice = {.partition_count = 7, .sticky = 3, .parameters = parameters};
    for (uint64_t line = 0; line < 2; line++) {
        uint32_t partition = partition_choose(&choice, parameters->has_key, parameters->key, line);
        ASSERT(partition < choice.partition_count);
        choice.sticky++;
        ASSERT((!parameters->has_key && !parameters->has_idempotency_key) ||
               partition_choose(&choice, parameters->has_key, parameters->key, line) == partition);
        choice.sticky--;
    }
}

/* The same without its query, what was said there in the head instead. */
static void move_query_to_head(void) {
    static const char *const moved[][2] = {
        {"key", "X-Key"}, {"partition", "X-Partition"}, {"acks", "X-Acks"}};
    for (size_t i = 0; i < sizeof moved / sizeof moved[0]; i++) {
        const struct slice *value = http_request_parameter(&request, moved[i][0]);
        if (value && !http_request_header(&request, moved[i][1])) {
            request.headers[request.header_count++] =
                (struct http_pair){slice_of_string(moved[i][1]), *value};
        }
    }
    request.parameter_count = 0;
}

static void check_hash(const struct parameters *parameters) {
    struct parameters moved;
    struct hash128 hash;
    struct hash128 again;
    ASSERT(parameters_hash(&request, parameters, PAYLOAD_RAW, &hash) == STATUS_OK);
    if (request.header_count > HTTP_HEADERS_MAX - 3) {
        return;
    }
    move_query_to_head();
    ASSERT(parameters_read(&request, &moved, NULL) == STATUS_OK);
    ASSERT(parameters_hash(&request, &moved, PAYLOAD_RAW, &again) == STATUS_OK);
    ASSERT(hash128_equal(&hash, &again));
    ASSERT(moved.acks == parameters->acks && moved.expected_offset == parameters->expected_offset);
    ASSERT(parameters_hash(&request, &moved, PAYLOAD_LINES, &again) == STATUS_OK);
    ASSERT(!hash128_equal(&hash, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct parameters parameters;
    struct error error = {0};
    if (size > HTTP_HEAD_BYTES_MAX) {
        return 0;
    }
    _cleanup_blob_ struct blob *input = fuzz_copy(slice_make(data, size));
    read_request(blob_slice(input));
    check_headers();
    const char *refusal = origin_refusal(&request, "127.0.0.1:8000");
    ASSERT(refusal == NULL || refusal[0] != '\0');
    if (parameters_read(&request, &parameters, &error) != STATUS_OK) {
        ASSERT(error.status == STATUS_INVALID && error.message[0] != '\0');
        return 0;
    }
    check_bounds(&parameters);
    check_choice(&parameters);
    check_hash(&parameters);
    return 0;
}
