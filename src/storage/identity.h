/*
 * The file `identity` of a data directory: which disk this is. Written once its database is whole, and again
 * only when the disk becomes another one.
 *
 *    0 u32  crc32c of everything after this field
 *    4 [8]  "AVIARYID"
 *   12 u32  format, 1
 *   16 [16] disk uuid
 * Little-endian, 32 bytes.
 */
#ifndef AVIARY_STORAGE_IDENTITY_H
#define AVIARY_STORAGE_IDENTITY_H

#include "aviary/base.h"

enum { IDENTITY_SIZE = 32, IDENTITY_FORMAT = 1 };

void identity_encode(const struct uuid *disk_uuid, uint8_t ret_bytes[IDENTITY_SIZE]);
/* CORRUPT; UNSUPPORTED where a newer format holds its checksum. */
enum status identity_decode(struct slice bytes, struct uuid *ret_disk_uuid) AVIARY_MUST_USE;

/* NOT_FOUND, CORRUPT, UNSUPPORTED, IO. */
enum status identity_load(int directory, struct uuid *ret_disk_uuid, struct error *error) AVIARY_MUST_USE;
enum status identity_store(int directory, const struct uuid *disk_uuid, struct error *error) AVIARY_MUST_USE;
/* From then on nothing vouches for the database. */
enum status identity_remove(int directory, struct error *error) AVIARY_MUST_USE;

#endif
