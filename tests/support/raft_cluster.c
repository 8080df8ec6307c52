#include "raft_cluster.h"

#include "raft_driver.h"

#include "aviary/raft/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATIENCE_MS = 10000, LOGS_CHECKED_EACH_MS = 20 };

struct node *cluster_node(struct cluster *cluster, raft_id id) {
    ASSERT(id >= 1 && id <= cluster->node_count);
    return &cluster->nodes[id - 1];
}

raft_id cluster_add(struct cluster *cluster) {
    ASSERT(cluster->node_count < CLUSTER_NODES_MAX);
    struct node *node = &cluster->nodes[cluster->node_count++];
    *node = (struct node){.id = cluster->node_count};
    raft_effects_init(&node->effects);
    disk_init(&node->durable, &cluster->first);
    driver_start(cluster, node);
    return node->id;
}

void cluster_init(struct cluster *cluster, size_t voters, size_t learners, uint64_t seed) {
    memset(cluster, 0, sizeof *cluster);
    cluster->seed = seed;
    cluster->inflight_appends_max = 4;
    cluster->inflight_bytes_max = 4096;
    cluster->append_entries_max = 8;
    network_init(&cluster->network, seed);
    invariants_init(&cluster->invariants);
    buffer_init(&cluster->trace, CLUSTER_TRACE_MAX);
    cluster->first.count = (uint32_t)(voters + learners);
    for (size_t i = 0; i < voters + learners; i++) {
        cluster->first.members[i] = (struct raft_member){.id = i + 1, .voter = i < voters};
    }
    for (size_t i = 0; i < voters + learners; i++) {
        (void)cluster_add(cluster);
    }
}

void cluster_finish(struct cluster *cluster) {
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        driver_drop_writes(node);
        raft_destroy(node->raft);
        raft_effects_finish(&node->effects);
        disk_finish(&node->memory);
        disk_finish(&node->durable);
        free(node->writes);
        free(node->held);
    }
    network_finish(&cluster->network);
    invariants_finish(&cluster->invariants);
    buffer_finish(&cluster->trace);
}

enum status cluster_step(struct cluster *cluster, raft_id id, struct raft_event event) {
    struct node *node = cluster_node(cluster, id);
    ASSERT(node->up);
    event.now_ms = cluster->now_ms;
    enum status status = raft_step(node->raft, &event, &node->effects);
    if (status == STATUS_OK) {
        driver_carry_out(cluster, node);
    }
    return status;
}

/* Heartbeats are left out: they would be most of it. */
static void trace_message(struct cluster *cluster, const struct raft_message *message) {
    if (message->type == RAFT_MESSAGE_HEARTBEAT || message->type == RAFT_MESSAGE_HEARTBEAT_RESPONSE) {
        return;
    }
    char entries[64] = "";
    if (message->type == RAFT_MESSAGE_APPEND) {
        (void)snprintf(entries, sizeof entries, " entries=%zu commit=%" PRIu64, message->entry_count,
                       message->commit);
    } else if (message->type == RAFT_MESSAGE_APPEND_RESPONSE && message->reject) {
        (void)snprintf(entries, sizeof entries, " hint=%" PRIu64 "/%" PRIu64, message->hint_index,
                       message->hint_term);
    }
    cluster_note(cluster, "%" PRIu64 " > %" PRIu64 " %s term=%" PRIu64 " at=%" PRIu64 "/%" PRIu64 "%s%s%s",
                 message->from, message->to, raft_message_name(message->type), message->term, message->index,
                 message->log_term, entries, message->reject ? " reject" : "",
                 message->forced ? " forced" : "");
}

void cluster_deliver(struct cluster *cluster, const struct raft_message *message) {
    struct node *node = cluster_node(cluster, message->to);
    if (!node->up || cluster->network.cut[message->from][message->to]) {
        return;
    }
    trace_message(cluster, message);
    (void)cluster_step(cluster, message->to,
                       (struct raft_event){.type = RAFT_EVENT_MESSAGE, .message = message});
}

