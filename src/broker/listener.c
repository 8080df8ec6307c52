/*
 * What the transport's threads tell: posted, never waited for.
 */
#include "broker_private.h"

static bool listen_message(void *context, struct raft_message *message) {
    struct broker *broker = context;
    struct mail *mail = broker_is_running(broker) ? mail_create(MAIL_MESSAGE) : NULL;
    if (mail == NULL) {
        return false;
    }
    mail->message = *message;
    if (mailbox_add(&broker->shard.mailbox, mail) != STATUS_OK) {
        mail->message = (struct raft_message){0}; /* the caller's again */
        mail_destroy(mail);
        return false;
    }
    return true;
}

static void listen_received(void *context) {
    struct broker *broker = context;
    shard_drive(&broker->shard);
}

static void listen_peer_closed(void *context, raft_id incarnation) {
    struct broker *broker = context;
    struct mail *mail = broker_is_running(broker) ? mail_create(MAIL_PEER_CLOSED) : NULL;
    if (mail == NULL) {
        return; /* an election a little later */
    }
    mail->peer = incarnation;
    if (mailbox_post(&broker->shard.mailbox, mail) != STATUS_OK) {
        mail_destroy(mail);
    }
}

static void listen_hello(void *context, const struct transport_identity *identity) {
    housekeeper_heard(context, identity);
}

struct transport_listener broker_transport_listener(struct broker *broker) {
    return (struct transport_listener){
        .context = broker,
        .on_message = listen_message,
        .on_received = listen_received,
        .on_peer_closed = listen_peer_closed,
        .on_peer_hello = listen_hello,
    };
}
