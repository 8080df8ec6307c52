/*
 * JSON documents. What parses is written and parsed again to the same text; the line reader, which shares the
 * scanner but not the tree, agrees about what JSON is; the getters stay within what was asked for.
 */
#include "fuzz.h"

#include "aviary/json.h"

/* Numbers go as their text would: whole ones exactly, others as null, since the writer has no fractions. */
static void write_number(struct json_writer *writer, const struct json *value) {
    int64_t number;
    if (json_to_int64(value, "it", INT64_MIN, INT64_MAX, &number, NULL) == STATUS_OK) {
        json_int64(writer, number);
    } else {
        json_null(writer);
    }
}

static void write_string(struct json_writer *writer, const struct json *value) {
    struct slice string;
    struct slice ignored;
    ASSERT(json_to_string(value, "it", SIZE_MAX, &string, NULL) == STATUS_OK);
    ASSERT(utf8_valid(string));
    ASSERT(string.size == 0 || memchr(string.data, '\0', string.size) == NULL);
    ASSERT(string.size == 0 ||
           json_to_string(value, "it", string.size - 1, &ignored, NULL) == STATUS_INVALID);
    json_string(writer, string);
}

static void write_value(struct json_writer *writer, const struct json *value);

static void write_elements(struct json_writer *writer, const struct json *container, bool named) {
    size_t count = 0;
    for (const struct json *element = json_first(container); element; element = json_next(element)) {
        if (named) {
            ASSERT(json_field(container, json_name(element)) == element);
            json_key(writer, json_name(element));
        }
        write_value(writer, element);
        count++;
    }
    ASSERT(count == json_count(container));
}

static void write_value(struct json_writer *writer, const struct json *value) {
    bool flag = false;
    switch (json_type(value)) {
    case JSON_NULL:
        json_null(writer);
        break;
    case JSON_BOOL:
        ASSERT(json_to_bool(value, "it", &flag, NULL) == STATUS_OK);
        json_bool(writer, flag);
        break;
    case JSON_NUMBER:
        write_number(writer, value);
        break;
    case JSON_STRING:
        write_string(writer, value);
        break;
    case JSON_ARRAY:
        json_begin_array(writer);
        write_elements(writer, value, false);
        json_end_array(writer);
        break;
    case JSON_OBJECT:
        json_begin_object(writer);
        write_elements(writer, value, true);
        json_end_object(writer);
        break;
    }
}

static void write_document(const struct json *document, enum json_layout layout, struct buffer *out) {
    struct json_writer writer;
    buffer_clear(out);
    json_writer_init(&writer, out, layout);
    write_value(&writer, document);
    ASSERT(buffer_status(out) == STATUS_OK);
}

/* Any JSON value stands in a line as its value; what the tree cannot hold, the line may all the same. */
static void check_line_agrees(struct slice text, bool is_json) {
    static struct buffer line;
    static struct buffer scratch;
    static struct json_line parsed;
    buffer_init(&line, SIZE_MAX);
    buffer_init(&scratch, SIZE_MAX);
    buffer_append_string(&line, "{\"value\":");
    buffer_append_slice(&line, text);
    buffer_append_string(&line, "}");
    enum status status = json_line_parse(buffer_slice(&line), &scratch, &parsed, NULL);
    ASSERT(!is_json || status == STATUS_OK || status == STATUS_TOO_LARGE /* one level deeper */);
    buffer_finish(&line);
    buffer_finish(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct buffer first = {.size_max = SIZE_MAX};
    static struct buffer second = {.size_max = SIZE_MAX};
    struct error error;
    _cleanup_json_ struct json *document = NULL;
    enum status status = json_parse(slice_make(data, size), &document, &error);
    ASSERT(status != STATUS_NO_MEMORY); /* cJSON takes all that the scanner passes */
    check_line_agrees(slice_make(data, size), status == STATUS_OK);
    if (status != STATUS_OK) {
        ASSERT(error.status == status && error.message[0] != '\0');
        return 0;
    }
    write_document(document, JSON_PRETTY, &first);
    _cleanup_json_ struct json *again = NULL;
    ASSERT(json_parse(buffer_slice(&first), &again, NULL) == STATUS_OK);
    write_document(again, JSON_PRETTY, &second);
    ASSERT(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    write_document(document, JSON_COMPACT, &first);
    write_document(again, JSON_COMPACT, &second);
    ASSERT(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    return 0;
}
