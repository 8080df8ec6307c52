#include "mailbox.h"

#include <stdlib.h>

static void queue_append(struct mail_queue *queue, struct mail *mail) {
    mail->next = NULL;
    if (queue->last) {
        queue->last->next = mail;
    } else {
        queue->first = mail;
    }
    queue->last = mail;
    queue->count++;
}

static struct mail *queue_remove(struct mail_queue *queue) {
    struct mail *mail = queue->first;
    queue->first = mail->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    queue->count--;
    return mail;
}

void mailbox_init(struct mailbox *mailbox, uint64_t bulk_bytes_max) {
    *mailbox = (struct mailbox){.bulk_bytes_max = bulk_bytes_max};
    mutex_init(&mailbox->mutex);
    condition_init(&mailbox->filled);
}

void mailbox_finish(struct mailbox *mailbox) {
    struct mail *mail = mailbox_take(mailbox, UINT64_MAX);
    while (mail) {
        struct mail *next = mail->next;
        mail_destroy(mail);
        mail = next;
    }
    condition_finish(&mailbox->filled);
    mutex_finish(&mailbox->mutex);
}

struct mail *mail_create(enum mail_type type) {
    struct mail *mail = calloc(1, sizeof *mail);
    if (mail) {
        mail->type = type;
    }
    return mail;
}

void mail_destroy(struct mail *mail) {
    if (mail == NULL) {
        return;
    }
    raft_message_finish(&mail->message);
    blob_release(mail->proposal.blob);
    free(mail);
}

static bool mail_is_bulk(const struct mail *mail) {
    return mail->type == MAIL_PROPOSAL ||
           (mail->type == MAIL_MESSAGE && raft_message_is_bulk(&mail->message));
}

static uint64_t mail_bulk_bytes(const struct mail *mail) {
    return mail->type == MAIL_PROPOSAL ? mail->proposal.blob->size : raft_message_bytes(&mail->message);
}

/* With the mutex held, as mailbox_admit. */
static uint64_t items_of(const struct mailbox *mailbox) {
    return mailbox->prompt.count + mailbox->bulk.count;
}

static enum status mailbox_admit(const struct mailbox *mailbox, const struct mail *mail, uint64_t bytes) {
    if (mail->type == MAIL_PERSISTED) {
        return STATUS_OK;
    }
    if (mailbox->closed) {
        return STATUS_CLOSED;
    }
    /* One always fits an empty mailbox, however large it is. */
    bool fits =
        bytes == 0 || mailbox->bulk_bytes == 0 || mailbox->bulk_bytes + bytes <= mailbox->bulk_bytes_max;
    return fits && items_of(mailbox) < MAILBOX_ITEMS_MAX ? STATUS_OK : STATUS_FULL;
}

enum status mailbox_add(struct mailbox *mailbox, struct mail *mail) {
    uint64_t bytes = mail_bulk_bytes(mail);
    mutex_lock(&mailbox->mutex);
    enum status status = mailbox_admit(mailbox, mail, bytes);
    if (status == STATUS_OK) {
        queue_append(mail_is_bulk(mail) ? &mailbox->bulk : &mailbox->prompt, mail);
        mailbox->bulk_bytes += bytes;
    } else {
        mailbox->dropped_total += status == STATUS_FULL;
    }
    mutex_unlock(&mailbox->mutex);
    return status;
}

void mailbox_wake(struct mailbox *mailbox) {
    mutex_lock(&mailbox->mutex);
    bool signal = mailbox->waiting && !mailbox->woken;
    mailbox->woken = true;
    mutex_unlock(&mailbox->mutex);
    if (signal) {
        condition_signal(&mailbox->filled);
    }
}

enum status mailbox_post(struct mailbox *mailbox, struct mail *mail) {
    enum status status = mailbox_add(mailbox, mail);
    if (status == STATUS_OK) {
        mailbox_wake(mailbox);
    }
    return status;
}

void mailbox_close(struct mailbox *mailbox) {
    mutex_lock(&mailbox->mutex);
    mailbox->closed = true;
    mutex_unlock(&mailbox->mutex);
}

void mailbox_wait(struct mailbox *mailbox, uint64_t deadline_ms) {
    mutex_lock(&mailbox->mutex);
    while (items_of(mailbox) == 0 && !mailbox->woken) {
        mailbox->waiting = true;
        if (!condition_wait_until(&mailbox->filled, &mailbox->mutex, deadline_ms)) {
            break;
        }
    }
    mailbox->waiting = false;
    mailbox->woken = false;
    mutex_unlock(&mailbox->mutex);
}

uint64_t mailbox_items(struct mailbox *mailbox) {
    mutex_lock(&mailbox->mutex);
    uint64_t items = items_of(mailbox);
    mutex_unlock(&mailbox->mutex);
    return items;
}

struct mail *mailbox_take(struct mailbox *mailbox, uint64_t bulk_bytes_max) {
    uint64_t bytes = 0;
    mutex_lock(&mailbox->mutex);
    struct mail_queue taken = mailbox->prompt;
    mailbox->prompt = (struct mail_queue){0};
    while (mailbox->bulk.first && bytes < bulk_bytes_max) {
        struct mail *mail = queue_remove(&mailbox->bulk);
        bytes += mail_bulk_bytes(mail);
        queue_append(&taken, mail);
    }
    mailbox->bulk_bytes -= bytes;
    mutex_unlock(&mailbox->mutex);
    return taken.first;
}
