/*
 * What brokers ask each other over their peer ports, and what they answer: docs/peer-protocol.md, "Calls",
 * has the tables. Here: registrations, and the answers to them.
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
