/*
 * The head of a request. What our check lets pass is held against the bytes that came, read by the plainest
 * rules of RFC 9112: the same method, lines, names and values, one Host, one Content-Length of the same value
 * and no Transfer-Encoding. So no request can be read one way here and another way by whoever stood before
 * us.
 */
#include "fuzz.h"

#include "http/head.h"
#include "http/target.h"
#include "http_head_parse.h"

#include <stdio.h>

static struct http_request request;
static struct target_scratch scratch;

/* The bytes up to `end`, which must be there; `rest` then begins behind it. */
static struct slice take_until(struct slice *rest, const char *end) {
    const uint8_t *found = memmem(rest->data, rest->size, end, strlen(end));
    ASSERT(found != NULL);
    struct slice part = slice_make(rest->data, (size_t)(found - rest->data));
    *rest = slice_after(*rest, part.size + strlen(end));
    return part;
}

static struct slice trim(struct slice text) {
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = slice_after(text, 1);
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

static bool is_named(struct slice name, const char *wanted) {
    return name.size == strlen(wanted) && strncasecmp((const char *)name.data, wanted, name.size) == 0;
}

/* "METHOD target", with one blank between. */
static void check_request_line(struct slice line) {
    struct slice method = take_until(&line, " ");
    const char *name = request.head_only ? "HEAD" : http_method_name(request.method);
    ASSERT(slice_equal(method, slice_of_string(name)));
    for (size_t i = 0; i < line.size; i++) {
        ASSERT(line.data[i] > ' ' && line.data[i] != 127);
    }
    struct slice path = request.raw_path;
    ASSERT(memmem(line.data, line.size, path.data, path.size) != NULL);
}

/* What follows the request line, line by line. */
static void check_lines(struct slice lines, bool is_http_1_1) {
    size_t hosts = 0;
    size_t lengths = 0;
    char length[24];
    snprintf(length, sizeof length, "%llu", (unsigned long long)request.content_length);
    for (size_t i = 0; i < request.header_count; i++) {
        struct slice line = take_until(&lines, "\r\n");
        struct slice name = take_until(&line, ":");
        ASSERT(slice_equal(name, request.headers[i].name));
        ASSERT(slice_equal(trim(line), trim(request.headers[i].value)));
        ASSERT(!is_named(name, "Transfer-Encoding"));
        hosts += is_named(name, "Host") ? 1 : 0;
        if (is_named(name, "Content-Length")) {
            struct slice digits = trim(line);
            while (digits.size > 1 && digits.data[0] == '0') {
                digits = slice_after(digits, 1);
            }
            ASSERT(slice_equal(digits, slice_of_string(length)));
            lengths++;
        }
    }
    ASSERT(slice_equal(lines, slice_of_string("\r\n")) || request.header_count == 0);
    ASSERT(hosts == 1 || (hosts == 0 && !is_http_1_1));
    ASSERT(lengths == 1 || (lengths == 0 && request.content_length == 0));
}

static struct slice without_leading_space(struct slice bytes) {
    while (bytes.size > 0 && strchr(" \t\r\n\v\f", bytes.data[0]) != NULL && bytes.data[0] != '\0') {
        bytes = slice_after(bytes, 1);
    }
    return bytes;
}

static void check_passed(struct slice bytes) {
    struct slice head = without_leading_space(bytes);
    const uint8_t *end = memmem(head.data, head.size, "\r\n\r\n", 4);
    if (request.header_count == 0) {
        return; /* HTTP/1.0 with a request line alone, which may also end in LF */
    }
    ASSERT(end != NULL);
    head.size = (size_t)(end - head.data) + 4;
    ASSERT(head.size <= HTTP_HEAD_BYTES_MAX);
    struct slice line = take_until(&head, " HTTP/1.");
    ASSERT(head.data != NULL && head.size > 3);
    bool is_http_1_1 = head.data[0] == '1';
    check_request_line(line);
    /* Behind the request line stand two bytes that are CRLF, or cannot be told from it any more. */
    ASSERT(strchr("\r\n", head.data[1]) != NULL && strchr("\r\n ", head.data[2]) != NULL);
    check_lines(slice_after(head, 3), is_http_1_1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct refusal refusal = {0};
    struct head head;
    /* As in civetweb's buffer, there are bytes behind the head: head.c may look at them. */
    enum { BEHIND = 4 };
    _cleanup_blob_ struct blob *bytes = blob_create(size + BEHIND);
    ASSERT(bytes != NULL);
    memcpy(bytes->data, size > 0 ? data : (const uint8_t *)"", size);
    memset(bytes->data + size, 0, BEHIND);
    const struct mg_request_info *info = http_head_parse((char *)bytes->data, size);
    if (info == NULL) {
        return 0;
    }
    if (!head_check(info, &request, &head, &refusal) || !target_decode(&request, &scratch, &refusal)) {
        ASSERT(refusal.error_code >= 40000 && refusal.error_code < 60000 && refusal.message != NULL);
        return 0;
    }
    ASSERT(!head.expects_continue || request.content_length > 0);
    check_passed(slice_make(data, size));
    return 0;
}
