#include "trust.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_pristine(const struct trust_evidence *evidence) {
    return evidence->database == EVIDENCE_WHOLE && evidence->last_commit == FIRST_COMMIT &&
           evidence->commit_count == FIRST_COMMIT;
}

bool trust_database_is_remnant(const struct trust_evidence *evidence) {
    return is_pristine(evidence) && (evidence->identity != EVIDENCE_WHOLE ||
                                     !uuid_equal(&evidence->identity_uuid, &evidence->database_uuid));
}

/* No broker ever served from this directory: its identity file is the last thing that a first start writes.
 */
static bool is_new(const struct trust_evidence *evidence) {
    if (evidence->identity != EVIDENCE_ABSENT || evidence->witness == EVIDENCE_DAMAGED) {
        return false;
    }
    if (evidence->witness == EVIDENCE_WHOLE && evidence->witness_record.commit > FIRST_COMMIT) {
        return false;
    }
    return evidence->database == EVIDENCE_ABSENT || is_pristine(evidence);
}

static bool has_foreign_part(const struct trust_evidence *evidence) {
    return !uuid_equal(&evidence->identity_uuid, &evidence->database_uuid) ||
           !uuid_equal(&evidence->identity_uuid, &evidence->witness_record.disk_uuid);
}

/* NULL where nothing speaks against it; else `out` may hold the reason's text. */
static const char *doubt(const struct trust_evidence *evidence, char out[ERROR_MESSAGE_MAX]) {
    if (evidence->identity != EVIDENCE_WHOLE) {
        return evidence->identity == EVIDENCE_ABSENT
                   ? "the identity file is gone: removed as the data was found damaged, or lost"
                   : "the identity file is damaged";
    }
    if (evidence->database == EVIDENCE_ABSENT) {
        return "the database is gone";
    }
    if (evidence->database == EVIDENCE_DAMAGED) {
        snprintf(out, ERROR_MESSAGE_MAX, "the database is damaged: %s", evidence->damage);
        return out;
    }
    if (evidence->witness != EVIDENCE_WHOLE) {
        return evidence->witness == EVIDENCE_ABSENT ? "the witness file is gone"
                                                    : "the witness file is damaged";
    }
    if (has_foreign_part(evidence)) {
        return "identity, witness and database are not of the same disk";
    }
    if (evidence->last_commit < evidence->witness_record.commit) {
        snprintf(out, ERROR_MESSAGE_MAX,
                 "the database ends at commit %" PRIu64 ", but commit %" PRIu64
                 " was acknowledged: its tail is lost",
                 evidence->last_commit, evidence->witness_record.commit);
        return out;
    }
    if (evidence->commit_count != evidence->last_commit) {
        snprintf(out, ERROR_MESSAGE_MAX, "the database holds %" PRIu64 " of %" PRIu64 " commits",
                 evidence->commit_count, evidence->last_commit);
        return out;
    }
    return NULL;
}

enum storage_origin trust_judge(const struct trust_evidence *evidence, char ret_reason[ERROR_MESSAGE_MAX]) {
    ret_reason[0] = '\0';
    if (is_new(evidence)) {
        return STORAGE_ORIGIN_NEW;
    }
    char text[ERROR_MESSAGE_MAX];
    const char *reason = doubt(evidence, text);
    if (!reason) {
        return STORAGE_ORIGIN_RECOVERED;
    }
    snprintf(ret_reason, ERROR_MESSAGE_MAX, "%s", reason);
    return STORAGE_ORIGIN_REPLACED;
}
