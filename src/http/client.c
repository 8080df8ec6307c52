#include "aviary/http/client.h"

#include "aviary/base/assert.h"
#include "aviary/base/cleanup.h"
#include "client_pool.h"
#include "curl_start.h"
#include "field.h"
#include "request_head.h"

#include <stdio.h>

enum {
    /* Below the servers' idle timeout, so that we close a kept connection before they do. */
    IDLE_AGE_MAX_S = HTTP_IDLE_TIMEOUT_MS / 1000 / 2,
    RESPONSE_HEADERS_BYTES_MAX = HTTP_RESPONSE_HEAD_BYTES_MAX + 4096,
    WAIT_MS = 1000, /* between two looks at a transfer on which nothing happens */
};

struct http_client {
    struct client_pool pool;
};

/* One request on its way. */
struct transfer {
    struct client_link link;
    const struct http_client_request *request;
    struct http_client_response *response;
    struct curl_slist *headers;
    char message[CURL_ERROR_SIZE];
};

void http_client_response_init(struct http_client_response *response, size_t body_bytes_max) {
    response->status = 0;
    buffer_init(&response->body, body_bytes_max);
    buffer_init(&response->headers, RESPONSE_HEADERS_BYTES_MAX);
}

void http_client_response_finish(struct http_client_response *response) {
    buffer_finish(&response->body);
    buffer_finish(&response->headers);
}

bool http_client_header(const struct http_client_response *response, const char *name,
                        struct slice *ret_value) {
    return field_find(buffer_slice(&response->headers), name, ret_value);
}

enum status http_client_create(struct http_client **ret_client) {
    enum status status = curl_start();
    if (status != STATUS_OK) {
        return status;
    }
    struct http_client *client = malloc(sizeof *client);
    if (!client) {
        return STATUS_NO_MEMORY;
    }
    client_pool_init(&client->pool);
    *ret_client = client;
    return STATUS_OK;
}

void http_client_destroy(struct http_client *client) {
    if (client) {
        client_pool_finish(&client->pool);
        free(client);
    }
}

static size_t on_body(char *data, size_t one, size_t size, void *argument) {
    struct transfer *transfer = argument;
    (void)one;
    buffer_append(&transfer->response->body, data, size);
    return buffer_status(&transfer->response->body) == STATUS_OK ? size : 0;
}

/* Collects the last response's lines: a status line begins a new response, as after "100 Continue". */
static size_t on_header(char *data, size_t one, size_t size, void *argument) {
    struct transfer *transfer = argument;
    struct buffer *headers = &transfer->response->headers;
    (void)one;
    if (size >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        buffer_clear(headers);
    }
    buffer_append(headers, data, size);
    return buffer_status(headers) == STATUS_OK ? size : 0;
}

static void set_body(struct transfer *transfer) {
    CURL *curl = transfer->link.easy;
    const struct http_client_request *request = transfer->request;
    if (request->method == HTTP_METHOD_GET) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
        return;
    }
    const void *body = request->body.size > 0 ? (const void *)request->body.data : "";
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, http_method_name(request->method));
    /* libcurl sends a request again only on a connection that it used before. */
    bool once = !request->resend_allowed && request->method != HTTP_METHOD_OPTIONS;
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, once ? 1L : 0L);
}

static enum status add_header(struct transfer *transfer, const char *line) {
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (!longer) {
        return STATUS_NO_MEMORY;
    }
    transfer->headers = longer;
    return STATUS_OK;
}

static enum status set_headers(struct transfer *transfer) {
    const struct http_client_request *request = transfer->request;
    /* No waiting for "100 Continue", and no type that we did not give. */
    enum status status = add_header(transfer, "Expect:");
    if (status == STATUS_OK) {
        status = add_header(transfer, "Content-Type:");
    }
    for (size_t i = 0; status == STATUS_OK && i < request->header_count; i++) {
        const struct http_pair *header = &request->headers[i];
        _cleanup_free_ char *line = NULL;
        /* libcurl drops a header without a value unless a semicolon stands for the colon. */
        int size = asprintf(&line, "%.*s%s%.*s", (int)header->name.size, (const char *)header->name.data,
                            header->value.size > 0 ? ": " : ";", (int)header->value.size,
                            header->value.size > 0 ? (const char *)header->value.data : "");
        if (size < 0) {
            line = NULL; /* undefined after a failure */
            return STATUS_NO_MEMORY;
        }
        status = add_header(transfer, line);
    }
    curl_easy_setopt(transfer->link.easy, CURLOPT_HTTPHEADER, transfer->headers);
    return status;
}

static enum status set_url(struct transfer *transfer) {
    _cleanup_free_ char *url = NULL;
    if (asprintf(&url, "http://%s%s", transfer->request->authority, transfer->request->target) < 0) {
        url = NULL;
        return STATUS_NO_MEMORY;
    }
    return curl_easy_setopt(transfer->link.easy, CURLOPT_URL, url) == CURLE_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status set_up(struct transfer *transfer) {
    CURL *curl = transfer->link.easy;
    const struct http_client_request *request = transfer->request;
    uint32_t connect_ms = request->connect_timeout_ms ? request->connect_timeout_ms : HTTP_CONNECT_TIMEOUT_MS;
    curl_easy_reset(curl); /* forgets options, keeps the connection */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)IDLE_AGE_MAX_S);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->message);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    set_body(transfer);
    enum status status = set_url(transfer);
    return status == STATUS_OK ? set_headers(transfer) : status;
}

