/*
 * One fault of a disk: in a file of a drawn type, at a drawn place, of a drawn kind.
 */
#ifndef AVIARY_TESTS_CORRUPTION_DAMAGE_H
#define AVIARY_TESTS_CORRUPTION_DAMAGE_H

#include "tree.h"

#include "aviary/base.h"

enum file_type {
    FILE_WAL,
    FILE_SST,
    FILE_MANIFEST,
    FILE_CURRENT,
    FILE_OPTIONS,
    FILE_INFO_LOG,
    FILE_ROCKSDB_IDENTITY,
    FILE_IDENTITY,
    FILE_WITNESS,
    FILE_BALLAST,
    FILE_TYPES,
};

enum damage_kind {
    DAMAGE_NONE, /* for control: everything must be there */
    DAMAGE_FLIP,
    DAMAGE_SCRIBBLE,
    DAMAGE_ZERO,
    DAMAGE_COPY, /* a block over another one, as a misdirected write */
    DAMAGE_SWAP,
    DAMAGE_SHIFT, /* a few bytes are gone from the middle */
    DAMAGE_CUT,
    DAMAGE_EMPTY,
    DAMAGE_EXTEND_ZEROES,
    DAMAGE_EXTEND_NOISE,
    DAMAGE_EXTEND_REPEAT,
    DAMAGE_DELETE,
    DAMAGE_EXCHANGE, /* with another file of the type */
    DAMAGE_KINDS,
};

struct damage {
    enum file_type type;
    enum damage_kind kind;
    char text[TREE_PATH_MAX * 2 + 128]; /* for people: what was done where */
};

const char *file_type_name(enum file_type type);
const char *damage_kind_name(enum damage_kind kind);
/* Draws a fault and does it to the data directory `root`. */
void damage_do(const char *root, struct prng *prng, struct damage *ret_damage);

#endif
