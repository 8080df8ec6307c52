#include "sorter.h"

#include "aviary/json.h"

#include <stdlib.h>

#include "text.h"

enum status sorter_init(struct sorter *sorter, const struct partition_choice *choice, int64_t now_ms) {
    *sorter = (struct sorter){.choice = choice, .now_ms = now_ms};
    buffer_init(&sorter->line_partitions, sizeof(uint16_t) * (HTTP_BODY_BYTES_MAX + 1));
    buffer_init(&sorter->line_numbers, sizeof(uint32_t) * (HTTP_BODY_BYTES_MAX + 1));
    buffer_init(&sorter->scratch, HTTP_BODY_BYTES_MAX + 1);
    sorter->batches = calloc(choice->partition_count, sizeof(struct sorted_batch *));
    sorter->positions = calloc(choice->partition_count, sizeof(uint32_t));
    return sorter->batches && sorter->positions ? STATUS_OK : STATUS_NO_MEMORY;
}

void sorter_finish(struct sorter *sorter) {
    for (size_t i = 0; i < sorter->batch_count; i++) {
        buffer_finish(&sorter->batches[i]->bytes);
        free(sorter->batches[i]);
    }
    free(sorter->batches);
    free(sorter->positions);
    buffer_finish(&sorter->line_partitions);
    buffer_finish(&sorter->line_numbers);
    buffer_finish(&sorter->scratch);
    *sorter = (struct sorter){0};
}

static struct sorted_batch *batch_of(struct sorter *sorter, uint32_t partition) {
    uint32_t *position = &sorter->positions[partition];
    if (*position == 0) {
        struct sorted_batch *batch = calloc(1, sizeof *batch);
        if (batch == NULL) {
            return NULL;
        }
        batch->partition = partition;
        buffer_init(&batch->bytes, RECORD_BATCH_BYTES_MAX);
        record_batch_builder_init(&batch->builder, &batch->bytes);
        sorter->batches[sorter->batch_count++] = batch;
        *position = (uint32_t)sorter->batch_count;
    }
    return sorter->batches[*position - 1];
}

/* `partition` UINT32_MAX: the record names none. */
static enum status add(struct sorter *sorter, const struct record *record, uint32_t partition,
                       uint32_t line_number, struct error *error) {
    const struct partition_choice *choice = sorter->choice;
    if (partition == UINT32_MAX) {
        partition = choice->parameters->has_partition
                        ? choice->parameters->partition
                        : partition_choose(choice, record->has_key, record->key, line_number - 1);
    }
    if (partition >= choice->partition_count) {
        return error_set(error, STATUS_OUT_OF_RANGE, "line %u: there is no partition %u, only 0 to %u",
                         line_number, partition, choice->partition_count - 1);
    }
    struct sorted_batch *batch = batch_of(sorter, partition);
    if (batch == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for the records");
    }
    struct error detail = {0};
    enum status status = record_batch_builder_add(&batch->builder, record, &detail);
    if (status != STATUS_OK) {
        return error_set(error, status, "line %u: %s; send fewer or smaller records in one request",
                         line_number, detail.message);
    }
    batch->count++;
    buffer_append_u16(&sorter->line_partitions, (uint16_t)partition);
    buffer_append_u32(&sorter->line_numbers, line_number);
    return STATUS_OK;
}

static enum status add_value(struct sorter *sorter, struct slice line, uint32_t line_number,
                             struct error *error) {
    const struct parameters *parameters = sorter->choice->parameters;
    struct record record = {
        .has_key = parameters->has_key,
        .key = parameters->key,
        .has_value = true,
        .value = line,
        .timestamp_ms = parameters->has_timestamp ? parameters->timestamp_ms : sorter->now_ms,
    };
    return add(sorter, &record, UINT32_MAX, line_number, error);
}

static enum status add_record(struct sorter *sorter, struct slice line, uint32_t line_number,
                              struct error *error) {
    const struct parameters *parameters = sorter->choice->parameters;
    struct json_line parsed;
    struct error detail = {0};
    enum status status = json_line_parse(line, &sorter->scratch, &parsed, &detail);
    if (status != STATUS_OK) {
        return error_set(error, status == STATUS_NO_MEMORY ? status : STATUS_INVALID, "line %u: %s",
                         line_number, detail.message);
    }
    struct record_header headers[RECORD_HEADERS_MAX];
    for (uint32_t i = 0; i < parsed.header_count; i++) {
        headers[i] = (struct record_header){.key = parsed.headers[i].key,
                                            .value = parsed.headers[i].value,
                                            .has_value = parsed.headers[i].has_value};
    }
    int64_t default_timestamp_ms = parameters->has_timestamp ? parameters->timestamp_ms : sorter->now_ms;
    struct record record = {
        .has_key = parsed.has_key || parameters->has_key,
        .key = parsed.has_key ? parsed.key : parameters->key,
        .has_value = parsed.has_value,
        .value = parsed.value,
        .timestamp_ms = parsed.has_timestamp ? parsed.timestamp_ms : default_timestamp_ms,
        .headers = headers,
        .header_count = parsed.header_count,
    };
    return add(sorter, &record, parsed.has_partition ? parsed.partition : UINT32_MAX, line_number, error);
}

/* A value ends at "\n": a "\r" before it is the value's own. */
static bool split_value(struct slice *rest, struct slice *ret_line) {
    return text_split(rest, '\n', ret_line);
}

static bool is_blank_line(struct slice line) {
    return text_trim(line).size == 0;
}

enum status sorter_take(struct sorter *sorter, struct slice body, bool values_only, struct error *error) {
    struct slice line;
    uint32_t line_number = 0;
    while (values_only ? split_value(&body, &line) : json_line_split(&body, &line)) {
        line_number++;
        enum status status = STATUS_OK;
        if (values_only) {
            status = add_value(sorter, line, line_number, error);
        } else if (!is_blank_line(line)) {
            status = add_record(sorter, line, line_number, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (buffer_status(&sorter->line_partitions) != STATUS_OK ||
        buffer_status(&sorter->line_numbers) != STATUS_OK) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for the records");
    }
    if (sorter->batch_count == 0) {
        return error_set(error, STATUS_INVALID, "the body has no record: send one a line");
    }
    return STATUS_OK;
}

enum status sorter_finish_batches(struct sorter *sorter, struct error *error) {
    for (size_t i = 0; i < sorter->batch_count; i++) {
        enum status status = record_batch_builder_finish(&sorter->batches[i]->builder, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

void sorter_append_lines(const struct sorter *sorter, uint32_t partition, struct buffer *out) {
    const char *separator = "[";
    struct reader partitions = reader_make(buffer_slice(&sorter->line_partitions));
    struct reader numbers = reader_make(buffer_slice(&sorter->line_numbers));
    while (partitions.rest.size > 0) {
        uint16_t at = reader_u16(&partitions);
        uint32_t number = reader_u32(&numbers);
        if (at == partition) {
            buffer_append_string(out, separator);
            buffer_append_decimal(out, number);
            separator = ",";
        }
    }
    buffer_append_string(out, "]");
}
