#include "cluster_file.h"

enum { FORMAT = 1, CRC_SIZE = 4 };

void cluster_file_encode(const struct cluster_file *file, struct buffer *out) {
    size_t start = out->size;
    buffer_append_u32(out, 0);
    buffer_append_u8(out, FORMAT);
    buffer_append_u8(out, (uint8_t)file->phase);
    buffer_append(out, file->cluster_id.bytes, UUID_SIZE);
    buffer_append_u32(out, file->broker_id);
    buffer_append_u64(out, file->incarnation);
    buffer_append_u8(out, (uint8_t)file->voter_count);
    for (size_t i = 0; i < file->voter_count; i++) {
        buffer_append_u32(out, file->voters[i].broker_id);
        buffer_append(out, file->voters[i].disk_uuid.bytes, UUID_SIZE);
    }
    if (buffer_status(out) == STATUS_OK) {
        bytes_put_u32le(out->data + start,
                        crc32c(slice_make(out->data + start + CRC_SIZE, out->size - start - CRC_SIZE)));
    }
}

bool cluster_voters_ascend(const struct metadata_first_voter *voters, size_t count) {
    uint32_t before = 0;
    for (size_t i = 0; i < count; i++) {
        if (voters[i].broker_id <= before) {
            return false;
        }
        before = voters[i].broker_id;
    }
    return true;
}

enum status cluster_file_decode(struct slice bytes, struct cluster_file *ret_file) {
    if (bytes.size < CRC_SIZE || bytes_get_u32le(bytes.data) != crc32c(slice_after(bytes, CRC_SIZE))) {
        return STATUS_CORRUPT;
    }
    struct reader reader = reader_make(slice_after(bytes, CRC_SIZE));
    if (reader_u8(&reader) != FORMAT) {
        return STATUS_UNSUPPORTED;
    }
    struct cluster_file file = {0};
    uint8_t phase = reader_u8(&reader);
    reader_copy(&reader, file.cluster_id.bytes, UUID_SIZE);
    file.broker_id = reader_u32(&reader);
    file.incarnation = reader_u64(&reader);
    file.voter_count = reader_u8(&reader);
    if (phase > CLUSTER_MEMBER || file.voter_count > FIRST_VOTERS_MAX) {
        return STATUS_CORRUPT;
    }
    file.phase = (enum cluster_phase)phase;
    for (size_t i = 0; i < file.voter_count; i++) {
        file.voters[i].broker_id = reader_u32(&reader);
        reader_copy(&reader, file.voters[i].disk_uuid.bytes, UUID_SIZE);
    }
    if (!reader_done(&reader) || !cluster_voters_ascend(file.voters, file.voter_count)) {
        return STATUS_CORRUPT;
    }
    *ret_file = file;
    return STATUS_OK;
}

raft_id cluster_file_incarnation(const struct cluster_file *file, uint32_t broker_id,
                                 const struct uuid *disk_uuid) {
    for (size_t i = 0; i < file->voter_count; i++) {
        if (file->voters[i].broker_id == broker_id && uuid_equal(&file->voters[i].disk_uuid, disk_uuid)) {
            return i + 1;
        }
    }
    return 0;
}
