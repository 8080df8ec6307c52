/*
 * Folders of files: listed, copied, removed. A failure of the file system ends the program.
 */
#ifndef AVIARY_TESTS_CORRUPTION_TREE_H
#define AVIARY_TESTS_CORRUPTION_TREE_H

#include <stddef.h>

enum { TREE_PATH_MAX = 512, TREE_FILES_MAX = 256 };

struct tree_file {
    char path[TREE_PATH_MAX]; /* below the root */
    size_t size;
};

struct tree {
    struct tree_file files[TREE_FILES_MAX];
    size_t count;
};

/* All files below `root`, sorted by path, so that the same tree gives the same list. */
void tree_list(const char *root, struct tree *ret_tree);
void tree_copy(const char *from, const char *to);
/* Also where it is not there. */
void tree_remove(const char *root);
/* Says why and ends the program with status 2. */
void tree_fail(const char *doing, const char *path) __attribute__((noreturn));

#endif
