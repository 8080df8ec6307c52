#include "raft_driver.h"

#include "aviary/raft/entry.h"

#include <stdlib.h>

enum { SNAPSHOT_SENT_AFTER_MS = 20 };

static void send_message(struct cluster *cluster, const struct raft_message *message) {
    network_send(&cluster->network, cluster->now_ms, message);
}

static struct blob *encode_own_entry(const struct node *node, const struct raft_entry *entry) {
    _cleanup_buffer_ struct buffer payload;
    buffer_init(&payload, 4096);
    if (entry->type == RAFT_ENTRY_CONFIGURATION) {
        raft_configuration_encode(raft_latest_configuration(node->raft), &payload);
    }
    struct blob *blob = entry_blob_create(buffer_slice(&payload));
    ASSERT(blob);
    entry_seal(blob, &(struct entry_header){.type = entry->type, .index = entry->index, .term = entry->term});
    return blob;
}

static void take_entries(const struct node *node, struct disk_write *write) {
    write->entries = disk_entries_copy(node->effects.append, node->effects.append_count);
    write->entry_count = node->effects.append_count;
    for (size_t i = 0; i < write->entry_count; i++) {
        if (!write->entries[i].blob) {
            write->entries[i].blob = encode_own_entry(node, &write->entries[i]);
        }
    }
}

void driver_write(struct cluster *cluster, struct node *node, struct disk_write write) {
    write.sequence = ++cluster->sequence;
    disk_apply(&node->memory, &write);
    if (node->write_count == node->write_capacity) {
        node->write_capacity = node->write_capacity * 2 + 8;
        node->writes = realloc(node->writes, node->write_capacity * sizeof *node->writes);
        ASSERT(node->writes);
    }
    node->writes[node->write_count++] = write;
}

static void take_snapshot_state(const struct node *node, struct disk_write *write) {
    const struct raft_message *install = node->effects.install;
    write->rebase = true;
    write->install = true;
    write->base_index = install->index;
    write->base_term = install->log_term;
    write->base_digest = bytes_get_u64le(install->data->data);
    write->base_configuration = install->configuration;
}

static void store(struct cluster *cluster, struct node *node) {
    const struct raft_effects *effects = &node->effects;
    if (!effects->hard_state_changed && !effects->configurations_changed && effects->truncate_from == 0 &&
        effects->append_count == 0 && !effects->install) {
        return;
    }
    struct disk_write write = {
        .hard_state = effects->hard_state_changed,
        .term = raft_term(node->raft),
        .vote = raft_vote(node->raft),
        .configurations_changed = effects->configurations_changed,
        .truncate_from = effects->truncate_from,
    };
    if (effects->configurations_changed) {
        size_t count;
        const struct raft_indexed_configuration *items = raft_configurations(node->raft, &count);
        memcpy(write.configurations, items, count * sizeof *items);
        write.configuration_count = count;
    }
    take_entries(node, &write);
    if (effects->install) {
        take_snapshot_state(node, &write);
    }
    /* Lags on purpose: only what was applied before this step. */
    write.commit_index = node->applied_index > write.base_index ? node->applied_index : write.base_index;
    driver_write(cluster, node, write);
    if (effects->install) {
        invariants_installs(&cluster->invariants, write.base_index, write.base_digest);
        node->applied_index = write.base_index;
        node->digest = write.base_digest;
    }
}

static void hold(struct node *node, const struct raft_message *message) {
    if (node->held_count == node->held_capacity) {
        node->held_capacity = node->held_capacity * 2 + 8;
        node->held = realloc(node->held, node->held_capacity * sizeof *node->held);
        ASSERT(node->held);
    }
    node->held[node->held_count++] =
        (struct held){.sequence = node->writes[node->write_count - 1].sequence, .message = *message};
}

static void send_all(struct cluster *cluster, struct node *node) {
    for (size_t i = 0; i < node->effects.outgoing_count; i++) {
        const struct raft_outgoing *outgoing = &node->effects.outgoing[i];
        if (outgoing->when == RAFT_SEND_AFTER_PERSIST && node->write_count > 0) {
            hold(node, &outgoing->message);
        } else {
            send_message(cluster, &outgoing->message);
        }
    }
}

static void send_snapshot(struct cluster *cluster, struct node *node, raft_id peer) {
    const struct disk *disk = &node->memory;
    ASSERT(disk->base_index > 0);
    uint8_t state[8];
    bytes_put_u64le(state, disk->base_digest);
    struct raft_message message = {
        .type = RAFT_MESSAGE_SNAPSHOT,
        .from = node->id,
        .to = peer,
        .term = raft_term(node->raft),
        .index = disk->base_index,
        .log_term = disk->base_term,
        .configuration = disk->base_configuration,
        .data = blob_copy(slice_make(state, sizeof state)),
        .data_total = sizeof state,
    };
    send_message(cluster, &message);
    raft_message_finish(&message);
    node->snapshot_done_ms[peer] = cluster->now_ms + SNAPSHOT_SENT_AFTER_MS;
    node->snapshot_index[peer] = disk->base_index;
}

