/*
 * Paths and queries: what is decoded is within all bounds and holds nothing that could climb out of a path;
 * escaped and decoded again it is the same.
 */
#include "fuzz.h"

#include "http/target.h"

static struct target_scratch scratch;
static struct target_scratch again_scratch;

/* All escaped, so that nothing in it means anything. */
static void append_escaped(struct buffer *out, struct slice text) {
    static const char digits[] = "0123456789abcdef";
    uint8_t *at = buffer_extend(out, 3 * text.size);
    ASSERT(at != NULL || text.size == 0);
    for (size_t i = 0; i < text.size; i++) {
        *at++ = '%';
        *at++ = (uint8_t)digits[text.data[i] >> 4];
        *at++ = (uint8_t)digits[text.data[i] & 15];
    }
}

static void check_segment(struct slice segment) {
    ASSERT(segment.size > 0);
    ASSERT(memchr(segment.data, '\0', segment.size) == NULL);
    ASSERT(!slice_equal(segment, slice_of_string(".")) && !slice_equal(segment, slice_of_string("..")));
}

static size_t check_bounds(const struct http_request *request) {
    size_t decoded = 0;
    ASSERT(request->segment_count <= HTTP_PATH_SEGMENTS_MAX);
    ASSERT(request->parameter_count <= HTTP_QUERY_PARAMETERS_MAX);
    for (size_t i = 0; i < request->segment_count; i++) {
        check_segment(request->segments[i]);
        decoded += request->segments[i].size;
    }
    for (size_t i = 0; i < request->parameter_count; i++) {
        decoded += request->parameters[i].name.size + request->parameters[i].value.size;
    }
    return decoded;
}

static void write_target(const struct http_request *request, struct buffer *path, struct buffer *query) {
    for (size_t i = 0; i < request->segment_count; i++) {
        buffer_append_u8(path, '/');
        append_escaped(path, request->segments[i]);
    }
    if (request->segment_count == 0) {
        buffer_append_u8(path, '/');
    }
    for (size_t i = 0; i < request->parameter_count; i++) {
        append_escaped(query, request->parameters[i].name);
        buffer_append_u8(query, '=');
        append_escaped(query, request->parameters[i].value);
        buffer_append_u8(query, '&');
    }
}

static void check_same(const struct http_request *a, const struct http_request *b) {
    ASSERT(a->segment_count == b->segment_count);
    ASSERT(a->parameter_count == b->parameter_count);
    for (size_t i = 0; i < a->segment_count; i++) {
        ASSERT(slice_equal(a->segments[i], b->segments[i]));
    }
    for (size_t i = 0; i < a->parameter_count; i++) {
        ASSERT(slice_equal(a->parameters[i].name, b->parameters[i].name));
        ASSERT(slice_equal(a->parameters[i].value, b->parameters[i].value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_request request;
    static struct http_request again;
    struct refusal refusal = {0};
    /* Escaped it is three times as long, and must fit a head once more; and a head holds no NUL. */
    if (size > HTTP_HEAD_BYTES_MAX / 4 || (size > 0 && memchr(data, '\0', size) != NULL)) {
        return 0;
    }
    _cleanup_blob_ struct blob *target = fuzz_copy(slice_make(data, size));
    const uint8_t *mark = size > 0 ? memchr(target->data, '?', size) : NULL;
    size_t path_size = mark ? (size_t)(mark - target->data) : size;
    request.raw_path = slice_make(target->data, path_size);
    request.raw_query = mark ? slice_after(blob_slice(target), path_size + 1) : (struct slice){0};
    if (!target_decode(&request, &scratch, &refusal)) {
        ASSERT(refusal.error_code == REFUSAL_MALFORMED && refusal.message != NULL);
        return 0;
    }
    ASSERT(check_bounds(&request) <= size);
    static struct buffer path = {.size_max = HTTP_HEAD_BYTES_MAX};
    static struct buffer query = {.size_max = HTTP_HEAD_BYTES_MAX};
    buffer_clear(&path);
    buffer_clear(&query);
    write_target(&request, &path, &query);
    again.raw_path = buffer_slice(&path);
    again.raw_query = buffer_slice(&query);
    ASSERT(target_decode(&again, &again_scratch, &refusal));
    check_same(&request, &again);
    return 0;
}
