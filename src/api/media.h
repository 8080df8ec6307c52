/* Media types in Content-Type and Accept (RFC 9110, 8.3 and 12.5.1). Pure. */
#ifndef API_MEDIA_H
#define API_MEDIA_H

#include "aviary/base/slice.h"

#define MEDIA_JSON "application/json"
#define MEDIA_NDJSON "application/x-ndjson"
#define MEDIA_BATCH "application/vnd.aviary.batch"
#define MEDIA_TEXT "text/plain"
#define MEDIA_BYTES "application/octet-stream"
#define MEDIA_FORM "application/x-www-form-urlencoded"

/* True where the header names that type, whatever its parameters. */
bool media_is(struct slice content_type, const char *type);
/*
 * The position of the type in `types` that an Accept header likes best, the first of equals; -1: none of
 * them. NULL, without that header: the first.
 */
int media_choose(const struct slice *accept, const char *const *types, size_t count);

#endif
