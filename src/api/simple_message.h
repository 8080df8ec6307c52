/* One message of the simple dialect, as it stands in a record's value. */
#ifndef API_SIMPLE_MESSAGE_H
#define API_SIMPLE_MESSAGE_H

#include "aviary/json.h"
#include "aviary/record.h"

struct simple_message {
    struct slice msg_id;
    struct slice sender;
    struct slice recipient;
    struct slice payload;
    int64_t ts; /* milliseconds since 1970-01-01 UTC */
};

/*
 * Reads what a client sends: `payload`, and whatever else of a message it says; the rest stays as the caller
 * filled it in. `*ret_has_ts` where it said its ts. INVALID, also for a field that no message has; `message`
 * is undefined then. Its slices live as long as the document.
 */
enum status simple_message_take(const struct json *body, struct simple_message *message, bool *ret_has_ts,
                                struct error *error) AVIARY_MUST_USE;

/* Appends the record's value. */
void simple_message_write(const struct simple_message *message, struct buffer *out);

/*
 * Reads a record. One that the native API wrote, whose value is no such object, stands for a message of its
 * own: payload = its value, sender "unknown", recipient "all", msg_id = its key. `ret_json` keeps the slices:
 * destroy it.
 */
void simple_message_read(const struct record *record, struct json **ret_json,
                         struct simple_message *ret_message);

/* {"seq","msg_id","sender","recipient","payload","ts"}; a payload that is no UTF-8 in base64, with
 * "encoding". */
void simple_message_show(struct json_writer *writer, int64_t seq, const struct simple_message *message);

#endif
