/* All partitions of the metadata, copied, so that what blocks can be asked without its lock. */
#ifndef API_PARTITION_LIST_H
#define API_PARTITION_LIST_H

#include "call.h"

struct listed_partition {
    uint64_t group;
    uint32_t partition;
    uint32_t replica_count;
    uint32_t preferred_leader; /* broker id */
    size_t name_at;            /* of the topic's name, in `names` */
};

struct partition_list {
    struct buffer names;           /* each ends with NUL */
    struct listed_partition *list; /* by topic name and number; owned */
    size_t count;
};

/* `topic` NULL: those of all topics. UNAVAILABLE, NO_MEMORY. Finish in any case. */
enum status partition_list_init(struct partition_list *list, struct api *api, const struct slice *topic,
                                struct error *error) AVIARY_MUST_USE;
void partition_list_finish(struct partition_list *list);
const char *partition_list_topic(const struct partition_list *list, size_t position);

#define _cleanup_partition_list_ __attribute__((cleanup(partition_list_finish)))

#endif
