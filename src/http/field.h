/* Header fields (RFC 9110, 5.1 and 5.5): what a name and a value may consist of. */
#ifndef AVIARY_HTTP_FIELD_H
#define AVIARY_HTTP_FIELD_H

#include "aviary/base/slice.h"

/* A token. */
bool field_is_name(struct slice name);
/* No control characters but tabs: nothing that could end the line. */
bool field_is_value(struct slice value);
/*
 * The value of the first line "name: value" (any case) in raw header lines that end in LF; false without one.
 * Blanks around the value are dropped.
 */
bool field_find(struct slice lines, const char *name, struct slice *ret_value);

#endif
