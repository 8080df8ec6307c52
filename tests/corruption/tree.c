#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 8, FOLDER_MODE = 0750, FILE_MODE = 0640 };

void tree_fail(const char *doing, const char *path) {
    fprintf(stderr, "corruption: cannot %s %s: %s\n", doing, path, strerror(errno));
    exit(2);
}

static void join(const char *root, const char *name, char ret_path[TREE_PATH_MAX]) {
    int length = snprintf(ret_path, TREE_PATH_MAX, "%s/%s", root, name);
    if (length < 0 || length >= TREE_PATH_MAX) {
        errno = ENAMETOOLONG;
        tree_fail("name", root);
    }
}

static void list_folder(const char *root, const char *below, struct tree *tree) {
    char folder[TREE_PATH_MAX];
    join(root, below, folder);
    DIR *listing = opendir(folder);
    if (!listing) {
        tree_fail("list", folder);
    }
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        char path[TREE_PATH_MAX];
        char full[TREE_PATH_MAX];
        struct stat stat;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        join(below, entry->d_name, path);
        join(root, path, full);
        if (lstat(full, &stat) != 0) {
            tree_fail("look at", full);
        }
        if (S_ISDIR(stat.st_mode)) {
            list_folder(root, path, tree);
            continue;
        }
        if (tree->count == TREE_FILES_MAX) {
            errno = EFBIG;
            tree_fail("list", root);
        }
        struct tree_file *file = &tree->files[tree->count++];
        memcpy(file->path, path, sizeof path);
        file->size = (size_t)stat.st_size;
    }
    closedir(listing);
}

static int compare_files(const void *left, const void *right) {
    return strcmp(((const struct tree_file *)left)->path, ((const struct tree_file *)right)->path);
}

void tree_list(const char *root, struct tree *ret_tree) {
    ret_tree->count = 0;
    list_folder(root, ".", ret_tree);
    qsort(ret_tree->files, ret_tree->count, sizeof ret_tree->files[0], compare_files);
}

static void copy_file(const char *from, const char *to) {
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    struct stat stat;
    if (source < 0 || target < 0 || fstat(source, &stat) != 0) {
        tree_fail("copy", from);
    }
    for (off_t left = stat.st_size; left > 0;) {
        ssize_t part = sendfile(target, source, NULL, (size_t)left);
        if (part <= 0) {
            tree_fail("copy", from);
        }
        left -= part;
    }
    close(source);
    close(target);
}

void tree_copy(const char *from, const char *to) {
    if (mkdir(to, FOLDER_MODE) != 0) {
        tree_fail("make", to);
    }
    DIR *listing = opendir(from);
    if (!listing) {
        tree_fail("list", from);
    }
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        char source[TREE_PATH_MAX];
        char target[TREE_PATH_MAX];
        struct stat stat;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        join(from, entry->d_name, source);
        join(to, entry->d_name, target);
        if (lstat(source, &stat) != 0) {
            tree_fail("look at", source);
        }
        if (S_ISDIR(stat.st_mode)) {
            tree_copy(source, target);
        } else {
            copy_file(source, target);
        }
    }
    closedir(listing);
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *place) {
    (void)stat;
    (void)flag;
    (void)place;
    return remove(path);
}

void tree_remove(const char *root) {
    if (nftw(root, remove_one, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        tree_fail("remove", root);
    }
}
