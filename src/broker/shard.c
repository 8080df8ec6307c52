#include "broker_private.h"

#include <stdlib.h>

enum {
    SHARD_STOP_FLUSH_MS = 2000,
    SHARD_TURNS_MAX = 4, /* that another thread takes in a row: it has work of its own */
};

void shard_init(struct shard *shard, struct broker *broker, uint64_t bulk_bytes_max) {
    shard->broker = broker;
    mailbox_init(&shard->mailbox, bulk_bytes_max);
    atomic_init(&shard->stopping, false);
    atomic_init(&shard->writing, false);
    mutex_init(&shard->turn);
    atomic_init(&shard->beat_ms, 0);
}

void shard_finish(struct shard *shard) {
    node_destroy(shard->node);
    mailbox_finish(&shard->mailbox);
    mutex_finish(&shard->turn);
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

/*
 * A turn, with `turn` held: takes what has come, ticks where it is time, and flushes once for all of it.
 * Returns when the next one is due though nothing comes; 0: at once.
 */
static uint64_t shard_take_turn(struct shard *shard, uint64_t bulk_bytes_max) {
    if (!shard->runs) {
        return UINT64_MAX;
    }
    struct mail *mail = mailbox_take(&shard->mailbox, bulk_bytes_max);
    shard->now_ms = clock_monotonic_ms();
    while (mail) {
        struct mail *next = mail->next;
        shard_deliver(shard, mail);
        mail_destroy(mail);
        mail = next;
    }
    /* Whoever has the turn ticks: under load the shard thread might not get it in time. */
    if (shard->now_ms >= shard->tick_ms) {
        node_tick(shard->node, shard->now_ms);
        shard->tick_ms = shard->now_ms + SHARD_TICK_MS;
    }
    node_flush(shard->node, shard->now_ms);
    atomic_store(&shard->writing, node_writes_pending(shard->node) > 0);
    atomic_store_explicit(&shard->beat_ms, shard->now_ms, memory_order_relaxed);
    atomic_store_explicit(&shard->backlog_bytes, node_backlog_bytes(shard->node), memory_order_relaxed);
    return node_has_work(shard->node) ? 0 : shard->tick_ms;
}

void shard_drive(struct shard *shard) {
    for (int turns = 0; turns < SHARD_TURNS_MAX; turns++) {
        if (!mutex_try_lock(&shard->turn)) {
            return; /* whoever has the turn looks into the mailbox after it */
        }
        uint64_t due_ms = shard_take_turn(shard, TURN_BULK_BYTES_MAX);
        mutex_unlock(&shard->turn);
        if (due_ms > 0 && mailbox_items(&shard->mailbox) == 0) {
            return;
        }
    }
    mailbox_wake(&shard->mailbox);
}

void shard_drive_write(struct shard *shard) {
    /* Each write to the storage is answered, and that turn finds what was added before `writing` was read. */
    if (!atomic_load(&shard->writing)) {
        shard_drive(shard);
    }
}

static uint64_t shard_turn(struct shard *shard, uint64_t bulk_bytes_max) {
    mutex_lock(&shard->turn);
    uint64_t due_ms = shard_take_turn(shard, bulk_bytes_max);
    mutex_unlock(&shard->turn);
    return due_ms;
}

/*
 * Nothing more is taken; what was written gets a while to become durable, and with it its answer; then
 * everybody who still waits is answered.
 */
static void shard_settle(struct shard *shard) {
    mailbox_close(&shard->mailbox);
    mutex_lock(&shard->turn);
    node_checkpoint(shard->node);
    mutex_unlock(&shard->turn);
    uint64_t give_up_ms = clock_monotonic_ms() + SHARD_STOP_FLUSH_MS;
    do {
        mailbox_wait(&shard->mailbox,
                     shard_turn(shard, UINT64_MAX)); /* all of it: nothing may be left there */
    } while (atomic_load(&shard->writing) && clock_monotonic_ms() < give_up_ms);
    mutex_lock(&shard->turn);
    node_answer_waiting(shard->node);
    shard->runs = false;
    mutex_unlock(&shard->turn);
}

static void shard_main(void *argument) {
    struct shard *shard = argument;
    while (!atomic_load_explicit(&shard->stopping, memory_order_acquire)) {
        mailbox_wait(&shard->mailbox, shard_turn(shard, TURN_BULK_BYTES_MAX));
    }
    shard_settle(shard);
}

enum status shard_start(struct shard *shard, struct node *node, struct error *error) {
    mutex_lock(&shard->turn);
    shard->node = node;
    shard->runs = true;
    mutex_unlock(&shard->turn);
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
    enum status added = mailbox_add(&broker->shard.mailbox, mail);
    ASSERT(added == STATUS_OK); /* the storage's answers are always taken */
    shard_drive(&broker->shard);
}
