#include "mailbox.h"

#include <stdlib.h>

void mailbox_init(struct mailbox *mailbox, uint64_t bulk_bytes_max) {
    *mailbox = (struct mailbox){.bulk_bytes_max = bulk_bytes_max};
    mutex_init(&mailbox->mutex);
    condition_init(&mailbox->filled);
}

void mailbox_finish(struct mailbox *mailbox) {
    while (mailbox->first) {
        struct mail *mail = mailbox->first;
        mailbox->first = mail->next;
        mail_destroy(mail);
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

static uint64_t mail_bulk_bytes(const struct mail *mail) {
    if (mail->type == MAIL_PROPOSAL) {
        return mail->proposal.blob->size;
    }
    uint64_t bytes = 0;
    if (mail->type == MAIL_MESSAGE) {
        for (size_t i = 0; i < mail->message.entry_count; i++) {
            bytes += mail->message.entries[i].blob->size;
        }
        bytes += blob_slice(mail->message.data).size;
    }
    return bytes;
}

/* With the mutex held. */
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
    return fits && mailbox->items < MAILBOX_ITEMS_MAX ? STATUS_OK : STATUS_FULL;
}

enum status mailbox_add(struct mailbox *mailbox, struct mail *mail) {
    uint64_t bytes = mail_bulk_bytes(mail);
    mutex_lock(&mailbox->mutex);
    enum status status = mailbox_admit(mailbox, mail, bytes);
    if (status == STATUS_OK) {
        mail->next = NULL;
        if (mailbox->last) {
            mailbox->last->next = mail;
        } else {
            mailbox->first = mail;
        }
        mailbox->last = mail;
        mailbox->items++;
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
    while (mailbox->first == NULL && !mailbox->woken) {
        mailbox->waiting = true;
        if (!condition_wait_until(&mailbox->filled, &mailbox->mutex, deadline_ms)) {
            break;
        }
    }
    mailbox->waiting = false;
    mailbox->woken = false;
    mutex_unlock(&mailbox->mutex);
}

bool mailbox_is_empty(struct mailbox *mailbox) {
    mutex_lock(&mailbox->mutex);
    bool empty = mailbox->first == NULL;
    mutex_unlock(&mailbox->mutex);
    return empty;
}

struct mail *mailbox_take(struct mailbox *mailbox) {
    mutex_lock(&mailbox->mutex);
    struct mail *mail = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = NULL;
    mailbox->items = 0;
    mailbox->bulk_bytes = 0;
    mutex_unlock(&mailbox->mutex);
    return mail;
}
