/* GET /livez and GET /readyz: a line for each part, "[+]raft ok" or "[-]raft failed: why". */
#include "aviary/base/clock.h"

#include "handlers.h"
#include "media.h"

enum { HEALTH_DEADLINE_MS = 1000 };

static void append_part(struct buffer *out, const char *name, bool ok, const char *detail) {
    if (ok) {
        buffer_append_format(out, "[+]%s ok\n", name);
    } else {
        buffer_append_format(out, "[-]%s failed: %s\n", name, detail);
    }
}

static void reply(struct call *call, const struct broker_health *health, bool ok) {
    http_response_set_status(call->response, ok ? 200 : 503);
    http_response_content_type(call->response, MEDIA_TEXT);
    struct buffer *out = http_response_body(call->response);
    append_part(out, "coordination", health->coordination_ok, health->detail[0]);
    append_part(out, "raft", health->raft_ok, health->detail[1]);
    append_part(out, "storage", health->storage_ok, health->detail[2]);
}

static void read_health(struct call *call, struct broker_health *ret_health) {
    *ret_health = (struct broker_health){0};
    broker_health(call->api->broker, clock_monotonic_ms() + HEALTH_DEADLINE_MS, ret_health);
}

/* Alive unless it can only be helped by a new start. */
void handle_livez(struct call *call) {
    struct broker_health health;
    read_health(call, &health);
    reply(call, &health, broker_failure(call->api->broker) == NULL);
}

/*
 * Ready where a write could go through. Coordination is told but does not count: with it gone, topics go on
 * serving, and so should whoever sends requests here by this answer.
 */
void handle_readyz(struct call *call) {
    struct broker_health health;
    read_health(call, &health);
    reply(call, &health, health.raft_ok && health.storage_ok && !http_request_is_stopping(call->request));
}
