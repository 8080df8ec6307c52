#include "http_head_parse.h"

#include <civetweb.h>

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Bytes up to and with the empty line; 0: there is none, or a control character comes before it. */
static size_t head_size(const char *head, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)head[i];
        if (byte < 128 && byte != '\r' && byte != '\n' && !isprint(byte)) {
            return 0;
        }
        if (i + 1 < size && memcmp(head + i, "\n\n", 2) == 0) {
            return i + 2;
        }
        if (i + 3 < size && memcmp(head + i, "\r\n\r\n", 4) == 0) {
            return i + 4;
        }
    }
    return 0;
}

/* Ends the word at `*at` and steps to what follows the white space behind it. */
static bool end_word(char **at, bool ends_line) {
    while (isgraph((unsigned char)**at)) {
        (*at)++;
    }
    if (ends_line ? **at != '\r' && **at != '\n' : **at != ' ') {
        return false;
    }
    do {
        *(*at)++ = '\0';
    } while (isspace((unsigned char)**at));
    return ends_line || isgraph((unsigned char)**at);
}

static bool is_method(const char *method) {
    static const char *const methods[] = {"GET",     "POST",    "PUT",    "DELETE",   "HEAD",
                                          "OPTIONS", "CONNECT", "PATCH",  "PROPFIND", "MKCOL",
                                          "LOCK",    "UNLOCK",  "REPORT", "PROPPATCH"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i], method) == 0) {
            return true;
        }
    }
    return false;
}

/* One line; false where it is no header. `*ret_last`: no other is to be looked for. */
static bool parse_header(char **at, struct mg_header *header, bool *ret_last) {
    char *end = *at;
    while (*end != ':' && *end >= 33 && *end <= 126) {
        end++;
    }
    while (*end == ' ') {
        *end++ = '\0';
    }
    if (*end != ':') {
        return false;
    }
    *end++ = '\0';
    header->name = *at;
    end += strspn(end, " \t");
    header->value = end;
    end += strcspn(end, "\r\n");
    if (*end == '\r') {
        *end++ = '\0';
        if (*end != '\n') {
            return false;
        }
    }
    *ret_last = *end == '\0' || end[1] == '\r' || end[1] == '\n';
    if (*end != '\0') {
        *end++ = '\0';
    }
    *at = end;
    return true;
}

static bool parse_headers(char *at, struct mg_request_info *info) {
    bool last = false;
    while (!last && info->num_headers < MG_MAX_HEADERS) {
        bool none_here = *at == ':' || *at < 33 || *at > 126;
        if (none_here) {
            return true;
        }
        if (!parse_header(&at, &info->http_headers[info->num_headers], &last)) {
            return false;
        }
        info->num_headers++;
    }
    return true;
}

/* Where the path begins, behind the authority of an absolute URI; NULL for what civetweb closes upon. */
static const char *local_path(const char *uri) {
    if (uri[0] == '/' || strncasecmp(uri, "http://", 7) != 0) {
        return uri[0] == '/' ? uri : NULL;
    }
    return strchr(uri + 7, '/');
}

/* Method, target and version; what follows them. NULL where civetweb refuses them. */
static char *parse_request_line(char *at, struct mg_request_info *info) {
    info->request_method = at;
    if (!end_word(&at, false)) {
        return NULL;
    }
    char *uri = at;
    if (!end_word(&at, false)) {
        return NULL;
    }
    info->http_version = at;
    if (!end_word(&at, true) || strncmp(info->http_version, "HTTP/", 5) != 0) {
        return NULL;
    }
    info->http_version += strlen("HTTP/");
    if (strcmp(info->http_version, "1.0") != 0 && strcmp(info->http_version, "1.1") != 0) {
        return NULL;
    }
    info->query_string = strchr(uri, '?');
    if (info->query_string) {
        uri[info->query_string - uri] = '\0';
        info->query_string++;
    }
    info->request_uri = uri;
    info->local_uri_raw = local_path(uri);
    return is_method(info->request_method) && info->local_uri_raw ? at : NULL;
}

const struct mg_request_info *http_head_parse(char *head, size_t size) {
    static struct mg_request_info info;
    while (size > 0 && isspace((unsigned char)*head)) {
        head++;
        size--;
    }
    size_t whole = head_size(head, size);
    if (whole == 0) {
        return NULL;
    }
    head[whole - 1] = '\0';
    info = (struct mg_request_info){0};
    char *headers = parse_request_line(head, &info);
    return headers && parse_headers(headers, &info) ? &info : NULL;
}
