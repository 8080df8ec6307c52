/*
 * Whether what a data directory holds may vote and acknowledge: the one place that judges it. Decides only;
 * rocksdb_open.c gathers the evidence and acts.
 *
 * A database counts its commits twice: the number of the last one, and how many there are (every commit adds
 * one). The two differ when commits are missing in the middle, as after a lost write-ahead log file between
 * others; the witness knows of commits missing at the end.
 */
#ifndef AVIARY_STORAGE_TRUST_H
#define AVIARY_STORAGE_TRUST_H

#include "witness.h"

#include "aviary/storage.h"

enum evidence_found { EVIDENCE_ABSENT, EVIDENCE_DAMAGED, EVIDENCE_WHOLE };

struct trust_evidence {
    enum evidence_found identity;
    struct uuid identity_uuid;
    enum evidence_found witness;
    struct witness_record witness_record;
    enum evidence_found database;
    char damage[ERROR_MESSAGE_MAX / 2]; /* of the database */
    struct uuid database_uuid;
    uint64_t last_commit;
    uint64_t commit_count;
};

/* The number of the commit that makes a database; a pristine database has no other. */
enum { FIRST_COMMIT = 1 };

/* Made by a start that was cut short before its identity was written: nothing was ever stored in it. */
bool trust_database_is_remnant(const struct trust_evidence *evidence);
/* NEW: nothing is there, or what an interrupted first start left. REPLACED: `ret_reason` says why. */
enum storage_origin trust_judge(const struct trust_evidence *evidence, char ret_reason[ERROR_MESSAGE_MAX]);

#endif
