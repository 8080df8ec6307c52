/*
 * The first start: until this disk belongs to a cluster and the node runs. A disk that does belong to one
 * waits for nobody.
 */
#include "broker_private.h"

enum { START_INTERVAL_MS = 200 };

/* The largest odd number of voters up to FIRST_VOTERS_MAX that so many brokers give. */
static size_t start_voter_count(size_t brokers) {
    size_t count = brokers < FIRST_VOTERS_MAX ? brokers : FIRST_VOTERS_MAX;
    return count % 2 == 1 || count == 0 ? count : count - 1;
}

void start_choose_voters(const struct coordination_broker *brokers, size_t count,
                         struct cluster_file *ret_cluster) {
    ret_cluster->voter_count = start_voter_count(count);
    for (size_t i = 0; i < ret_cluster->voter_count; i++) {
        ret_cluster->voters[i].broker_id = brokers[i].id;
        ret_cluster->voters[i].disk_uuid = brokers[i].disk_uuid;
    }
}

/* Where all brokers had to set their databases aside, a new cluster would seem to work, and be empty. */
bool start_founds_nothing(struct broker *broker) {
    if (broker->options.founds_nothing) {
        housekeeper_set_waiting(
            broker, "waiting for a broker that belongs to the cluster: the database here was set aside "
                    "(db.lost-*). Where none is left, docs/operations.md says how to go on");
    }
    return broker->options.founds_nothing;
}

/* A broker alone is its own cluster. */
static bool start_alone(struct broker *broker, struct cluster_file *ret_cluster) {
    struct cluster_file cluster = {.phase = CLUSTER_MEMBER, .incarnation = 1, .voter_count = 1};
    cluster.voters[0].broker_id = broker->options.id;
    cluster.voters[0].disk_uuid = broker->options.disk_uuid;
    if (uuid_generate(&cluster.cluster_id) != STATUS_OK) {
        return false;
    }
    *ret_cluster = cluster;
    return true;
}

/* What ZooKeeper says of the cluster, or none. */
static bool start_known_cluster(struct broker *broker, struct cluster_file *ret_cluster) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    mutex_lock(&housekeeper->mutex);
    bool known = housekeeper->cluster_known;
    if (known) {
        *ret_cluster = (struct cluster_file){
            .phase = CLUSTER_MEMBER,
            .cluster_id = housekeeper->cluster.id,
            .voter_count = housekeeper->cluster.first_voter_count,
        };
        for (size_t i = 0; i < ret_cluster->voter_count; i++) {
            ret_cluster->voters[i].broker_id = housekeeper->cluster.first_voters[i].broker_id;
            ret_cluster->voters[i].disk_uuid = housekeeper->cluster.first_voters[i].disk_uuid;
        }
    }
    mutex_unlock(&housekeeper->mutex);
    return known;
}

/* Brokers that wait for a first start, this one among them; 0 where one of them already belongs to a cluster.
 */
static size_t start_waiting_brokers(struct broker *broker,
                                    struct coordination_broker ret_brokers[BROKERS_MAX], bool *ret_holder) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    size_t count = 0;
    mutex_lock(&housekeeper->mutex);
    *ret_holder = housekeeper->controller == broker->options.id;
    bool initialised = false;
    for (size_t i = 0; i < housekeeper->announced_count; i++) {
        const struct coordination_broker *announced = &housekeeper->announced[i];
        initialised = initialised || !uuid_is_zero(&announced->cluster_id);
        if (announced->expect == broker->options.expect) {
            ret_brokers[count++] = *announced;
        }
    }
    mutex_unlock(&housekeeper->mutex);
    return initialised ? 0 : count;
}

