/* The forms in which a reader may say where to begin. Pure. */
#ifndef API_OFFSET_H
#define API_OFFSET_H

#include "aviary/base/slice.h"

enum offset_kind {
    OFFSET_EARLIEST, /* "earliest": the log's start */
    OFFSET_LATEST,   /* "latest": the high watermark, what comes next */
    OFFSET_AT,       /* "17" */
    OFFSET_LAST,     /* "-5": the last five */
    OFFSET_TIME,     /* "@1700000000000": the first appended at or after that time */
};

struct offset_form {
    enum offset_kind kind;
    int64_t value; /* offset, count or milliseconds since 1970-01-01 UTC */
};

/* False: none of the forms. */
bool offset_parse(struct slice text, struct offset_form *ret_form);
/* The offset of a form in a log of those bounds; not for OFFSET_TIME. */
int64_t offset_resolve(struct offset_form form, int64_t log_start_offset, int64_t high_watermark);

#endif
