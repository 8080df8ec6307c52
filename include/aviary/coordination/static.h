/*
 * coordination without ZooKeeper: a static list of peers, or a broker alone.
 *
 * coordination_start delivers one BROKERS_CHANGED from within itself: the list, with this broker's own
 * announcement in full. There is no session, no controller node and no view: publishing functions do nothing
 * and return OK, coordination_create_cluster returns UNSUPPORTED (a static first start is agreed among the
 * peers).
 */
#ifndef AVIARY_COORDINATION_STATIC_H
#define AVIARY_COORDINATION_STATIC_H

#include "aviary/coordination.h"

/*
 * `peers`: "1=host:port,2=host:port", peer ports, own one included; an IPv6 host stands in brackets. NULL or
 * empty: alone. INVALID on anything malformed, an id or address given twice, more than BROKERS_MAX, or a list
 * without `self_id`.
 */
enum status coordination_static_create(const char *peers, uint32_t self_id, struct error *error,
                                       struct coordination **ret_coordination) AVIARY_MUST_USE;

#endif
