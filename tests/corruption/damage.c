#include "damage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EDGE_BYTES = 96,
    SCRIBBLED_MAX = 64,
    SHIFTED_MAX = 512,
    EXTENDED_MAX = 64 * 1024,
    CONTROL_ONE_IN = 50
};

/* A whole file in memory. */
struct content {
    uint8_t *bytes;
    size_t size;
};

const char *file_type_name(enum file_type type) {
    static const char *const names[FILE_TYPES] = {
        [FILE_WAL] = "WAL",
        [FILE_SST] = "SST",
        [FILE_MANIFEST] = "MANIFEST",
        [FILE_CURRENT] = "CURRENT",
        [FILE_OPTIONS] = "OPTIONS",
        [FILE_INFO_LOG] = "LOG",
        [FILE_ROCKSDB_IDENTITY] = "IDENTITY",
        [FILE_IDENTITY] = "identity",
        [FILE_WITNESS] = "witness",
        [FILE_BALLAST] = "ballast",
    };
    return names[type];
}

const char *damage_kind_name(enum damage_kind kind) {
    static const char *const names[DAMAGE_KINDS] = {
        [DAMAGE_NONE] = "control",
        [DAMAGE_FLIP] = "flip a bit",
        [DAMAGE_SCRIBBLE] = "scribble",
        [DAMAGE_ZERO] = "zero a block",
        [DAMAGE_COPY] = "copy a block",
        [DAMAGE_SWAP] = "swap blocks",
        [DAMAGE_SHIFT] = "lose bytes",
        [DAMAGE_CUT] = "cut",
        [DAMAGE_EMPTY] = "empty",
        [DAMAGE_EXTEND_ZEROES] = "add zeroes",
        [DAMAGE_EXTEND_NOISE] = "add noise",
        [DAMAGE_EXTEND_REPEAT] = "repeat its end",
        [DAMAGE_DELETE] = "delete",
        [DAMAGE_EXCHANGE] = "exchange",
    };
    return names[kind];
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/* FILE_TYPES: none of those. */
static enum file_type type_of(const char *path) {
    static const struct {
        const char *begin;
        const char *end;
        enum file_type type;
    } rules[] = {
        {"./db/MANIFEST-", "", FILE_MANIFEST},
        {"./db/OPTIONS-", "", FILE_OPTIONS},
        {"./db/CURRENT", "CURRENT", FILE_CURRENT},
        {"./db/LOG", "", FILE_INFO_LOG},
        {"./db/IDENTITY", "IDENTITY", FILE_ROCKSDB_IDENTITY},
        {"./db/", ".log", FILE_WAL},
        {"./db/", ".sst", FILE_SST},
        {"./identity", "identity", FILE_IDENTITY},
        {"./witness", "witness", FILE_WITNESS},
        {"./ballast", "ballast", FILE_BALLAST},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strncmp(path, rules[i].begin, strlen(rules[i].begin)) == 0 && ends_with(path, rules[i].end)) {
            return rules[i].type;
        }
    }
    return FILE_TYPES;
}

static struct content content_read(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat) != 0) {
        tree_fail("open", path);
    }
    struct content content = {.size = (size_t)stat.st_size};
    content.bytes = malloc(content.size + EXTENDED_MAX);
    ASSERT(content.bytes);
    if (read(fd, content.bytes, content.size) != (ssize_t)content.size) {
        tree_fail("read", path);
    }
    close(fd);
    return content;
}

static void content_write(const char *path, const struct content *content) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0 || write(fd, content->bytes, content->size) != (ssize_t)content->size) {
        tree_fail("write", path);
    }
    close(fd);
}

/* Files begin and end with what matters most: a place is there as often as in between. */
static size_t draw_offset(struct prng *prng, size_t size) {
    size_t edge = size < EDGE_BYTES ? size : EDGE_BYTES;
    switch (prng_below(prng, 4)) {
    case 0:
        return prng_below(prng, edge);
    case 1:
        return size - 1 - prng_below(prng, edge);
    default:
        return prng_below(prng, size);
    }
}

/* Blocks are aligned, as a disk's are. */
static size_t draw_block(struct prng *prng, const struct content *content, size_t *ret_size) {
    static const size_t sizes[] = {512, 4096, 32768};
    size_t size = sizes[prng_below(prng, sizeof sizes / sizeof sizes[0])];
    size_t offset = draw_offset(prng, content->size) / size * size;
    *ret_size = content->size - offset < size ? content->size - offset : size;
    return offset;
}

static void scribble(struct prng *prng, uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)prng_next(prng);
    }
}

static void change_block(struct prng *prng, enum damage_kind kind, struct content *content, size_t *ret_at) {
    size_t size;
    size_t to = draw_block(prng, content, &size);
    *ret_at = to;
    if (kind == DAMAGE_ZERO) {
        memset(content->bytes + to, 0, size);
        return;
    }
    size_t from_size;
    size_t from = draw_block(prng, content, &from_size);
    size = size < from_size ? size : from_size;
    for (size_t i = 0; i < size; i++) {
        uint8_t kept = content->bytes[to + i];
        content->bytes[to + i] = content->bytes[from + i];
        if (kind == DAMAGE_SWAP) {
            content->bytes[from + i] = kept;
        }
    }
}

