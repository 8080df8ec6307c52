#include "head.h"

#include "field.h"
#include "method.h"

#include <civetweb.h>

_Static_assert(HTTP_HEADERS_MAX == MG_MAX_HEADERS, "civetweb hides the headers beyond its own maximum");

/* Digits that cannot overflow 64 bits, and far more than any limit. */
enum { LENGTH_DIGITS_MAX = 18 };

static const struct refusal REFUSED_LINES = {
    REFUSAL_MALFORMED, "header lines must read 'Name: value', end in CRLF and not be folded"};
static const struct refusal REFUSED_REQUEST_LINE = {
    REFUSAL_MALFORMED,
    "the request line must read 'METHOD target HTTP/1.1', with one blank between two words"};
static const struct refusal REFUSED_HEADERS = {REFUSAL_HEAD_TOO_LARGE, "too many headers, send at most 64"};
static const struct refusal REFUSED_SIZE = {REFUSAL_HEAD_TOO_LARGE,
                                            "the request head is too large, send at most 16 KiB"};
static const struct refusal REFUSED_HOST = {REFUSAL_MALFORMED, "send exactly one Host header"};
static const struct refusal REFUSED_BOTH = {REFUSAL_MALFORMED,
                                            "send Content-Length or Transfer-Encoding, not both"};
static const struct refusal REFUSED_LENGTHS = {REFUSAL_MALFORMED, "send one Content-Length"};
static const struct refusal REFUSED_LENGTH = {REFUSAL_MALFORMED, "Content-Length must be a decimal number"};
static const struct refusal REFUSED_HUGE = {REFUSAL_TOO_LARGE, "Content-Length is beyond any limit"};
static const struct refusal REFUSED_CHUNKED = {
    REFUSAL_LENGTH_REQUIRED, "Transfer-Encoding is not supported, send the body with a Content-Length"};
static const struct refusal REFUSED_EXPECT = {REFUSAL_EXPECTATION,
                                              "the only expectation that is met is 100-continue"};
static const struct refusal REFUSED_METHOD = {
    REFUSAL_METHOD, "the method is none of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};

/* The headers that decide how the request is read; each at its first place, counted. */
struct framing {
    const char *content_length;
    const char *expect;
    const char *connection;
    unsigned hosts;
    unsigned content_lengths;
    unsigned transfer_encodings;
    unsigned expects;
    unsigned connections;
    bool upgrades;
};

static bool refuse(const struct refusal *refusal, struct refusal *ret_refusal) {
    *ret_refusal = *refusal;
    return false;
}

/* Nothing but blanks between the NUL over the colon and the value: otherwise a blank stood before the colon.
 */
static bool colon_follows_name(struct slice name, const char *value) {
    for (const char *at = (const char *)name.data + name.size + 1; at < value; at++) {
        if (*at != ' ' && *at != '\t') {
            return false;
        }
    }
    return true;
}

static struct slice trimmed_value(const char *value) {
    struct slice trimmed = slice_of_string(value);
    while (trimmed.size > 0 && trimmed.data[trimmed.size - 1] == ' ') {
        trimmed.size--;
    }
    return trimmed;
}

/*
 * `line_end` is where civetweb wrote its NUL at the end of the line before. A line that ended in CRLF has the
 * next thing two bytes on. Behind the request line civetweb writes NULs over all white space, so that two
 * other bytes of CR, LF and blank (not both LF, which ends a head) pass there as well: nobody can tell any
 * more.
 */
static bool crlf_then(const char *line_end, const char *next) {
    return next == line_end + 2;
}

/*
 * After the last line that civetweb took must stand the empty line: CR, and its LF, over which civetweb wrote
 * the NUL that ends the head. Anything else is a header that it did not take: the 65th, a folded line, or one
 * that begins with a colon, behind which a second Content-Length could hide. The bytes are there to be read:
 * the head was found to be at most half as long as civetweb's buffer.
 */
static bool empty_line_follows(const char *line_end) {
    return line_end[1] == '\0' && line_end[2] == '\r' && line_end[3] == '\0';
}

static bool check_lines(const struct mg_request_info *info, struct http_request *request,
                        struct refusal *ret_refusal) {
    const char *line_end = info->http_version + strlen(info->http_version);
    for (int i = 0; i < info->num_headers; i++) {
        const struct mg_header *header = &info->http_headers[i];
        struct slice name = slice_of_string(header->name);
        if (!crlf_then(line_end, header->name) || !field_is_name(name) ||
            !colon_follows_name(name, header->value)) {
            return refuse(&REFUSED_LINES, ret_refusal);
        }
        request->headers[i] = (struct http_pair){.name = name, .value = trimmed_value(header->value)};
        line_end = header->value + strlen(header->value);
    }
    request->header_count = (size_t)info->num_headers;
    if (line_end - info->request_method > HTTP_HEAD_BYTES_MAX - (int)sizeof "\r\n\r") {
        return refuse(&REFUSED_SIZE, ret_refusal);
    }
    if (info->num_headers > 0 && !empty_line_follows(line_end)) {
        return refuse(info->num_headers == MG_MAX_HEADERS ? &REFUSED_HEADERS : &REFUSED_LINES, ret_refusal);
    }
    return true;
}

static void note(const char *value, const char **first, unsigned *count) {
    if ((*count)++ == 0) {
        *first = value;
    }
}

static void gather_framing(const struct mg_request_info *info, struct http_request *request,
                           struct framing *framing) {
    *framing = (struct framing){0};
    request->content_type = (struct slice){0};
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = info->http_headers[i].name;
        const char *value = info->http_headers[i].value;
        if (strcasecmp(name, "Host") == 0) {
            framing->hosts++;
        } else if (strcasecmp(name, "Content-Length") == 0) {
            note(value, &framing->content_length, &framing->content_lengths);
        } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
            framing->transfer_encodings++;
        } else if (strcasecmp(name, "Content-Type") == 0) {
            request->content_type = request->headers[i].value;
        } else if (strcasecmp(name, "Connection") == 0) {
            note(value, &framing->connection, &framing->connections);
        } else if (strcasecmp(name, "Expect") == 0) {
            note(value, &framing->expect, &framing->expects);
        } else if (strcasecmp(name, "Upgrade") == 0) {
            framing->upgrades = true;
        }
    }
}

