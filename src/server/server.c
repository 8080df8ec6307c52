#include "server.h"

#include "discovery.h"

#include "aviary/base/thread.h"
#include "aviary/storage.h"
#include "aviary/transport.h"

enum {
    PEER_CONNECTIONS_MAX = 512,
    PEER_CONNECT_TIMEOUT_MS = 1000,
    PEER_SEND_TIMEOUT_MS = 5000,
    PEER_BODY_SLACK = 1024 * 1024,
};

static bool server_is_serving(struct server *server, struct http_response *response) {
    if (atomic_load_explicit(&server->serving, memory_order_acquire)) {
        return true;
    }
    http_response_error(response, 50301, "this broker is starting: try again in a moment");
    http_response_header(response, "Retry-After", "1");
    return false;
}

static void handle_client(void *context, struct http_request *request, struct http_response *response) {
    struct server *server = context;
    if (server_is_serving(server, response)) {
        api_handle(server->api, request, response);
    }
}

static bool peer_is_stream(void *context, const struct http_request *request) {
    (void)context;
    return transport_http_is_stream(request);
}

static void handle_peer(void *context, struct http_request *request, struct http_response *response) {
    struct server *server = context;
    if (!server_is_serving(server, response)) {
        return;
    }
    if (transport_http_is_stream(request)) {
        transport_http_handle(server->transport, request, response);
    } else if (!peer_call_handle(server, request, response)) {
        api_handle_peer(server->api, request, response);
    }
}

static enum status server_tell_unopened(const struct config *config, enum status status,
                                        const struct error *why, struct error *error) {
    if (status != STATUS_CORRUPT || !discovery_is_alone(config)) {
        return error_set(error, status, "%s", why->message);
    }
    return error_set(
        error, status,
        "%.200s. This broker is alone, so nobody else has its records: go on with what can be read "
        "by aviaryd --recover-unsafe all --data %.64s --yes, or move the directory away to begin "
        "empty",
        why->message, config->data);
}

static enum status server_open_storage(struct server *server, struct storage_rocksdb_info *ret_info,
                                       struct error *error) {
    struct storage_rocksdb_options options = {
        .directory = server->config->data,
        .free_bytes_min = server->config->free_bytes_min,
        .block_cache_bytes = server->config->block_cache_bytes,
        /* Nobody else has what is on the disk of a broker alone: it does not begin again, empty, by itself.
         */
        .distrust = discovery_is_alone(server->config) ? STORAGE_DISTRUST_REFUSE : STORAGE_DISTRUST_REPLACE,
    };
    struct storage_rocksdb_info info;
    struct error why;
    enum status status = storage_rocksdb_open(&options, &server->storage, &info, &why);
    if (status != STATUS_OK) {
        return server_tell_unopened(server->config, status, &why, error);
    }
    char disk[UUID_TEXT_SIZE];
    uuid_format(&info.disk_uuid, disk);
    if (info.origin == STORAGE_ORIGIN_REPLACED) {
        log_error("server", "disk replaced", "disk=%s: %s", disk, info.reason);
    } else {
        log_info("server", "disk", "disk=%s %s", disk,
                 info.origin == STORAGE_ORIGIN_NEW ? "new" : "recovered");
    }
    *ret_info = info;
    return STATUS_OK;
}

