/* What the topic handlers share. */
#ifndef API_TOPICS_H
#define API_TOPICS_H

#include "leader.h"
#include "topic.h"

/* A topic as JSON: name, id, version, counts, configs, partitions with their replicas. */
void topics_write(struct json_writer *writer, const struct metadata *metadata,
                  const struct metadata_topic *topic);
/* The topic as the reply's body, with its ETag and X-Metadata-Index; `http_status` where it is there. */
void topics_reply(struct call *call, const char *name, unsigned http_status);
/* For a reply of the controller: how far its metadata is, for topic_await_metadata at the forwarder. */
void topics_tell_index(struct call *call);

/* {topic} of the path, as a string; false: the reply says why. */
bool topics_get_name(struct call *call, char ret_name[NAME_SIZE_MAX + 1]) AVIARY_MUST_USE;

/*
 * Topic configs of a request's body, ascending by name. Values may be strings, whole numbers or booleans, and
 * null, which removes, where `may_remove`. The array is malloc'ed. False: the reply says why.
 */
bool topics_read_configs(struct call *call, const struct json *body, bool may_remove,
                         struct metadata_config **ret_configs, uint32_t *ret_count) AVIARY_MUST_USE;

/* Sends a change to the controller, gives back its answer, and waits until this broker sees what was changed.
 */
enum leader_outcome topics_forward(struct call *call, const struct broker_route *route,
                                   const struct hop *hop);

/*
 * Makes a topic, at the controller wherever it is: PUT /v1/topics/{name} with `body`. The reply is 201, 200
 * (an identical one is there), 409 (a different one) or another error.
 */
void topics_create(struct call *call, const char *name, struct slice body);

#endif
