/*
 * What a disk remembers of itself and its cluster, and what brokers tell each other of that: identity and
 * witness, the cluster file, registrations. What decodes encodes to the same bytes.
 */
#include "fuzz.h"

#include "broker/broker_private.h"
#include "storage/identity.h"
#include "storage/witness.h"

static void check_identity(struct slice bytes, struct buffer *out) {
    uint8_t encoded[IDENTITY_SIZE];
    struct uuid disk_uuid;
    if (identity_decode(bytes, &disk_uuid) == STATUS_OK) {
        identity_encode(&disk_uuid, encoded);
        buffer_append(out, encoded, sizeof encoded);
    }
}

static void check_witness(struct slice bytes, struct buffer *out) {
    uint8_t encoded[WITNESS_SLOT_SIZE];
    struct witness_record record;
    if (bytes.size == WITNESS_SLOT_SIZE && witness_decode(bytes.data, &record) == STATUS_OK) {
        witness_encode(&record, encoded);
        buffer_append(out, encoded, sizeof encoded);
    }
}

static void check_voters(const struct metadata_first_voter *voters, size_t count) {
    ASSERT(count <= FIRST_VOTERS_MAX);
    struct metadata *metadata = metadata_create(&(struct uuid){0}, voters, count);
    ASSERT(metadata != NULL && metadata_first_voter_count(metadata) == count);
    metadata_destroy(metadata);
}

static void check_cluster_file(struct slice bytes, struct buffer *out) {
    struct cluster_file file;
    if (cluster_file_decode(bytes, &file) != STATUS_OK) {
        return;
    }
    check_voters(file.voters, file.voter_count);
    for (size_t i = 0; i < file.voter_count; i++) {
        const struct metadata_first_voter *voter = &file.voters[i];
        ASSERT(cluster_file_incarnation(&file, voter->broker_id, &voter->disk_uuid) == i + 1);
    }
    cluster_file_encode(&file, out);
    ASSERT(out->size <= CLUSTER_FILE_BYTES_MAX);
}

static void check_registration(struct slice bytes, struct buffer *out) {
    struct registration registration;
    if (call_decode_registration(bytes, &registration) == STATUS_OK) {
        call_encode_registration(&registration, out);
    }
}

static void check_registered(struct slice bytes, struct buffer *out) {
    static struct call_registered registered;
    if (call_decode_registered(bytes, &registered) == STATUS_OK) {
        ASSERT(registered.broker_count <= BROKERS_MAX);
        check_voters(registered.voters, registered.voter_count);
        call_encode_registered(&registered, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(struct slice, struct buffer *) = {
        check_identity, check_witness, check_cluster_file, check_registration, check_registered};
    static struct buffer encoded = {.size_max = SIZE_MAX};
    _cleanup_blob_ struct blob *input = fuzz_input(data, size);
    if (input == NULL) {
        return 0;
    }
    buffer_clear(&encoded);
    checks[(data[0] >> 1) % (sizeof checks / sizeof checks[0])](blob_slice(input), &encoded);
    ASSERT(buffer_status(&encoded) == STATUS_OK);
    ASSERT(encoded.size == 0 || slice_equal(buffer_slice(&encoded), blob_slice(input)));
    return 0;
}