static void send_appends(struct cluster *cluster, struct node *node, raft_id peer) {
    struct raft_message message;
    uint64_t count;
    while (raft_next_append(node->raft, peer, &message, &count)) {
        if (message.type == RAFT_MESSAGE_SNAPSHOT) {
            send_snapshot(cluster, node, peer);
            continue;
        }
        uint64_t bytes = 0;
        for (uint64_t i = 0; i < count; i++) {
            const struct raft_entry *entry = disk_entry(&node->memory, message.index + 1 + i);
            ASSERT(entry);
            bytes += entry->blob->size;
        }
        struct disk *disk = &node->memory;
        message.entries = disk->entries ? disk->entries + (message.index - disk->base_index) : NULL;
        message.entry_count = (size_t)count;
        raft_append_sent(node->raft, peer, count, bytes);
        send_message(cluster, &message);
    }
}

static void apply(struct cluster *cluster, struct node *node) {
    while (node->applied_index < raft_commit_index(node->raft)) {
        const struct raft_entry *entry = disk_entry(&node->memory, node->applied_index + 1);
        ASSERT(entry);
        node->digest = invariants_applies(&cluster->invariants, node->digest, entry);
        node->applied_index++;
    }
}

static void keep_reads(struct node *node) {
    for (size_t i = 0; i < node->effects.read_count && node->read_count < CLUSTER_READS_MAX; i++) {
        node->reads[node->read_count++] = node->effects.reads[i];
    }
}

void driver_carry_out(struct cluster *cluster, struct node *node) {
    store(cluster, node);
    send_all(cluster, node);
    ASSERT(disk_last_index(&node->memory) == raft_last_index(node->raft));
    if (raft_role(node->raft) == RAFT_LEADER) {
        invariants_leads(&cluster->invariants, node->id, raft_term(node->raft), &node->memory);
        const struct raft_configuration *members = raft_latest_configuration(node->raft);
        for (uint32_t i = 0; i < members->count; i++) {
            send_appends(cluster, node, members->members[i].id);
        }
    }
    apply(cluster, node);
    keep_reads(node);
    if (node->effects.role_changed) {
        cluster_note(cluster, "%llu is %s term=%llu leader=%llu", (unsigned long long)node->id,
                     raft_role_name(raft_role(node->raft)), (unsigned long long)raft_term(node->raft),
                     (unsigned long long)raft_leader(node->raft));
    }
    if (node->effects.commit_advanced) {
        cluster_note(cluster, "%llu commits %llu", (unsigned long long)node->id,
                     (unsigned long long)raft_commit_index(node->raft));
    }
}

static void send_held(struct cluster *cluster, struct node *node, uint64_t sequence) {
    size_t sent = 0;
    while (sent < node->held_count && node->held[sent].sequence <= sequence) {
        send_message(cluster, &node->held[sent].message);
        sent++;
    }
    if (sent == 0) {
        return;
    }
    node->held_count -= sent;
    memmove(node->held, node->held + sent, node->held_count * sizeof *node->held);
}

static void persist_first(struct cluster *cluster, struct node *node, bool told) {
    struct disk_write write = node->writes[0];
    node->write_count--;
    memmove(node->writes, node->writes + 1, node->write_count * sizeof *node->writes);
    disk_apply(&node->durable, &write);
    if (told) {
        send_held(cluster, node, write.sequence);
        if (write.entry_count > 0) {
            const struct raft_entry *last = &write.entries[write.entry_count - 1];
            (void)cluster_step(
                cluster, node->id,
                (struct raft_event){.type = RAFT_EVENT_PERSISTED, .index = last->index, .term = last->term});
        }
    }
    disk_write_finish(&write);
}

void driver_persist(struct cluster *cluster, struct node *node, size_t count, bool told) {
    for (; count > 0 && node->write_count > 0; count--) {
        persist_first(cluster, node, told);
    }
}

void driver_drop_writes(struct node *node) {
    for (size_t i = 0; i < node->write_count; i++) {
        disk_write_finish(&node->writes[i]);
    }
    node->write_count = 0;
    node->held_count = 0;
}

void driver_start(struct cluster *cluster, struct node *node) {
    disk_copy(&node->memory, &node->durable);
    struct raft_options options = {
        .self = node->id,
        .heartbeat_ms = CLUSTER_HEARTBEAT_MS,
        .election_min_ms = CLUSTER_ELECTION_MIN_MS,
        .election_max_ms = CLUSTER_ELECTION_MAX_MS,
        .inflight_appends_max = cluster->inflight_appends_max,
        .inflight_bytes_max = cluster->inflight_bytes_max,
        .append_entries_max = cluster->append_entries_max,
        .seed = cluster->seed + 1000 * ++cluster->lives,
        .now_ms = cluster->now_ms,
    };
    node->raft = disk_start(&node->memory, &options);
    node->up = true;
    node->applied_index = node->memory.base_index;
    node->digest = node->memory.base_digest;
    node->read_count = 0;
    memset(node->snapshot_done_ms, 0, sizeof node->snapshot_done_ms);
}
