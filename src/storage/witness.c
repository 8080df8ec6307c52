#include "witness.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>

static const char witness_name[] = "witness";
static const char magic[] = "AVWT";

enum {
    AT_CHECKSUM = 0,
    AT_MAGIC = 4,
    AT_FORMAT = 8,
    AT_ZERO = 12,
    AT_UUID = 16,
    AT_COMMIT = 32,
    MAGIC_SIZE = 4,
    SLOTS = 2,
    FILE_SIZE = SLOTS * WITNESS_SLOT_DISTANCE,
};

_Static_assert(AT_COMMIT + sizeof(uint64_t) == WITNESS_SLOT_SIZE, "the fields fill the slot");

static uint32_t checksum(const uint8_t *bytes) {
    return crc32c(slice_make(bytes + AT_MAGIC, WITNESS_SLOT_SIZE - AT_MAGIC));
}

void witness_encode(const struct witness_record *record, uint8_t ret_bytes[WITNESS_SLOT_SIZE]) {
    memcpy(ret_bytes + AT_MAGIC, magic, MAGIC_SIZE);
    bytes_put_u32le(ret_bytes + AT_FORMAT, WITNESS_FORMAT);
    bytes_put_u32le(ret_bytes + AT_ZERO, 0);
    memcpy(ret_bytes + AT_UUID, record->disk_uuid.bytes, UUID_SIZE);
    bytes_put_u64le(ret_bytes + AT_COMMIT, record->commit);
    bytes_put_u32le(ret_bytes + AT_CHECKSUM, checksum(ret_bytes));
}

enum status witness_decode(const uint8_t bytes[WITNESS_SLOT_SIZE], struct witness_record *ret_record) {
    if (memcmp(bytes + AT_MAGIC, magic, MAGIC_SIZE) != 0 ||
        bytes_get_u32le(bytes + AT_FORMAT) != WITNESS_FORMAT || bytes_get_u32le(bytes + AT_ZERO) != 0 ||
        bytes_get_u32le(bytes + AT_CHECKSUM) != checksum(bytes)) {
        return STATUS_CORRUPT;
    }
    memcpy(ret_record->disk_uuid.bytes, bytes + AT_UUID, UUID_SIZE);
    ret_record->commit = bytes_get_u64le(bytes + AT_COMMIT);
    return STATUS_OK;
}

enum status witness_load(int directory, struct witness_record *ret_record, struct error *error) {
    uint8_t bytes[FILE_SIZE] = {0};
    size_t size = 0;
    enum status status = files_read(directory, witness_name, bytes, sizeof bytes, &size, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool found = false;
    struct witness_record newest = {0};
    for (size_t slot = 0; slot < SLOTS; slot++) {
        struct witness_record record;
        if (witness_decode(bytes + slot * WITNESS_SLOT_DISTANCE, &record) == STATUS_OK &&
            (!found || record.commit > newest.commit)) {
            newest = record;
            found = true;
        }
    }
    if (!found) {
        return error_set(error, STATUS_CORRUPT, "both slots of the witness file are damaged");
    }
    *ret_record = newest;
    return STATUS_OK;
}

enum status witness_store(int directory, const struct witness_record *record, struct error *error) {
    /* Whole blocks, so that a refresh never allocates one. */
    uint8_t bytes[FILE_SIZE] = {0};
    for (size_t slot = 0; slot < SLOTS; slot++) {
        witness_encode(record, bytes + slot * WITNESS_SLOT_DISTANCE);
    }
    return files_replace(directory, witness_name, slice_make(bytes, sizeof bytes), error);
}

enum status witness_open(struct witness *witness, int directory, const struct witness_record *record,
                         struct error *error) {
    int fd = openat(directory, witness_name, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return files_error(error, errno, "open", witness_name);
    }
    *witness = (struct witness){.fd = fd, .record = *record};
    return STATUS_OK;
}

void witness_close(struct witness *witness) {
    if (witness->fd >= 0) {
        close(witness->fd);
    }
    witness->fd = -1;
}

enum status witness_refresh(struct witness *witness, uint64_t commit, struct error *error) {
    ASSERT(commit >= witness->record.commit);
    witness->record.commit = commit;
    uint8_t bytes[WITNESS_SLOT_SIZE];
    witness_encode(&witness->record, bytes);
    enum status status = files_write_at(witness->fd, slice_make(bytes, sizeof bytes),
                                        (uint64_t)witness->slot * WITNESS_SLOT_DISTANCE, witness_name, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (fdatasync(witness->fd) != 0) {
        return files_error(error, errno, "sync", witness_name);
    }
    witness->slot = (witness->slot + 1) % SLOTS;
    return STATUS_OK;
}
