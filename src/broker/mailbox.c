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
    uint64_t bytes = 0;
    if (mail->type == MAIL_MESSAGE) {
        for (size_t i = 0; i < mail->message.entry_count; i++) {
            bytes += mail->message.entries[i].blob->size;
        }
        bytes += blob_slice(mail->message.data).size;
    }
    return bytes;
}

bool mailbox_post(struct mailbox *mailbox, struct mail *mail) {
    uint64_t bytes = mail_bulk_bytes(mail);
    mutex_lock(&mailbox->mutex);
    /* One message always fits an empty mailbox, however large it is. */
    bool fits =
        bytes == 0 || mailbox->bulk_bytes == 0 || mailbox->bulk_bytes + bytes <= mailbox->bulk_bytes_max;
    bool wake = false;
    if (fits) {
        mail->next = NULL;
        if (mailbox->last) {
            mailbox->last->next = mail;
        } else {
            mailbox->first = mail;
        }
        mailbox->last = mail;
        mailbox->items++;
        mailbox->bulk_bytes += bytes;
        wake = mailbox->waiting;
        mailbox->waiting = false;
    } else {
        mailbox->dropped_total++;
    }
    mutex_unlock(&mailbox->mutex);
    if (wake) {
        condition_signal(&mailbox->filled);
    }
    return fits;
}

struct mail *mailbox_take(struct mailbox *mailbox, uint64_t deadline_ms) {
    mutex_lock(&mailbox->mutex);
    while (mailbox->first == NULL) {
        mailbox->waiting = true;
        if (!condition_wait_until(&mailbox->filled, &mailbox->mutex, deadline_ms)) {
            break;
        }
    }
    struct mail *mail = mailbox->first;
    mailbox->waiting = false;
    mailbox->first = NULL;
    mailbox->last = NULL;
    mailbox->items = 0;
    mailbox->bulk_bytes = 0;
    mutex_unlock(&mailbox->mutex);
    return mail;
}
