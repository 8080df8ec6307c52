#include "partition_list.h"

#include <stdlib.h>

void partition_list_finish(struct partition_list *list) {
    buffer_finish(&list->names);
    free(list->list);
    *list = (struct partition_list){0};
}

const char *partition_list_topic(const struct partition_list *list, size_t position) {
    return (const char *)list->names.data + list->list[position].name_at;
}

static void add_topic(struct partition_list *list, const struct metadata *metadata,
                      const struct metadata_topic *topic) {
    size_t name_at = list->names.size;
    buffer_append(&list->names, topic->name, strlen(topic->name) + 1);
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        const struct metadata_partition *partition = &topic->partitions[i];
        list->list[list->count++] = (struct listed_partition){
            .group = partition->group,
            .partition = i,
            .replica_count = partition->replica_count,
            .preferred_leader = metadata_broker_id_of(metadata, partition->replicas[0]),
            .name_at = name_at,
        };
    }
}

enum status partition_list_init(struct partition_list *list, struct api *api, const struct slice *topic,
                                struct error *error) {
    *list = (struct partition_list){0};
    buffer_init(&list->names, (size_t)TOPICS_MAX * (NAME_SIZE_MAX + 1));
    const struct metadata *metadata;
    enum status status = broker_lock_metadata(api->broker, &metadata, error);
    if (status != STATUS_OK) {
        return status;
    }
    list->list = calloc(metadata_partition_count(metadata) + 1, sizeof *list->list);
    for (size_t i = 0; list->list && i < metadata_topic_count(metadata); i++) {
        const struct metadata_topic *each = metadata_topic_at(metadata, i);
        if (topic == NULL || slice_equal(*topic, slice_of_string(each->name))) {
            add_topic(list, metadata, each);
        }
    }
    broker_unlock_metadata(api->broker);
    if (list->list == NULL || buffer_status(&list->names) != STATUS_OK) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to list the partitions");
    }
    return STATUS_OK;
}