const struct raft_message *cluster_sent(const struct cluster *cluster, raft_id from,
                                        enum raft_message_type type) {
    const struct packet *newest = NULL;
    for (size_t i = 0; i < cluster->network.count; i++) {
        const struct packet *packet = &cluster->network.packets[i];
        if (packet->message.from == from && packet->message.type == type &&
            (!newest || packet->sequence > newest->sequence)) {
            newest = packet;
        }
    }
    return newest ? &newest->message : NULL;
}

static void deliver_all(struct cluster *cluster) {
    struct raft_message message;
    while (network_receive(&cluster->network, cluster->now_ms, &message)) {
        cluster_deliver(cluster, &message);
        raft_message_finish(&message);
    }
}

static void end_snapshots(struct cluster *cluster, struct node *node) {
    for (raft_id peer = 1; peer < NETWORK_IDS_MAX; peer++) {
        if (node->snapshot_done_ms[peer] != 0 && cluster->now_ms >= node->snapshot_done_ms[peer]) {
            node->snapshot_done_ms[peer] = 0;
            (void)cluster_step(cluster, node->id,
                               (struct raft_event){.type = RAFT_EVENT_SNAPSHOT_DONE,
                                                   .peer = peer,
                                                   .index = node->snapshot_index[peer],
                                                   .ok = true});
        }
    }
}

static void run_node(struct cluster *cluster, struct node *node) {
    if (!node->slow_disk) {
        driver_persist(cluster, node, node->write_count, true);
    }
    end_snapshots(cluster, node);
    if ((cluster->now_ms + node->id) % CLUSTER_TICK_MS == 0) {
        (void)cluster_step(cluster, node->id, (struct raft_event){.type = RAFT_EVENT_TICK});
    }
}

static void check_logs(struct cluster *cluster) {
    for (size_t i = 0; i < cluster->node_count; i++) {
        for (size_t j = i + 1; j < cluster->node_count; j++) {
            invariants_logs_match(&cluster->nodes[i].memory, &cluster->nodes[j].memory);
        }
    }
}

void cluster_run(struct cluster *cluster, uint64_t ms) {
    for (uint64_t i = 0; i < ms; i++) {
        cluster->now_ms++;
        deliver_all(cluster);
        for (size_t j = 0; j < cluster->node_count; j++) {
            if (cluster->nodes[j].up) {
                run_node(cluster, &cluster->nodes[j]);
            }
        }
        if (cluster->now_ms % LOGS_CHECKED_EACH_MS == 0) {
            check_logs(cluster);
        }
    }
}

raft_id cluster_leader(struct cluster *cluster) {
    const struct node *leader = NULL;
    for (size_t i = 0; i < cluster->node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        if (node->up && raft_role(node->raft) == RAFT_LEADER &&
            (!leader || raft_term(node->raft) > raft_term(leader->raft))) {
            leader = node;
        }
    }
    return leader ? leader->id : 0;
}

static void __attribute__((noreturn)) give_up(const struct cluster *cluster, const char *why) {
    (void)fprintf(stderr, "seed %" PRIu64 " at %" PRIu64 " ms: %s\n", cluster->seed, cluster->now_ms, why);
    abort();
}

raft_id cluster_run_to_leader(struct cluster *cluster) {
    for (uint64_t i = 0; i < PATIENCE_MS; i++) {
        raft_id id = cluster_leader(cluster);
        if (id != 0 && raft_has_quorum(cluster_node(cluster, id)->raft, cluster->now_ms) &&
            raft_commit_index(cluster_node(cluster, id)->raft) >=
                raft_term_start_index(cluster_node(cluster, id)->raft)) {
            return id;
        }
        cluster_run(cluster, 1);
    }
    give_up(cluster, "no leader within ten seconds");
}

