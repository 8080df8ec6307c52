#include "target.h"

#include <stdlib.h>

static const struct refusal REFUSED_PATH = {
    REFUSAL_MALFORMED, "the path must begin with '/' and hold no empty, '.' or '..' segment and no '#'"};
static const struct refusal REFUSED_SEGMENTS = {REFUSAL_MALFORMED, "the path has too many segments"};
static const struct refusal REFUSED_PARAMETERS = {REFUSAL_MALFORMED, "the query has too many parameters"};
static const struct refusal REFUSED_ESCAPE = {
    REFUSAL_MALFORMED, "the target holds a '%' that is not followed by two hexadecimal digits, or '%00'"};
static const struct refusal REFUSED_MEMORY = {REFUSAL_NO_MEMORY, "out of memory, try again"};

void target_scratch_finish(struct target_scratch *scratch) {
    free(scratch->data);
    *scratch = (struct target_scratch){0};
}

static int hex_digit(uint8_t character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    uint8_t lower = (uint8_t)(character | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that "%xy" at `at` stands for; 0 where it is no such thing, or the NUL that we refuse all the
 * same. */
static uint8_t escaped_byte(struct slice raw, size_t at) {
    if (raw.size - at < 3) {
        return 0;
    }
    int high = hex_digit(raw.data[at + 1]);
    int low = hex_digit(raw.data[at + 2]);
    return high < 0 || low < 0 ? 0 : (uint8_t)(high * 16 + low);
}

static bool has_escapes(struct slice raw, bool form) {
    return raw.size > 0 && (memchr(raw.data, '%', raw.size) || (form && memchr(raw.data, '+', raw.size)));
}

/* Decoded text is never longer than raw text, and all raw text together fits a head: scratch never overflows.
 */
static bool decode(struct slice raw, bool form, struct target_scratch *scratch, struct slice *ret_decoded,
                   struct refusal *ret_refusal) {
    if (!has_escapes(raw, form)) {
        *ret_decoded = raw;
        return true;
    }
    if (!scratch->data) {
        scratch->data = malloc(HTTP_HEAD_BYTES_MAX);
        if (!scratch->data) {
            *ret_refusal = REFUSED_MEMORY;
            return false;
        }
    }
    uint8_t *start = scratch->data + scratch->size;
    uint8_t *end = start;
    for (size_t at = 0; at < raw.size; at++) {
        uint8_t byte = raw.data[at];
        if (byte == '%') {
            byte = escaped_byte(raw, at);
            at += 2;
        } else if (form && byte == '+') {
            byte = ' ';
        }
        if (byte == 0) {
            *ret_refusal = REFUSED_ESCAPE;
            return false;
        }
        *end++ = byte;
    }
    *ret_decoded = slice_make(start, (size_t)(end - start));
    scratch->size += ret_decoded->size;
    return true;
}

/* Cuts the text up to `separator` off `rest`; the separator itself is dropped. */
static struct slice cut(struct slice *rest, char separator) {
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    struct slice part = end ? slice_make(rest->data, (size_t)(end - rest->data)) : *rest;
    *rest = end ? slice_after(*rest, part.size + 1) : (struct slice){0};
    return part;
}

static bool is_traversal(struct slice segment) {
    return slice_equal(segment, slice_of_string(".")) || slice_equal(segment, slice_of_string(".."));
}

static bool decode_path(struct http_request *request, struct target_scratch *scratch,
                        struct refusal *ret_refusal) {
    request->segment_count = 0;
    struct slice path = request->raw_path;
    if (path.size == 0 || path.data[0] != '/' || memchr(path.data, '#', path.size)) {
        *ret_refusal = REFUSED_PATH;
        return false;
    }
    for (struct slice rest = slice_after(path, 1); rest.size > 0;) {
        if (request->segment_count == HTTP_PATH_SEGMENTS_MAX) {
            *ret_refusal = REFUSED_SEGMENTS;
            return false;
        }
        struct slice *segment = &request->segments[request->segment_count];
        if (!decode(cut(&rest, '/'), false, scratch, segment, ret_refusal)) {
            return false;
        }
        if (segment->size == 0 || is_traversal(*segment)) {
            *ret_refusal = REFUSED_PATH;
            return false;
        }
        request->segment_count++;
    }
    return true;
}

static bool decode_query(struct http_request *request, struct target_scratch *scratch,
                         struct refusal *ret_refusal) {
    request->parameter_count = 0;
    for (struct slice rest = request->raw_query; rest.size > 0;) {
        struct slice value = cut(&rest, '&');
        if (value.size == 0) {
            continue;
        }
        if (request->parameter_count == HTTP_QUERY_PARAMETERS_MAX) {
            *ret_refusal = REFUSED_PARAMETERS;
            return false;
        }
        struct http_pair *parameter = &request->parameters[request->parameter_count];
        struct slice name = cut(&value, '=');
        if (!decode(name, true, scratch, &parameter->name, ret_refusal) ||
            !decode(value, true, scratch, &parameter->value, ret_refusal)) {
            return false;
        }
        request->parameter_count++;
    }
    return true;
}

bool target_decode(struct http_request *request, struct target_scratch *scratch,
                   struct refusal *ret_refusal) {
    scratch->size = 0;
    return decode_path(request, scratch, ret_refusal) && decode_query(request, scratch, ret_refusal);
}