static bool parse_length(const char *text, uint64_t *ret_length, struct refusal *ret_refusal) {
    struct slice digits = trimmed_value(text);
    uint64_t length = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return refuse(&REFUSED_LENGTH, ret_refusal);
        }
        if (i < LENGTH_DIGITS_MAX) {
            length = length * 10 + (uint64_t)(digits.data[i] - '0');
        }
    }
    if (digits.size == 0 || digits.size > LENGTH_DIGITS_MAX) {
        return refuse(digits.size == 0 ? &REFUSED_LENGTH : &REFUSED_HUGE, ret_refusal);
    }
    *ret_length = length;
    return true;
}

static bool check_framing(const struct framing *framing, bool is_http_1_1, struct http_request *request,
                          struct refusal *ret_refusal) {
    if (framing->hosts > 1 || (is_http_1_1 && framing->hosts == 0)) {
        return refuse(&REFUSED_HOST, ret_refusal);
    }
    if (framing->transfer_encodings > 0) {
        return refuse(framing->content_lengths > 0 ? &REFUSED_BOTH : &REFUSED_CHUNKED, ret_refusal);
    }
    if (framing->content_lengths > 1) {
        return refuse(&REFUSED_LENGTHS, ret_refusal);
    }
    request->content_length = 0;
    return framing->content_lengths == 0 ||
           parse_length(framing->content_length, &request->content_length, ret_refusal);
}

/*
 * True only where civetweb will also keep the connection: it closes on an upgrade, on an HTTP/1.0 request
 * and on a Connection header without keep-alive, and it looks at the first such header alone.
 */
static bool wants_keep_alive(const struct framing *framing, bool is_http_1_1) {
    if (framing->connections == 0) {
        return is_http_1_1;
    }
    return framing->connections == 1 && !framing->upgrades &&
           strcasecmp(framing->connection, "keep-alive") == 0;
}

/* civetweb takes any white space behind the first blank for part of it, line breaks too. */
static bool check_request_line(const struct mg_request_info *info, struct refusal *ret_refusal) {
    const char *method_end = info->request_method + strlen(info->request_method);
    const char *last = info->query_string ? info->query_string : info->request_uri;
    const char *target_end = last + strlen(last);
    const char *version = info->http_version - strlen("HTTP/");
    if (info->request_uri != method_end + 1 || version != target_end + 1) {
        return refuse(&REFUSED_REQUEST_LINE, ret_refusal);
    }
    return true;
}

bool head_check(const struct mg_request_info *info, struct http_request *request, struct head *ret_head,
                struct refusal *ret_refusal) {
    struct framing framing;
    if (!check_request_line(info, ret_refusal) || !check_lines(info, request, ret_refusal)) {
        return false;
    }
    if (!method_parse(info->request_method, &request->method, &request->head_only)) {
        return refuse(&REFUSED_METHOD, ret_refusal);
    }
    bool is_http_1_1 = strcmp(info->http_version, "1.1") == 0;
    gather_framing(info, request, &framing);
    if (!check_framing(&framing, is_http_1_1, request, ret_refusal)) {
        return false;
    }
    if (framing.expects > 1 || (framing.expects == 1 && strcasecmp(framing.expect, "100-continue") != 0)) {
        return refuse(&REFUSED_EXPECT, ret_refusal);
    }
    request->raw_path = slice_of_string(info->local_uri_raw);
    request->raw_query = info->query_string ? slice_of_string(info->query_string) : (struct slice){0};
    *ret_head = (struct head){
        .keep_alive = wants_keep_alive(&framing, is_http_1_1),
        .expects_continue = framing.expects == 1 && is_http_1_1 && request->content_length > 0,
    };
    return true;
}
