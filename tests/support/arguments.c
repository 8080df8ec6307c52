#include "arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t argument_number(const char *text) {
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
        fprintf(stderr, "%s: %s is no number\n", program_invocation_short_name, text);
        exit(2);
    }
    return value;
}
