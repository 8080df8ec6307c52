/*
 * Where the fields of a batch's header stand, and its attribute bits. aviary/record.h has the picture.
 */
#ifndef AVIARY_RECORD_FORMAT_H
#define AVIARY_RECORD_FORMAT_H

enum {
    AT_BASE_OFFSET = 0,
    AT_LENGTH = 8,
    AT_LEADER_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_OFFSET_DELTA = 23,
    AT_BASE_TIMESTAMP = 27,
    AT_MAX_TIMESTAMP = 35,
    AT_PRODUCER_ID = 43,
    AT_PRODUCER_EPOCH = 51,
    AT_BASE_SEQUENCE = 53,
    AT_COUNT = 57,
};

enum {
    LENGTH_BEGINS = AT_LEADER_EPOCH, /* the length counts from here to the batch's end */
    CRC_BEGINS = AT_ATTRIBUTES,      /* and so does the checksum from here */
};

enum {
    ATTRIBUTE_CODEC = 0x07,
    ATTRIBUTE_APPEND_TIME = 0x08,
    ATTRIBUTES_OF_A_PRODUCER = ATTRIBUTE_CODEC | ATTRIBUTE_APPEND_TIME,
};

#endif
