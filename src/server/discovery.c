#include "discovery.h"

#include "aviary/coordination/static.h"
#include "aviary/coordination/zookeeper.h"

bool discovery_is_alone(const struct config *config) {
    return config->zookeeper[0] == '\0' && config->peers[0] == '\0';
}

enum status discovery_create(const struct config *config, struct error *error,
                             struct coordination **ret_coordination) {
    if (config->zookeeper[0] == '\0') {
        return coordination_static_create(config->peers, config->id, error, ret_coordination);
    }
    struct coordination_zookeeper_config zookeeper = {
        .connect = config->zookeeper,
        .session_timeout_ms = (uint32_t)config->zookeeper_session_ms,
    };
    return coordination_zookeeper_create(&zookeeper, error, ret_coordination);
}

enum status discovery_check(const struct config *config, struct error *error) {
    struct coordination *coordination;
    enum status status = discovery_create(config, error, &coordination);
    if (status == STATUS_OK) {
        coordination_destroy(coordination);
    }
    return status;
}
