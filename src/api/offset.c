#include "offset.h"

#include "aviary/base/assert.h"

#include "text.h"

bool offset_parse(struct slice text, struct offset_form *ret_form) {
    struct offset_form form = {.kind = OFFSET_EARLIEST};
    if (text_equal(text, "latest")) {
        form.kind = OFFSET_LATEST;
    } else if (!text_equal(text, "earliest")) {
        uint64_t number;
        bool marked = text.size > 0 && (text.data[0] == '-' || text.data[0] == '@');
        if (!text_to_u64(marked ? slice_after(text, 1) : text, INT64_MAX, &number)) {
            return false;
        }
        form.value = (int64_t)number;
        form.kind = !marked ? OFFSET_AT : text.data[0] == '-' ? OFFSET_LAST : OFFSET_TIME;
    }
    *ret_form = form;
    return true;
}

int64_t offset_resolve(struct offset_form form, int64_t log_start_offset, int64_t high_watermark) {
    switch (form.kind) {
    case OFFSET_EARLIEST:
        return log_start_offset;
    case OFFSET_LATEST:
        return high_watermark;
    case OFFSET_AT:
        return form.value;
    case OFFSET_LAST:
        return form.value > high_watermark - log_start_offset ? log_start_offset
                                                              : high_watermark - form.value;
    case OFFSET_TIME:
        break;
    }
    ASSERT(form.kind != OFFSET_TIME);
    return log_start_offset;
}
