/* The route table: every request that Aviary answers. */
#include "handlers.h"
#include "route.h"

const struct route api_routes[] = {
    /* The hot ones first: the table is searched from its top. */
    {HTTP_METHOD_POST, "/v1/topics/{topic}/messages", handle_produce},
    {HTTP_METHOD_GET, "/v1/topics/{topic}/partitions/{partition}/messages", handle_fetch},
    {HTTP_METHOD_GET, "/v1/topics/{topic}/partitions/{partition}/messages/{offset}", handle_get_message},

    {HTTP_METHOD_GET, "/v1/topics", handle_list_topics},
    {HTTP_METHOD_GET, "/v1/topics/{topic}", handle_get_topic},
    {HTTP_METHOD_PUT, "/v1/topics/{topic}", handle_put_topic},
    {HTTP_METHOD_PATCH, "/v1/topics/{topic}", handle_patch_topic},
    {HTTP_METHOD_DELETE, "/v1/topics/{topic}", handle_delete_topic},

    {HTTP_METHOD_GET, "/v1/cluster", handle_get_cluster},
    {HTTP_METHOD_GET, "/v1/brokers", handle_get_brokers},
    {HTTP_METHOD_GET, "/v1/partitions", handle_get_partitions},
    {HTTP_METHOD_POST, "/v1/partitions/{topic}/{partition}:transfer-leader", handle_transfer_leader},

    {HTTP_METHOD_GET, "/livez", handle_livez},
    {HTTP_METHOD_GET, "/readyz", handle_readyz},
    {HTTP_METHOD_GET, "/metrics", handle_metrics},

    {HTTP_METHOD_GET, "/status", handle_simple_status},
    {HTTP_METHOD_GET, "/heartbeat", handle_simple_heartbeat},
    {HTTP_METHOD_POST, "/send", handle_simple_send},
    {HTTP_METHOD_GET, "/messages", handle_simple_messages},
    {HTTP_METHOD_POST, "/sync", handle_simple_sync},
};

const size_t api_route_count = sizeof api_routes / sizeof api_routes[0];