static bool was_sent(CURL *curl) {
    long sent = 0;
    return curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent) != CURLE_OK || sent > 0;
}

static enum status status_of(const struct transfer *transfer, CURLcode code) {
    switch ((int)code) {
    case CURLE_OK:
        return STATUS_OK;
    case CURLE_URL_MALFORMAT:
        return STATUS_INVALID;
    case CURLE_OUT_OF_MEMORY:
        return was_sent(transfer->link.easy) ? STATUS_UNKNOWN : STATUS_NO_MEMORY;
    case CURLE_OPERATION_TIMEDOUT:
        return was_sent(transfer->link.easy) ? STATUS_UNKNOWN : STATUS_TIMEOUT;
    case CURLE_WRITE_ERROR:
        if (buffer_status(&transfer->response->body) != STATUS_OK) {
            return buffer_status(&transfer->response->body) == STATUS_TOO_LARGE ? STATUS_TOO_LARGE
                                                                                : STATUS_UNKNOWN;
        }
        return buffer_status(&transfer->response->headers) == STATUS_TOO_LARGE ? STATUS_TOO_LARGE
                                                                               : STATUS_UNKNOWN;
    default:
        return was_sent(transfer->link.easy) ? STATUS_UNKNOWN : STATUS_UNAVAILABLE;
    }
}

/* As the deadline's end: what was sent may have been done. */
static bool is_unwanted(const struct http_client_request *request) {
    return request->is_unwanted && request->is_unwanted(request->context);
}

/* What became of the transfer once libcurl has no more to do with it. */
static CURLcode result_of(CURLM *multi) {
    int left;
    const struct CURLMsg *told = curl_multi_info_read(multi, &left);
    return told && told->msg == CURLMSG_DONE ? told->data.result : CURLE_OUT_OF_MEMORY;
}

/* As curl_easy_perform, which looks up from its waiting only once a second. */
static CURLcode transfer_all(const struct transfer *transfer) {
    CURLM *multi = transfer->link.multi;
    int wait_ms = transfer->request->is_unwanted ? HTTP_CLIENT_LOOK_MS : WAIT_MS;
    int running = 0;
    for (;;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            return CURLE_OUT_OF_MEMORY;
        }
        if (running == 0) {
            return result_of(multi);
        }
        int ready = 0;
        if (curl_multi_poll(multi, NULL, 0, wait_ms, &ready) != CURLM_OK) {
            return CURLE_OUT_OF_MEMORY;
        }
        if (ready == 0 && is_unwanted(transfer->request)) {
            return CURLE_OPERATION_TIMEDOUT;
        }
    }
}

/*
 * Where the connection ends too soon, libcurl takes for whole what it has of the head, and any body that came
 * without a length. Servers of ours always send one.
 */
static bool is_whole(const struct http_client_response *response, long http_status) {
    static const char end[] = {'\r', '\n', '\r', '\n'};
    struct slice head = buffer_slice(&response->headers);
    struct slice value;
    if (head.size < sizeof end || memcmp(head.data + head.size - sizeof end, end, sizeof end) != 0) {
        return false;
    }
    return http_status == 204 || http_client_header(response, "Content-Length", &value) ||
           http_client_header(response, "Transfer-Encoding", &value);
}

static enum status run(struct transfer *transfer, struct error *error) {
    struct http_client_response *response = transfer->response;
    buffer_clear(&response->body);
    buffer_clear(&response->headers);
    if (curl_multi_add_handle(transfer->link.multi, transfer->link.easy) != CURLM_OK) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a request");
    }
    CURLcode code = transfer_all(transfer);
    enum status status = status_of(transfer, code);
    long http_status = 0;
    curl_easy_getinfo(transfer->link.easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_multi_remove_handle(transfer->link.multi, transfer->link.easy);
    if (status != STATUS_OK) {
        return error_set(error, status, "%s: %s", transfer->request->authority,
                         transfer->message[0] != '\0' ? transfer->message : curl_easy_strerror(code));
    }
    if (!is_whole(response, http_status)) {
        return error_set(error, STATUS_UNKNOWN, "%s: the answer was cut off", transfer->request->authority);
    }
    response->status = (unsigned)http_status;
    return STATUS_OK;
}

enum status http_client_perform(struct http_client *client, const struct http_client_request *request,
                                struct http_client_response *response, struct error *error) {
    ASSERT(request->timeout_ms > 0);
    enum status status = request_head_check(request->authority, request->target, request->headers,
                                            request->header_count, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (request->method == HTTP_METHOD_GET && request->body.size > 0) {
        return error_set(error, STATUS_INVALID, "a GET takes no body");
    }
    struct transfer transfer = {.request = request, .response = response};
    if (!client_pool_take(&client->pool, request->authority, &transfer.link)) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a request");
    }
    status = set_up(&transfer);
    status =
        status == STATUS_OK ? run(&transfer, error) : error_set(error, status, "no memory for a request");
    curl_slist_free_all(transfer.headers);
    if (status == STATUS_OK) {
        client_pool_give(&client->pool, &transfer.link, request->authority);
    } else {
        client_link_close(&transfer.link);
    }
    return status;
}
