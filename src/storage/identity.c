#include "identity.h"

#include "files.h"

static const char identity_name[] = "identity";
static const char magic[] = "AVIARYID";

enum { AT_CHECKSUM = 0, AT_MAGIC = 4, AT_FORMAT = 12, AT_UUID = 16, MAGIC_SIZE = 8 };

_Static_assert(AT_UUID + UUID_SIZE == IDENTITY_SIZE, "the fields fill the file");

void identity_encode(const struct uuid *disk_uuid, uint8_t ret_bytes[IDENTITY_SIZE]) {
    memcpy(ret_bytes + AT_MAGIC, magic, MAGIC_SIZE);
    bytes_put_u32le(ret_bytes + AT_FORMAT, IDENTITY_FORMAT);
    memcpy(ret_bytes + AT_UUID, disk_uuid->bytes, UUID_SIZE);
    struct slice covered = slice_make(ret_bytes + AT_MAGIC, IDENTITY_SIZE - AT_MAGIC);
    bytes_put_u32le(ret_bytes + AT_CHECKSUM, crc32c(covered));
}

enum status identity_decode(struct slice bytes, struct uuid *ret_disk_uuid) {
    if (bytes.size < IDENTITY_SIZE || memcmp(bytes.data + AT_MAGIC, magic, MAGIC_SIZE) != 0 ||
        bytes_get_u32le(bytes.data + AT_CHECKSUM) != crc32c(slice_after(bytes, AT_MAGIC))) {
        return STATUS_CORRUPT;
    }
    uint32_t format = bytes_get_u32le(bytes.data + AT_FORMAT);
    if (format != IDENTITY_FORMAT) {
        return format > IDENTITY_FORMAT ? STATUS_UNSUPPORTED : STATUS_CORRUPT;
    }
    if (bytes.size != IDENTITY_SIZE) {
        return STATUS_CORRUPT;
    }
    memcpy(ret_disk_uuid->bytes, bytes.data + AT_UUID, UUID_SIZE);
    return STATUS_OK;
}

enum status identity_load(int directory, struct uuid *ret_disk_uuid, struct error *error) {
    /* A newer format may be longer; its checksum covers all of it. */
    uint8_t bytes[IDENTITY_SIZE * 16];
    size_t size = 0;
    enum status status = files_read(directory, identity_name, bytes, sizeof bytes, &size, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = identity_decode(slice_make(bytes, size), ret_disk_uuid);
    if (status == STATUS_UNSUPPORTED) {
        return error_set(error, status,
                         "the data directory was written by a newer version of aviaryd; start that one");
    }
    if (status != STATUS_OK) {
        return error_set(error, status, "the identity file is damaged");
    }
    return STATUS_OK;
}

enum status identity_store(int directory, const struct uuid *disk_uuid, struct error *error) {
    uint8_t bytes[IDENTITY_SIZE];
    identity_encode(disk_uuid, bytes);
    return files_replace(directory, identity_name, slice_make(bytes, sizeof bytes), error);
}

enum status identity_remove(int directory, struct error *error) {
    return files_remove(directory, identity_name, error);
}
