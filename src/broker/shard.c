#include "broker_private.h"

#include <stdlib.h>

enum { SHARD_STOP_FLUSH_MS = 2000 };

void shard_init(struct shard *shard, struct broker *broker, uint64_t bulk_bytes_max) {
    shard->broker = broker;
    mailbox_init(&shard->mailbox, bulk_bytes_max);
    atomic_init(&shard->stopping, false);
    atomic_init(&shard->beat_ms, 0);
}

void shard_finish(struct shard *shard) {
    node_destroy(shard->node);
    mailbox_finish(&shard->mailbox);
}

static void shard_deliver(struct shard *shard, struct mail *mail) {
    struct node *node = shard->node;
    uint64_t now_ms = shard->now_ms;
    switch (mail->type) {
    case MAIL_MESSAGE:
        node_receive(node, now_ms, &mail->message);
        break;
    case MAIL_PEER_CLOSED:
        node_peer_closed(node, now_ms, mail->peer);
        break;
    case MAIL_PERSISTED:
        node_persisted(node, now_ms, mail->token, mail->status);
        break;
    case MAIL_PROPOSAL:
        node_propose(node, now_ms, clock_wall_ms(), &mail->proposal);
        mail->proposal.blob = NULL;
        break;
    case MAIL_TASK:
        mail->pending->task(shard, mail->pending);
        break;
    }
}

/* Takes what has come until `deadline_ms`, and flushes once for all of it. */
static void shard_turn(struct shard *shard, uint64_t deadline_ms) {
    struct mail *mail = mailbox_take(&shard->mailbox, node_has_work(shard->node) ? 0 : deadline_ms);
    uint64_t now_ms = clock_monotonic_ms();
    shard->now_ms = now_ms;
    while (mail) {
        struct mail *next = mail->next;
        shard_deliver(shard, mail);
        mail_destroy(mail);
        mail = next;
    }
    if (now_ms >= deadline_ms) {
        node_tick(shard->node, now_ms);
    }
    node_flush(shard->node, now_ms);
    atomic_store_explicit(&shard->beat_ms, now_ms, memory_order_relaxed);
}

/*
 * Nothing more is taken; what was written gets a while to become durable, and with it its answer; then
 * everybody who still waits is answered.
 */
static void shard_settle(struct shard *shard) {
    mailbox_close(&shard->mailbox);
    node_checkpoint(shard->node);
    uint64_t give_up_ms = clock_monotonic_ms() + SHARD_STOP_FLUSH_MS;
    do {
        shard_turn(shard, clock_monotonic_ms() + SHARD_TICK_MS);
    } while (node_writes_pending(shard->node) > 0 && clock_monotonic_ms() < give_up_ms);
    node_answer_waiting(shard->node);
}

static void shard_main(void *argument) {
    struct shard *shard = argument;
    uint64_t tick_ms = clock_monotonic_ms();
    while (!atomic_load_explicit(&shard->stopping, memory_order_acquire)) {
        shard_turn(shard, tick_ms);
        uint64_t now_ms = clock_monotonic_ms();
        if (now_ms >= tick_ms) {
            tick_ms = now_ms + SHARD_TICK_MS;
        }
    }
    shard_settle(shard);
}

enum status shard_start(struct shard *shard, struct node *node, struct error *error) {
    shard->node = node;
    atomic_store_explicit(&shard->beat_ms, clock_monotonic_ms(), memory_order_relaxed);
    return thread_start(&shard->thread, "shard", shard_main, shard, error);
}

void shard_stop(struct shard *shard) {
    atomic_store_explicit(&shard->stopping, true, memory_order_release);
    thread_join(&shard->thread);
}

bool shard_run(struct shard *shard, struct broker_pending *pending) {
    struct mail *mail = broker_is_running(shard->broker) ? mail_create(MAIL_TASK) : NULL;
    if (mail == NULL) {
        pending_release(pending);
        return false;
    }
    mail->pending = pending;
    if (mailbox_post(&shard->mailbox, mail) != STATUS_OK) {
        mail_destroy(mail);
        pending_release(pending);
        return false;
    }
    return true;
}

void shard_persisted(void *context, uint64_t token, enum status status) {
    struct broker *broker = context;
    struct mail *mail = mail_create(MAIL_PERSISTED);
    if (mail == NULL) {
        /* Without this completion nothing goes on: the same as a storage that stopped answering. */
        broker_fail(broker, "no memory to take the storage's answer");
        return;
    }
    mail->token = token;
    mail->status = status;
    enum status posted = mailbox_post(&broker->shard.mailbox, mail);
    ASSERT(posted == STATUS_OK); /* the storage's answers are always taken */
}
