/* /brokers/topics/T and /config/topics/T: read, compared, written under the fence of the controller's epoch.
 */
#include "room.h"

#include "aviary/base/assert.h"
#include "view_fence.h"

#include <inttypes.h>
#include <stdio.h>

/* The partitions of a topic of the same name, deleted and made anew with fewer while nobody looked. */
static void on_partitions(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    for (size_t i = 0; i < answer->name_count; i++) {
        uint64_t partition;
        bool belongs = !epoch_node_decode(slice_of_string(answer->names[i]), &partition) &&
                       partition < entry->partition_count;
        path_text path;
        int size = snprintf(path, sizeof path, "%s/partitions/%s", entry->path, answer->names[i]);
        bool fits = size > 0 && (size_t)size < sizeof path;
        if (!belongs && fits && !view_put_absent(room, path)) {
            view_retry(room, entry);
            return;
        }
    }
    view_settle(room, entry);
}

static void check_partitions(struct room *room, struct desired *entry) {
    path_text path;
    if (entry->kind == DESIRED_CONFIG) {
        view_settle(room, entry);
        return;
    }
    int size = snprintf(path, sizeof path, "%s/partitions", entry->path);
    ASSERT(size > 0 && (size_t)size < sizeof path);
    view_sent(room, entry, client_children(room->client, path, WATCH_NONE, on_partitions, entry));
}

static void on_written(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    if (answer->outcome == OUTCOME_OK) {
        check_partitions(room, entry);
    } else if (answer->failed_operation == 0) {
        view_lost_fence(room);
        view_retry(room, entry);
    } else if (answer->outcome == OUTCOME_NO_NODE) {
        layout_renew(room);
        view_retry(room, entry);
    } else {
        view_again(room, entry);
    }
}

static void send_write(struct room *room, struct desired *entry, enum operation_type type, int32_t version) {
    path_text fence_path;
    struct operation operations[2];
    if (!view_fence(room, fence_path, &operations[0])) {
        view_retry(room, entry);
        return;
    }
    operations[1] = (struct operation){
        .type = type, .path = entry->path, .data = blob_slice(entry->data), .version = version};
    view_sent(room, entry, client_write(room->client, operations, 2, on_written, entry));
}

static void on_read(void *context, const struct answer *answer) {
    struct desired *entry = context;
    struct room *room = entry->owner;
    if (!view_resume(room, entry, answer)) {
        return;
    }
    if (answer->outcome == OUTCOME_NO_NODE) {
        send_write(room, entry, OPERATION_CREATE, 0);
    } else if (!slice_equal(answer->data, blob_slice(entry->data))) {
        send_write(room, entry, OPERATION_SET, answer->version);
    } else {
        check_partitions(room, entry);
    }
}

void view_topic_begin(struct room *room, struct desired *entry) {
    view_sent(room, entry, client_get(room->client, entry->path, WATCH_NONE, on_read, entry));
}
