/*
 * What brokers ask each other over their peer ports, byte by byte (little-endian; docs/peer-protocol.md,
 * "Calls"). Strings are u16 size and bytes.
 *
 *   hello     empty -> u32 broker id, [16] disk uuid, cluster file (cluster_file.h)
 *   accept    cluster file -> empty
 *   register  [16] cluster id, u32 broker id, [16] disk uuid, rest address, peer address
 *             -> address to ask instead; where that is empty: u64 incarnation, u8 count of first voters, (u32
 * broker id, [16] disk uuid) each, u16 count of brokers, (u32 id, u64 incarnation, [16] disk uuid, rest,
 * peer) each leader    u64 group -> u32 broker id (0: not known), u64 term
 */
#ifndef BROKER_CALLS_H
#define BROKER_CALLS_H

#include "cluster_file.h"

struct registration;

struct call_registered {
    char ask[ADDRESS_SIZE_MAX]; /* not empty: ask there, nothing else is set */
    raft_id incarnation;
    size_t voter_count;
    struct metadata_first_voter voters[FIRST_VOTERS_MAX];
    size_t broker_count;
    struct metadata_broker brokers[BROKERS_MAX];
};

void call_encode_registration(const struct registration *registration, struct buffer *out);
enum status call_decode_registration(struct slice bytes,
                                     struct registration *ret_registration) AVIARY_MUST_USE;
void call_encode_registered(const struct call_registered *registered, struct buffer *out);
enum status call_decode_registered(struct slice bytes,
                                   struct call_registered *ret_registered) AVIARY_MUST_USE;

#endif
