/* Methods by name. */
#ifndef AVIARY_HTTP_METHOD_H
#define AVIARY_HTTP_METHOD_H

#include "aviary/http/request.h"

/* False for a method that is not served. HEAD is GET with `head_only`. */
bool method_parse(const char *name, enum http_method *ret_method, bool *ret_head_only);

#endif
