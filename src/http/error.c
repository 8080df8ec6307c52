#include "response.h"

#include "aviary/base/assert.h"
#include "aviary/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

static void append_escaped(struct buffer *buffer, const char *message) {
    for (struct slice rest = slice_of_string(message); rest.size > 0;) {
        size_t size = utf8_sequence_size(rest);
        uint8_t first = rest.data[0];
        if (size == 0) {
            buffer_append_string(buffer, "\\ufffd"); /* the replacement character */
        } else if (first < ' ' || first == 127) {
            buffer_append_format(buffer, "\\u%04x", first);
        } else if (first == '"' || first == '\\') {
            buffer_append(buffer, (const char[]){'\\', (char)first}, 2);
        } else {
            buffer_append(buffer, rest.data, size);
        }
        rest = slice_after(rest, size == 0 ? 1 : size);
    }
}

void http_error_append(struct buffer *buffer, unsigned error_code, const char *message) {
    ASSERT(error_code >= 40000 && error_code <= 59999);
    buffer_append_string(buffer, "{\"error_code\":");
    buffer_append_decimal(buffer, error_code);
    buffer_append_string(buffer, ",\"message\":\"");
    append_escaped(buffer, message);
    buffer_append_string(buffer, "\"}");
}

void http_response_error(struct http_response *response, unsigned error_code, const char *format, ...) {
    char message[ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    http_response_reset(response);
    http_response_set_status(response, error_code / 100);
    http_response_content_type(response, "application/json");
    http_error_append(http_response_body(response), error_code, message);
}

const char *http_status_phrase(unsigned status) {
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {207, "Multi-Status"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].status == status) {
            return phrases[i].phrase;
        }
    }
    return "Unknown";
}
