/*
 * Runs a fuzz target over its corpus: the inputs that reach what it reaches, and those that once found
 * something. FUZZ_CORPUS names the folder. What is wrong aborts, and the last line names the input.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { INPUT_BYTES_MAX = 1024 * 1024 };

static struct blob *read_input(int folder, const char *name) {
    _cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &stat), 0);
    assert_in_range(stat.st_size, 0, INPUT_BYTES_MAX);
    struct blob *input = blob_create((size_t)stat.st_size);
    assert_non_null(input);
    assert_int_equal(read(fd, input->data, input->size), stat.st_size);
    return input;
}

static void test_corpus_replays(void **state) {
    (void)state;
    size_t inputs = 0;
    DIR *folder = opendir(FUZZ_CORPUS);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        _cleanup_blob_ struct blob *input = read_input(dirfd(folder), entry->d_name);
        fprintf(stderr, "%s\n", entry->d_name);
        assert_int_equal(LLVMFuzzerTestOneInput(input->data, input->size), 0);
        inputs++;
    }
    closedir(folder);
    assert_true(inputs > 0);
    assert_int_equal(LLVMFuzzerTestOneInput(NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus_replays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