/* The ports are bound first, since the kernel may choose them and others must be told. */
static enum status server_listen(struct server *server, struct error *error) {
    const struct config *config = server->config;
    struct http_server_options options = {
        .listen = config->listen,
        .connections_max = (unsigned)config->connections_max,
        .body_bytes_max = config->body_bytes_max,
        .body_deadline_ms = (uint32_t)config->body_deadline_ms,
        .idle_timeout_ms = (uint32_t)config->idle_timeout_ms,
    };
    enum status status = http_server_create(&options, handle_client, server, &server->client_server, error);
    if (status != STATUS_OK) {
        return status;
    }
    options.listen = config->peer_listen;
    options.connections_max = PEER_CONNECTIONS_MAX;
    options.body_bytes_max =
        HTTP_BODY_BYTES_MAX + PEER_BODY_SLACK; /* what a broker forwards may have grown by its head */
    options.is_stream = peer_is_stream;
    status = http_server_create(&options, handle_peer, server, &server->peer_server, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = config_advertised(config->advertise, config->listen, http_server_port(server->client_server),
                               server->rest_address, error);
    if (status != STATUS_OK) {
        return status;
    }
    uint16_t peer_port = http_server_port(server->peer_server);
    if (config->peer_advertise[0] || !config->advertise[0]) {
        return config_advertised(config->peer_advertise, config->peer_listen, peer_port, server->peer_address,
                                 error);
    }
    char host[ADDRESS_SIZE_MAX];
    snprintf(host, sizeof host, "%.*s", (int)strcspn(config->advertise, ":"), config->advertise);
    return config_advertised(host, config->peer_listen, peer_port, server->peer_address, error);
}

static enum status server_open_transport(struct server *server, const struct uuid *disk_uuid,
                                         struct error *error) {
    struct transport_http_options options = {
        .identity = {.broker_id = server->config->id, .disk_uuid = *disk_uuid},
        .connect_timeout_ms = PEER_CONNECT_TIMEOUT_MS,
        .send_timeout_ms = PEER_SEND_TIMEOUT_MS,
    };
    enum status status = transport_http_create(&options, &server->transport);
    return status == STATUS_OK ? status : error_set(error, status, "no memory for the transport");
}

static enum status server_open_broker(struct server *server, const struct storage_rocksdb_info *disk,
                                      struct error *error) {
    const struct config *config = server->config;
    struct broker_options options = {
        .id = config->id,
        .expect = config->expect,
        .storage = server->storage,
        .disk_uuid = disk->disk_uuid,
        .founds_nothing = disk->had_another,
        .transport = server->transport,
        .coordination = server->coordination,
        .caller = peer_caller(server),
        .set_peers = transport_http_set_peers,
        .set_identity = transport_http_set_identity,
        .heartbeat_ms = config->heartbeat_ms,
        .election_min_ms = config->election_ms,
        .election_max_ms = 2 * config->election_ms,
        .tail_bytes_max = config->tail_bytes_max,
        .mailbox_bytes_max = config->mailbox_bytes_max,
        .distrust = storage_rocksdb_distrust,
        .scrub_bytes_per_second = config->scrub_bytes_per_second,
        .scrub_interval_ms = config->scrub_interval_s * 1000,
    };
    memcpy(options.rest_address, server->rest_address, sizeof options.rest_address);
    memcpy(options.peer_address, server->peer_address, sizeof options.peer_address);
    enum status status = broker_create(&options, &server->broker, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct transport_listener listener = broker_transport_listener(server->broker);
    transport_http_listen(server->transport, &listener);
    struct api_options api = {
        .broker = server->broker,
        .client = server->client,
        .request_deadline_ms = (uint32_t)config->request_deadline_ms,
        .metrics_sources = {{.context = server, .append = server_append_metrics}},
        .metrics_source_count = 1,
    };
    return api_create(&api, &server->api, error);
}

enum status server_start(struct server *server, const struct config *config, struct error *error) {
    struct storage_rocksdb_info disk;
    *server = (struct server){.config = config};
    enum status status = server_open_storage(server, &disk, error);
    if (status == STATUS_OK) {
        status = server_listen(server, error);
    }
    if (status == STATUS_OK) {
        status = http_client_create(&server->client);
    }
    if (status == STATUS_OK) {
        status = discovery_create(config, error, &server->coordination);
    }
    if (status == STATUS_OK) {
        status = server_open_transport(server, &disk.disk_uuid, error);
    }
    if (status == STATUS_OK) {
        status = server_open_broker(server, &disk, error);
    }
    if (status == STATUS_OK) {
        atomic_store_explicit(&server->serving, true, memory_order_release);
        status = broker_start(server->broker, error);
    }
    if (status == STATUS_OK) {
        log_info("server", "listening", "rest=%s peer=%s", server->rest_address, server->peer_address);
    }
    return status;
}

static void stop_server(void *argument) {
    http_server_destroy(argument);
}

void server_stop(struct server *server) {
    /* Clients are served until others lead; what is under way then is sent on to them. */
    if (server->broker) {
        broker_hand_over(server->broker);
    }
    if (server->client_server) {
        http_server_stop_accepting(server->client_server);
    }
    if (server->broker) {
        broker_stop(server->broker);
    }
    /* Stopping a server takes a second: both side by side. */
    struct thread beside = {.started = false};
    if (server->client_server &&
        thread_start(&beside, "stop", stop_server, server->client_server, NULL) != STATUS_OK) {
        http_server_destroy(server->client_server);
    }
    http_server_destroy(server->peer_server);
    thread_join(&beside);
    coordination_destroy(server->coordination);
    transport_http_destroy(server->transport);
    api_destroy(server->api);
    if (server->storage) { /* its last completions still go to the broker */
        server->storage->operations->destroy(server->storage);
    }
    broker_destroy(server->broker);
    http_client_destroy(server->client);
}
