#include "allocation.h"

#include <stddef.h>

static uint64_t counted;
static uint64_t fail_at;
static bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

void allocation_fail_at(uint64_t nth) {
    counted = 0;
    fail_at = nth;
    failed = false;
}

bool allocation_failed(void) {
    bool result = failed;
    allocation_fail_at(0);
    return result;
}

static bool must_fail(void) {
    if (fail_at == 0) {
        return false;
    }
    counted++;
    if (counted < fail_at) {
        return false;
    }
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size) {
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size) {
    return must_fail() ? NULL : __real_realloc(pointer, size);
}