static void extend(struct prng *prng, enum damage_kind kind, struct content *content) {
    size_t size = prng_between(prng, 1, EXTENDED_MAX);
    uint8_t *end = content->bytes + content->size;
    if (kind == DAMAGE_EXTEND_ZEROES) {
        memset(end, 0, size);
    } else if (kind == DAMAGE_EXTEND_NOISE) {
        scribble(prng, end, size);
    } else {
        size = size < content->size ? size : content->size;
        memcpy(end, end - size, size);
    }
    content->size += size;
}

/* Changes what is in the file; gives where. */
static size_t change(struct prng *prng, enum damage_kind kind, struct content *content) {
    size_t at = draw_offset(prng, content->size);
    size_t left = content->size - at;
    if (kind == DAMAGE_FLIP) {
        content->bytes[at] = (uint8_t)(content->bytes[at] ^ (1U << prng_below(prng, 8)));
    } else if (kind == DAMAGE_SCRIBBLE) {
        size_t size = prng_between(prng, 1, SCRIBBLED_MAX);
        scribble(prng, content->bytes + at, size < left ? size : left);
    } else if (kind == DAMAGE_SHIFT) {
        size_t size = prng_between(prng, 1, SHIFTED_MAX);
        size = size < left ? size : left;
        memmove(content->bytes + at, content->bytes + at + size, left - size);
        content->size -= size;
    } else if (kind == DAMAGE_CUT) {
        content->size = at;
    } else if (kind == DAMAGE_EMPTY) {
        at = 0;
        content->size = 0;
    } else if (kind == DAMAGE_ZERO || kind == DAMAGE_COPY || kind == DAMAGE_SWAP) {
        change_block(prng, kind, content, &at);
    } else {
        at = content->size;
        extend(prng, kind, content);
    }
    return at;
}

static void exchange(const char *path, const char *other) {
    char aside[TREE_PATH_MAX * 2 + 8];
    snprintf(aside, sizeof aside, "%s.aside", path);
    if (rename(path, aside) != 0 || rename(other, path) != 0 || rename(aside, other) != 0) {
        tree_fail("exchange", path);
    }
}

/* A file of a type drawn first, since there are many tables and one CURRENT. */
static const struct tree_file *draw_file(struct prng *prng, const struct tree *tree, enum file_type type,
                                         const struct tree_file *not_this) {
    const struct tree_file *drawn = NULL;
    uint64_t seen = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];
        if (type_of(file->path) == type && file != not_this && prng_below(prng, ++seen) == 0) {
            drawn = file;
        }
    }
    return drawn;
}

/* Faults that a file of no byte, or alone of its type, cannot have are drawn again. */
static enum damage_kind draw_kind(struct prng *prng, size_t size, bool has_other) {
    if (prng_chance(prng, 1, CONTROL_ONE_IN)) {
        return DAMAGE_NONE;
    }
    for (;;) {
        enum damage_kind kind = (enum damage_kind)prng_between(prng, DAMAGE_FLIP, DAMAGE_KINDS - 1);
        if ((size > 0 || kind == DAMAGE_DELETE) && (has_other || kind != DAMAGE_EXCHANGE)) {
            return kind;
        }
    }
}

/* Where the data is, most of the faults are. */
static enum file_type draw_type(struct prng *prng) {
    static const enum file_type often[] = {FILE_WAL, FILE_SST, FILE_SST, FILE_MANIFEST};
    return prng_chance(prng, 2, 3) ? often[prng_below(prng, sizeof often / sizeof often[0])]
                                   : (enum file_type)prng_below(prng, FILE_TYPES);
}

void damage_do(const char *root, struct prng *prng, struct damage *ret_damage) {
    struct tree *tree = malloc(sizeof *tree);
    ASSERT(tree);
    tree_list(root, tree);
    const struct tree_file *file = NULL;
    while (!file) {
        ret_damage->type = draw_type(prng);
        file = draw_file(prng, tree, ret_damage->type, NULL);
    }
    const struct tree_file *other = draw_file(prng, tree, ret_damage->type, file);
    enum damage_kind kind = draw_kind(prng, file->size, other != NULL);
    char path[TREE_PATH_MAX * 2];
    char other_path[TREE_PATH_MAX * 2];
    snprintf(path, sizeof path, "%s/%s", root, file->path);
    snprintf(other_path, sizeof other_path, "%s/%s", root, other ? other->path : "");
    size_t at = 0;
    if (kind == DAMAGE_DELETE) {
        unlink(path);
    } else if (kind == DAMAGE_EXCHANGE) {
        exchange(path, other_path);
    } else if (kind != DAMAGE_NONE) {
        struct content content = content_read(path);
        at = change(prng, kind, &content);
        content_write(path, &content);
        free(content.bytes);
    }
    ret_damage->kind = kind;
    snprintf(ret_damage->text, sizeof ret_damage->text, "%s: %s at %zu of %zu bytes", damage_kind_name(kind),
             file->path, at, file->size);
    free(tree);
}
