/* The handlers of the routes: each fills the reply and returns nothing. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "call.h"

/* topics.c, topic_create.c, topic_change.c: {topic} */
void handle_list_topics(struct call *call);
void handle_get_topic(struct call *call);
void handle_put_topic(struct call *call);
void handle_patch_topic(struct call *call);
void handle_delete_topic(struct call *call);

/* produce.c: {topic} */
void handle_produce(struct call *call);
/* fetch.c: {topic}, {partition} */
void handle_fetch(struct call *call);
/* message.c: {topic}, {partition}, {offset} */
void handle_get_message(struct call *call);

/* cluster.c */
void handle_get_cluster(struct call *call);
void handle_get_brokers(struct call *call);
/* partitions.c */
void handle_get_partitions(struct call *call);
/* transfer.c: {topic}, {partition} */
void handle_transfer_leader(struct call *call);

/* health.c */
void handle_livez(struct call *call);
void handle_readyz(struct call *call);
/* metrics.c */
void handle_metrics(struct call *call);

/* simple_*.c */
void handle_simple_status(struct call *call);
void handle_simple_heartbeat(struct call *call);
void handle_simple_send(struct call *call);
void handle_simple_messages(struct call *call);
void handle_simple_sync(struct call *call);

#endif
