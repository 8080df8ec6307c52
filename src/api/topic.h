/*
 * Finding topics. A broker's own metadata may lag behind the controller's, so a topic that is not known here
 * is asked for there before anybody is told that it does not exist.
 */
#ifndef API_TOPIC_H
#define API_TOPIC_H

#include "call.h"

/* What a request needs to know of a topic. */
struct topic {
    struct slice name; /* as the caller gave it */
    uint32_t partition_count;
};

/*
 * OK; INVALID: no such name can be; NOT_FOUND: the controller does not know it either; UNAVAILABLE: that
 * cannot be said now. Waits inside the call's deadline.
 */
enum status topic_find(struct call *call, struct slice name, struct topic *ret_topic,
                       struct error *error) AVIARY_MUST_USE;
/* The same, and the reply says why where it fails: false. */
bool topic_get(struct call *call, struct slice name, struct topic *ret_topic) AVIARY_MUST_USE;
/* The group of a partition; false: the reply says why. */
bool topic_get_partition(struct call *call, const struct topic *topic, uint32_t partition,
                         uint64_t *ret_group) AVIARY_MUST_USE;
/* {topic} and {partition} of the path; false: the reply says why. */
bool topic_get_path(struct call *call, struct topic *ret_topic, uint32_t *ret_partition,
                    uint64_t *ret_group) AVIARY_MUST_USE;

/* Makes the reply the one for a topic error of topic_find. */
void topic_fail(struct call *call, enum status status, const struct error *error);

/*
 * Waits, inside the call's deadline, until the metadata here has applied `index`, so that a client sees at
 * this broker what it just changed through it. 0: nothing to wait for.
 */
void topic_await_metadata(struct call *call, uint64_t index);

#endif