/* The holder of /controller writes the cluster down once enough brokers stand; everybody reads it then. */
static void start_create_cluster(struct broker *broker, const struct coordination_broker *brokers,
                                 size_t count) {
    struct cluster_file chosen = {0};
    struct coordination_cluster cluster = {0};
    start_choose_voters(brokers, count, &chosen);
    if (uuid_generate(&cluster.id) != STATUS_OK) {
        return;
    }
    cluster.first_voter_count = chosen.voter_count;
    for (size_t i = 0; i < chosen.voter_count; i++) {
        cluster.first_voters[i].broker_id = chosen.voters[i].broker_id;
        cluster.first_voters[i].disk_uuid = chosen.voters[i].disk_uuid;
    }
    enum status status = coordination_create_cluster(broker->options.coordination, &cluster);
    if (status != STATUS_OK) {
        log_warn("broker", "cluster not created", "status=%s", status_name(status));
    }
}

static bool start_over_zookeeper(struct broker *broker, struct cluster_file *ret_cluster) {
    struct cluster_file cluster;
    if (start_known_cluster(broker, &cluster)) {
        cluster.incarnation =
            cluster_file_incarnation(&cluster, broker->options.id, &broker->options.disk_uuid);
        if (cluster.incarnation != 0) {
            *ret_cluster = cluster;
            return true;
        }
        return join_cluster(broker, &cluster.cluster_id, ret_cluster);
    }
    if (start_founds_nothing(broker)) {
        return false;
    }
    struct coordination_broker brokers[BROKERS_MAX];
    bool holder;
    size_t count = start_waiting_brokers(broker, brokers, &holder);
    if (count < broker->options.expect) {
        housekeeper_set_waiting(broker, "waiting for %zu of %u brokers", broker->options.expect - count,
                                broker->options.expect);
    } else {
        housekeeper_set_waiting(broker, "waiting for the cluster to be written down");
        if (holder) {
            start_create_cluster(broker, brokers, count);
        }
    }
    return false;
}

static bool start_try(struct broker *broker, struct cluster_file *ret_cluster) {
    struct coordination_status status;
    coordination_status(broker->options.coordination, &status);
    switch (status.mode) {
    case COORDINATION_ALONE:
        return start_alone(broker, ret_cluster);
    case COORDINATION_STATIC:
        return start_static_try(broker, ret_cluster);
    case COORDINATION_ZOOKEEPER:
        return start_over_zookeeper(broker, ret_cluster);
    }
    return false;
}

/* False: the thread shall end. */
static bool start_first(struct broker *broker, struct cluster_file *ret_cluster) {
    while (!housekeeper_is_stopping(broker)) {
        if (!start_try(broker, ret_cluster)) {
            housekeeper_wait(broker, START_INTERVAL_MS);
            continue;
        }
        enum status status = broker_save_cluster(broker, ret_cluster);
        if (status != STATUS_OK) {
            broker_fail(broker, "the disk did not take the cluster's id");
        }
        return status == STATUS_OK;
    }
    return false;
}

static void start_tell_coordination(struct broker *broker, const struct cluster_file *cluster) {
    struct coordination_cluster told = {
        .id = cluster->cluster_id,
        .first_voter_count = cluster->voter_count,
    };
    for (size_t i = 0; i < cluster->voter_count; i++) {
        told.first_voters[i].broker_id = cluster->voters[i].broker_id;
        told.first_voters[i].disk_uuid = cluster->voters[i].disk_uuid;
    }
    coordination_set_cluster(broker->options.coordination, &told);
}

void start_until_running(struct broker *broker) {
    struct cluster_file cluster;
    struct error error = {.message = "the replicas could not be opened"};
    char id[UUID_TEXT_SIZE];
    broker_get_cluster(broker, &cluster);
    if (cluster.phase != CLUSTER_MEMBER && !start_first(broker, &cluster)) {
        return;
    }
    enum status status = broker_run(broker, &cluster, &error);
    if (status == STATUS_CORRUPT) {
        damage_at_start(broker, error.message);
        return;
    }
    if (status != STATUS_OK) {
        broker_fail(broker, error.message);
        return;
    }
    uuid_format(&cluster.cluster_id, id);
    log_info("broker", "cluster", "id=%s incarnation=%lu", id, (unsigned long)cluster.incarnation);
    housekeeper_set_waiting(broker, "%s", "");
    peers_say_identity(broker);
    start_tell_coordination(broker, &cluster);
}