static bool all_agree(struct cluster *cluster, raft_id leader) {
    uint64_t last = raft_last_index(cluster_node(cluster, leader)->raft);
    for (size_t i = 0; i < cluster->node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        bool member =
            raft_configuration_find(raft_latest_configuration(cluster_node(cluster, leader)->raft), node->id);
        if (node->up && member && (node->applied_index != last || raft_last_index(node->raft) != last)) {
            return false;
        }
    }
    return true;
}

void cluster_run_to_agreement(struct cluster *cluster) {
    for (uint64_t i = 0; i < PATIENCE_MS; i++) {
        raft_id leader = cluster_leader(cluster);
        if (leader != 0 && all_agree(cluster, leader)) {
            return;
        }
        cluster_run(cluster, 1);
    }
    give_up(cluster, "no agreement within ten seconds");
}

struct blob *cluster_entry_blob(uint64_t index, uint64_t term, enum raft_entry_type type, uint64_t value) {
    uint8_t payload[8];
    bytes_put_u64le(payload, value);
    struct blob *blob = entry_blob_create(slice_make(payload, sizeof payload));
    ASSERT(blob);
    entry_seal(blob, &(struct entry_header){.type = type, .index = index, .term = term});
    return blob;
}

enum status cluster_propose(struct cluster *cluster, raft_id id, uint64_t value) {
    struct raft *raft = cluster_node(cluster, id)->raft;
    struct raft_entry entry = {
        .index = raft_next_index(raft), .term = raft_term(raft), .type = RAFT_ENTRY_COMMAND};
    _cleanup_blob_ struct blob *blob = cluster_entry_blob(entry.index, entry.term, entry.type, value);
    entry.blob = blob;
    return cluster_step(cluster, id,
                        (struct raft_event){.type = RAFT_EVENT_PROPOSE, .entries = &entry, .entry_count = 1});
}

enum status cluster_change(struct cluster *cluster, raft_id id, const struct raft_configuration *to) {
    return cluster_step(cluster, id,
                        (struct raft_event){.type = RAFT_EVENT_CHANGE_CONFIGURATION, .configuration = to});
}

enum status cluster_transfer(struct cluster *cluster, raft_id id, raft_id to) {
    return cluster_step(cluster, id, (struct raft_event){.type = RAFT_EVENT_TRANSFER, .peer = to});
}

enum status cluster_read(struct cluster *cluster, raft_id id, uint64_t context) {
    return cluster_step(cluster, id, (struct raft_event){.type = RAFT_EVENT_READ_INDEX, .context = context});
}

const struct raft_read *cluster_read_end(struct cluster *cluster, raft_id id, uint64_t context) {
    struct node *node = cluster_node(cluster, id);
    for (size_t i = 0; i < node->read_count; i++) {
        if (node->reads[i].context == context) {
            return &node->reads[i];
        }
    }
    return NULL;
}

void cluster_crash(struct cluster *cluster, raft_id id, bool closes) {
    struct node *node = cluster_node(cluster, id);
    ASSERT(node->up);
    cluster_note(cluster, "%" PRIu64 " crashes", id);
    node->up = false;
    raft_destroy(node->raft);
    node->raft = NULL;
    driver_drop_writes(node);
    disk_copy(&node->memory, &node->durable);
    for (raft_id other = 1; closes && other <= cluster->node_count; other++) {
        if (cluster_node(cluster, other)->up) {
            (void)cluster_step(cluster, other,
                               (struct raft_event){.type = RAFT_EVENT_PEER_CLOSED, .peer = id});
        }
    }
}

void cluster_restart(struct cluster *cluster, raft_id id) {
    struct node *node = cluster_node(cluster, id);
    ASSERT(!node->up);
    cluster_note(cluster, "%" PRIu64 " restarts", id);
    driver_start(cluster, node);
}

void cluster_persist(struct cluster *cluster, raft_id id, size_t count) {
    driver_persist(cluster, cluster_node(cluster, id), count, true);
}

