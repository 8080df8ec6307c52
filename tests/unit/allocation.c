#include "allocation.h"

#include <stddef.h>

static uint64_t counted;
static uint64_t fail_at;
static bool once;
static bool paused;
static bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
char *__real_strdup(const char *string);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
char *__wrap_strdup(const char *string);

static void arm(uint64_t nth, bool only_once) {
    counted = 0;
    fail_at = nth;
    once = only_once;
    paused = false;
    failed = false;
}

void allocation_fail_at(uint64_t nth) {
    arm(nth, false);
}

void allocation_fail_once_at(uint64_t nth) {
    arm(nth, true);
}

bool allocation_failed(void) {
    bool result = failed;
    fail_at = 0;
    failed = false;
    return result;
}

uint64_t allocation_count(void) {
    return counted;
}

void allocation_pause(void) {
    paused = true;
}

void allocation_resume(void) {
    paused = false;
}

static bool must_fail(void) {
    if (fail_at == 0 || paused) {
        return false;
    }
    counted++;
    if (counted < fail_at || (once && counted > fail_at)) {
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

char *__wrap_strdup(const char *string) {
    return must_fail() ? NULL : __real_strdup(string);
}
