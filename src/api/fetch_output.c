#include "fetch_output.h"

#include "aviary/base/cleanup.h"
#include "aviary/base/utf8.h"

#include "text.h"

void fetch_output_begin(struct fetch_output *output, enum fetch_format format, struct buffer *out,
                        enum json_layout layout, int64_t offset, uint32_t limit, size_t bytes_max) {
    *output = (struct fetch_output){
        .format = format, .out = out, .limit = limit, .bytes_max = bytes_max, .next_offset = offset};
    if (format == FETCH_JSON) {
        json_writer_init(&output->writer, out, layout);
        json_begin_array(&output->writer);
    }
}

void fetch_output_end(struct fetch_output *output) {
    if (output->format == FETCH_JSON) {
        json_end_array(&output->writer);
    }
}

bool fetch_output_has_room(const struct fetch_output *output) {
    return !output->full && output->limit > 0 && output->bytes_max > 0;
}

static void write_base64(struct json_writer *writer, struct slice bytes) {
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, writer->out->size_max);
    buffer_append_u8(&text, '"');
    text_append_base64(&text, bytes);
    buffer_append_u8(&text, '"');
    if (buffer_status(&text) != STATUS_OK) {
        writer->out->status = buffer_status(&text); /* the reply fails as a whole */
        return;
    }
    json_raw(writer, buffer_slice(&text));
}

/* A key or a value, which may be null; true where it had to be written in base64. */
static bool write_nullable(struct json_writer *writer, const char *name, bool present, struct slice bytes) {
    bool plain = !present || utf8_valid(bytes);
    json_key(writer, name);
    if (!present) {
        json_null(writer);
    } else if (plain) {
        json_string(writer, bytes);
    } else {
        write_base64(writer, bytes);
    }
    return !plain;
}

static void write_encoding(struct json_writer *writer, const char *name, bool base64) {
    if (base64) {
        json_key(writer, name);
        json_string_z(writer, "base64");
    }
}

static bool headers_are_plain(const struct record *record) {
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        if (!utf8_valid(header->key) || (header->has_value && !utf8_valid(header->value))) {
            return false;
        }
    }
    return true;
}

static void write_header_base64(struct json_writer *writer, const struct record_header *header) {
    _cleanup_buffer_ struct buffer name;
    buffer_init(&name, writer->out->size_max);
    text_append_base64(&name, header->key);
    json_key_slice(writer, buffer_slice(&name));
    if (header->has_value) {
        write_base64(writer, header->value);
    } else {
        json_null(writer);
    }
}

static void write_headers(struct json_writer *writer, const struct record *record) {
    bool plain = headers_are_plain(record);
    json_key(writer, "headers");
    json_begin_object(writer);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        if (!plain) {
            write_header_base64(writer, header);
        } else {
            json_key_slice(writer, header->key);
            if (header->has_value) {
                json_string(writer, header->value);
            } else {
                json_null(writer);
            }
        }
    }
    json_end_object(writer);
    write_encoding(writer, "headers_encoding", !plain);
}

void fetch_write_record(struct json_writer *writer, const struct record *record) {
    json_begin_object(writer);
    json_key(writer, "offset");
    json_int64(writer, record->offset);
    json_key(writer, "timestamp");
    json_int64(writer, record->timestamp_ms);
    bool key_base64 = write_nullable(writer, "key", record->has_key, record->key);
    write_encoding(writer, "key_encoding", key_base64);
    bool value_base64 = write_nullable(writer, "value", record->has_value, record->value);
    write_encoding(writer, "encoding", value_base64);
    write_headers(writer, record);
    json_end_object(writer);
}

static void write_record(struct fetch_output *output, const struct record *record) {
    struct json_writer line;
    switch (output->format) {
    case FETCH_JSON:
        fetch_write_record(&output->writer, record);
        return;
    case FETCH_NDJSON:
        json_writer_init(&line, output->out, JSON_COMPACT);
        fetch_write_record(&line, record);
        buffer_append_u8(output->out, '\n');
        return;
    case FETCH_RAW:
        buffer_append_slice(output->out, record->value);
        buffer_append_u8(output->out, '\n');
        return;
    case FETCH_BATCH:
        break;
    }
    ASSERT(output->format != FETCH_BATCH);
}

static size_t size_of(const struct record *record) {
    size_t size = record->key.size + record->value.size;
    for (uint32_t i = 0; i < record->header_count; i++) {
        size += record->headers[i].key.size + record->headers[i].value.size;
    }
    return size;
}

/* Whether so much more goes in; then it is counted. */
static bool take(struct fetch_output *output, size_t size, uint32_t count) {
    if (output->limit == 0 || (output->count > 0 && size > output->bytes_max)) {
        output->full = true;
        return false;
    }
    output->limit -= count < output->limit ? count : output->limit;
    output->bytes_max -= size < output->bytes_max ? size : output->bytes_max;
    output->count += count;
    return true;
}

static enum status write_records(struct fetch_output *output, const struct record_batch_view *view,
                                 struct record_iterator *iterator, struct error *error) {
    enum status status = STATUS_OK;
    if (output->next_offset > view->base_offset) {
        status = record_iterator_skip(iterator, (uint32_t)(output->next_offset - view->base_offset), error);
    }
    while (status == STATUS_OK && !output->full) {
        struct record record;
        status = record_iterator_next(iterator, &record, error);
        if (status == STATUS_OK && take(output, size_of(&record), 1)) {
            write_record(output, &record);
            output->next_offset = record.offset + 1;
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status fetch_output_batch(struct fetch_output *output, struct slice batch, struct buffer *scratch,
                               struct error *error) {
    struct record_batch_view view;
    struct record_iterator iterator;
    if (output->format == FETCH_BATCH) {
        enum status status = record_batch_decode(batch, &view, error);
        if (status == STATUS_OK && take(output, batch.size, view.count)) {
            buffer_append_slice(output->out, batch);
            output->next_offset = view.base_offset + view.count;
        }
        return status;
    }
    enum status status = read_open_batch(batch, scratch, &view, &iterator, error);
    return status == STATUS_OK ? write_records(output, &view, &iterator, error) : status;
}