void cluster_persist_silently(struct cluster *cluster, raft_id id, size_t count) {
    driver_persist(cluster, cluster_node(cluster, id), count, false);
}

void cluster_compact(struct cluster *cluster, raft_id id) {
    struct node *node = cluster_node(cluster, id);
    if (node->applied_index == node->memory.base_index) {
        return;
    }
    const struct raft_configuration *configuration = raft_configuration_at(node->raft, node->applied_index);
    ASSERT(configuration);
    struct disk_write write = {
        .rebase = true,
        .commit_index = node->applied_index,
        .base_index = node->applied_index,
        .base_term = raft_term_at(node->raft, node->applied_index),
        .base_digest = node->digest,
        .base_configuration = *configuration,
    };
    driver_write(cluster, node, write);
    (void)cluster_step(cluster, id,
                       (struct raft_event){.type = RAFT_EVENT_COMPACTED, .index = node->applied_index});
}

void cluster_cut(struct cluster *cluster, raft_id a, raft_id b) {
    cluster->network.cut[a][b] = true;
    cluster->network.cut[b][a] = true;
}

void cluster_isolate(struct cluster *cluster, raft_id id) {
    cluster_note(cluster, "%" PRIu64 " is cut off", id);
    for (raft_id other = 1; other < NETWORK_IDS_MAX; other++) {
        if (other != id) {
            cluster_cut(cluster, id, other);
        }
    }
}

void cluster_heal(struct cluster *cluster) {
    cluster_note(cluster, "all links are whole");
    memset(cluster->network.cut, 0, sizeof cluster->network.cut);
}

void cluster_set_log(struct cluster *cluster, raft_id id, uint64_t term, const uint64_t *terms,
                     size_t count) {
    struct node *node = cluster_node(cluster, id);
    ASSERT(!node->up);
    disk_finish(&node->durable);
    disk_init(&node->durable, &cluster->first);
    struct raft_entry *entries = calloc(count + 1, sizeof *entries);
    ASSERT(entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct raft_entry){.index = i + 1, .term = terms[i], .type = RAFT_ENTRY_COMMAND};
        entries[i].blob = cluster_entry_blob(i + 1, terms[i], RAFT_ENTRY_COMMAND, terms[i] * 1000 + i + 1);
    }
    struct disk_write write = {.hard_state = true, .term = term, .entries = entries, .entry_count = count};
    disk_apply(&node->durable, &write);
    disk_write_finish(&write);
    disk_copy(&node->memory, &node->durable);
}

void cluster_note(struct cluster *cluster, const char *format, ...) {
    if (!cluster->tracing) {
        return;
    }
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_append_format(&cluster->trace, "%6" PRIu64 "  %s\n", cluster->now_ms, line);
}

static bool write_file(const char *path, struct slice bytes) {
    FILE *file = fopen(path, "w");
    if (!file) {
        return false;
    }
    bool written = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    return fclose(file) == 0 && written;
}

static bool file_equals(const char *path, struct slice bytes) {
    FILE *file = fopen(path, "r");
    if (!file) {
        return false;
    }
    _cleanup_free_ uint8_t *content = malloc(CLUSTER_TRACE_MAX);
    size_t size = content ? fread(content, 1, CLUSTER_TRACE_MAX, file) : 0;
    (void)fclose(file);
    return slice_equal(slice_make(content, size), bytes);
}

bool cluster_trace_is_golden(struct cluster *cluster, const char *name) {
    ASSERT(buffer_status(&cluster->trace) == STATUS_OK);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/raft_%s.txt", GOLDEN_FOLDER, name);
    const char *mode = getenv("AVIARY_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        return write_file(path, buffer_slice(&cluster->trace));
    }
    if (file_equals(path, buffer_slice(&cluster->trace))) {
        return true;
    }
    (void)fprintf(stderr, "the trace differs from %s; it is now:\n%.*s", path, (int)cluster->trace.size,
                  (const char *)cluster->trace.data);
    return false;
}
