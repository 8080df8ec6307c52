/* Messages from the replica here. */
#include "simple.h"

#include "simple_message.h"

/* One pass over records, from an offset on; `see` says false to stop. */
struct scan {
    struct call *call;
    uint64_t group;
    int64_t next_offset; /* what is not looked at yet */
    int64_t end_offset;  /* not beyond */
    const struct simple_query *query;
    bool (*see)(struct scan *scan, const struct record *record, const struct simple_message *message);
    struct json_writer *writer; /* of the pass that writes */
    uint32_t left;              /* messages still to write */
    int64_t *matches;           /* of the pass that looks for the newest: their offsets */
    size_t match_count;
};

enum {
    WINDOW_RECORDS = 1000,
    SCAN_BYTES = 1024 * 1024,
    SIMPLE_MESSAGE_BYTES = 1024, /* a guess at what one takes */
};

static bool matches(const struct simple_query *query, const struct simple_message *message) {
    return (query->sender == NULL || slice_equal(*query->sender, message->sender)) &&
           (query->recipient == NULL || slice_equal(*query->recipient, message->recipient));
}

/* False: stopped, or the end is reached. */
static bool scan_record(struct scan *scan, const struct record *record) {
    if (record->offset >= scan->end_offset) {
        return false;
    }
    _cleanup_json_ struct json *json = NULL;
    struct simple_message message;
    simple_message_read(record, &json, &message);
    if (matches(scan->query, &message) && !scan->see(scan, record, &message)) {
        return false;
    }
    scan->next_offset = record->offset + 1;
    return true;
}

static enum status scan_batch(struct scan *scan, struct slice batch, struct buffer *scratch,
                              bool *ret_stopped) {
    struct record_batch_view view;
    struct record_iterator iterator;
    enum status status = read_open_batch(batch, scratch, &view, &iterator, NULL);
    if (status == STATUS_OK && scan->next_offset > view.base_offset) {
        status = record_iterator_skip(&iterator, (uint32_t)(scan->next_offset - view.base_offset), NULL);
    }
    while (status == STATUS_OK && !*ret_stopped) {
        struct record record;
        status = record_iterator_next(&iterator, &record, NULL);
        *ret_stopped = status == STATUS_OK && !scan_record(scan, &record);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* From next_offset to end_offset, or until it is stopped. */
static enum status scan_run(struct scan *scan) {
    _cleanup_buffer_ struct buffer scratch;
    buffer_init(&scratch, RECORD_BATCH_UNPACKED_MAX);
    bool stopped = false;
    while (!stopped && scan->next_offset < scan->end_offset) {
        struct broker_fetch_request request = {
            .group = scan->group, .offset = scan->next_offset, .bytes_max = SCAN_BYTES};
        struct broker_fetch_result result = {0};
        enum status status = broker_fetch(scan->call->api->broker, &request, &result);
        stopped = result.entries.count == 0;
        for (size_t i = 0; status == STATUS_OK && i < result.entries.count && !stopped; i++) {
            status = scan_batch(scan, entry_payload(blob_slice(result.entries.entries[i].blob)), &scratch,
                                &stopped);
        }
        storage_entries_finish(&result.entries);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static bool note_match(struct scan *scan, const struct record *record, const struct simple_message *message) {
    (void)message;
    scan->matches[scan->match_count++] = record->offset;
    return true;
}

/*
 * Where the newest `limit` messages begin: window by window from the end, and no further back than
 * SIMPLE_SCAN_RECORDS_MAX records.
 */
static enum status find_newest(const struct scan *scan, int64_t low, int64_t high, int64_t *ret_offset) {
    int64_t window[WINDOW_RECORDS];
    uint32_t wanted = scan->query->limit;
    int64_t lowest = high - low > SIMPLE_SCAN_RECORDS_MAX ? high - SIMPLE_SCAN_RECORDS_MAX : low;
    if (scan->query->sender == NULL && scan->query->recipient == NULL) {
        *ret_offset = high - low > wanted ? high - wanted : low;
        return STATUS_OK;
    }
    struct scan search = *scan;
    search.see = note_match;
    search.matches = window;
    while (high > lowest) {
        search.end_offset = high;
        search.next_offset = high - lowest > WINDOW_RECORDS ? high - WINDOW_RECORDS : lowest;
        high = search.next_offset;
        search.match_count = 0;
        enum status status = scan_run(&search);
        if (status != STATUS_OK) {
            return status;
        }
        if (search.match_count >= wanted) {
            *ret_offset = window[search.match_count - wanted];
            return STATUS_OK;
        }
        wanted -= (uint32_t)search.match_count;
    }
    *ret_offset = lowest;
    return STATUS_OK;
}

static bool show_match(struct scan *scan, const struct record *record, const struct simple_message *message) {
    /* Whoever wants more asks for what comes after next_after. */
    if (scan->left == 0 || http_response_body_size(scan->call->response) >= FETCH_BYTES_MAX) {
        return false;
    }
    simple_message_show(scan->writer, record->offset + 1, message);
    scan->left--;
    return true;
}

/* `position`: of the replica. What is written is from scan->next_offset on. */
static enum status write_from(struct scan *scan, const struct broker_partition_position *position) {
    int64_t looked_at_most = scan->next_offset + SIMPLE_SCAN_RECORDS_MAX;
    scan->see = show_match;
    scan->end_offset = looked_at_most < position->high_watermark ? looked_at_most : position->high_watermark;
    return scan_run(scan);
}

static enum status find_start(struct scan *scan, const struct broker_partition_position *position) {
    const struct simple_query *query = scan->query;
    int64_t start = query->after; /* seq = offset + 1: the record behind seq N has offset N */
    enum status status = STATUS_OK;
    if (!query->has_after) {
        status = find_newest(scan, position->log_start_offset, position->high_watermark, &start);
    }
    scan->next_offset = start > position->log_start_offset ? start : position->log_start_offset;
    return status;
}

static void write_messages(struct call *call, uint64_t group, const struct simple_query *query) {
    struct broker_partition_position position;
    struct json_writer writer;
    struct scan scan = {
        .call = call, .group = group, .query = query, .writer = &writer, .left = query->limit};
    if (!broker_partition_position(call->api->broker, group, &position)) {
        call_fail(call, ERROR_UNAVAILABLE,
                  "this broker has no replica of the messages, and their leader is not known: try again");
        return;
    }
    call->term = position.term;
    enum status status = find_start(&scan, &position);
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "messages");
    json_begin_array(&writer);
    if (status == STATUS_OK) {
        status = write_from(&scan, &position);
    }
    json_end_array(&writer);
    json_key(&writer, "next_after");
    json_int64(&writer, scan.next_offset);
    json_end_object(&writer);
    if (status != STATUS_OK) {
        struct broker_fetch_result bounds = {.log_start_offset = position.log_start_offset,
                                             .high_watermark = position.high_watermark};
        (void)read_fail(call, status, scan.next_offset, &bounds);
    }
}

void simple_write_messages(struct call *call, uint64_t group, const struct simple_query *query) {
    struct places *place = call_take_place(call, (size_t)query->limit * SIMPLE_MESSAGE_BYTES);
    if (place) {
        write_messages(call, group, query);
        http_response_set_repeatable(call->response);
        call_give_place(call, place);
    }
}
