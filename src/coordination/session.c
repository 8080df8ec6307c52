/* The handle's life: opened, lost, dropped, opened anew. Times are of our own monotonic clock. */
#include "room.h"

#include "aviary/base/clock.h"
#include "aviary/base/log.h"

#include <inttypes.h>

/* Whatever was read before may be stale, and whatever was written may be gone. */
static void look_at_everything(struct room *room, bool is_new_session) {
    layout_renew(room);
    room->cluster.is_known = false;
    room->cluster.was_there = false;
    task_wake(&room->cluster.task);
    task_wake(&room->registration.task);
    task_wake(&room->brokers.task);
    task_wake(&room->controller.task);
    view_review_all(room);
    room->brokers.is_delivered = false;
    room->controller.is_delivered = false;
    if (is_new_session) {
        room->registration.session_id = 0;
    }
}

static void on_connected(struct room *room, const struct client_news *news) {
    struct session *session = &room->session;
    bool is_new_session = news->session_id != session->id;
    bool is_reopened = is_new_session && session->was_connected;

    room->outbox.session_lost = room->outbox.session_lost || session->connected;
    room->outbox.session = true;
    room->outbox.session_state = is_reopened ? COORDINATION_SESSION_REOPENED : COORDINATION_SESSION_CONNECTED;
    session->connected = true;
    session->was_connected = true;
    session->connects = news->connects;
    session->id = news->session_id;
    session->timeout_ms = news->timeout_ms;
    session->backoff_ms = 0;
    room->changed_ms = room->now_ms;
    log_info("coordination", "zookeeper connected", "session=0x%" PRIx64 " new=%d timeout_ms=%u",
             (uint64_t)session->id, is_new_session, session->timeout_ms);
    look_at_everything(room, is_new_session);
}

static void on_disconnected(struct room *room) {
    room->session.connected = false;
    room->session.unconnected_ms = room->now_ms;
    room->changed_ms = room->now_ms;
    room->outbox.session = true;
    room->outbox.session_state = COORDINATION_SESSION_DISCONNECTED;
    if (!room->is_closed) {
        log_warn("coordination", "zookeeper disconnected", "session=0x%" PRIx64, (uint64_t)room->session.id);
    }
}

uint32_t session_look(struct room *room) {
    struct client_news news;
    client_look(room->client, &news);
    struct session *session = &room->session;
    if (!session->is_open) {
        return 0;
    }
    if (news.state == CLIENT_CONNECTED) {
        if (!session->connected || news.connects != session->connects) {
            on_connected(room, &news);
        }
    } else if (session->connected) {
        on_disconnected(room);
    }
    session->has_expired = news.state == CLIENT_EXPIRED;
    return news.fired;
}

static void drop_handle(struct room *room) {
    struct session *session = &room->session;
    if (session->connected) {
        on_disconnected(room);
    }
    session->is_open = false;
    mutex_unlock(&room->lock);
    client_close(room->client);
    mutex_lock(&room->lock);
    room->now_ms = clock_monotonic_ms();
    client_answer(room->client);
    /* At once the first time, later with half of the wait by chance, so that a flock does not come in step.
     */
    uint32_t wait_ms = session->backoff_ms;
    session->reopen_ms = room->now_ms + wait_ms / 2 + prng_below(&room->prng, wait_ms / 2 + 1);
    session->backoff_ms = backoff_next(wait_ms);
}

static void open_handle(struct room *room) {
    struct session *session = &room->session;
    struct error error;
    mutex_unlock(&room->lock);
    enum status status = client_open(room->client, room->connect.hosts, room->timeout_ms, &error);
    mutex_lock(&room->lock);
    room->now_ms = clock_monotonic_ms();
    if (status) {
        room_error(room, "%s", error.message);
        session->backoff_ms = backoff_next(session->backoff_ms);
        session->reopen_ms = room->now_ms + session->backoff_ms;
        return;
    }
    session->is_open = true;
    session->has_expired = false;
    session->unconnected_ms = room->now_ms;
    session->timeout_ms = room->timeout_ms;
}

static bool handle_is_lost(struct room *room) {
    struct session *session = &room->session;
    uint64_t patience_ms = (uint64_t)SESSION_TIMEOUTS_LOST * session->timeout_ms;
    uint64_t oldest_ms = client_oldest_request_ms(room->client);
    if (session->has_expired) {
        log_warn("coordination", "zookeeper session expired", "session=0x%" PRIx64, (uint64_t)session->id);
        return true;
    }
    if (!session->connected && room->now_ms - session->unconnected_ms >= patience_ms) {
        room_error(room, "no connection to %s for %" PRIu64 " ms", room->connect.hosts, patience_ms);
        return true;
    }
    if (oldest_ms < room->now_ms && room->now_ms - oldest_ms >= patience_ms) {
        room_error(room, "no answer from %s for %" PRIu64 " ms", room->connect.hosts, patience_ms);
        return true;
    }
    return false;
}

void session_keep(struct room *room) {
    struct session *session = &room->session;
    if (session->is_open && (room->is_closed || handle_is_lost(room))) {
        drop_handle(room);
    }
    if (!session->is_open && !room->is_closed && !room->is_stopping && room->now_ms >= session->reopen_ms) {
        open_handle(room);
    }
}
