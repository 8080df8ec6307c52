#include "core.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 8 };

void raft_effects_init(struct raft_effects *effects) {
    *effects = (struct raft_effects){0};
}

void raft_effects_finish(struct raft_effects *effects) {
    free(effects->outgoing);
    free(effects->reads);
    free(effects->append_storage);
    *effects = (struct raft_effects){0};
}

void raft_effects_clear(struct raft_effects *effects) {
    *effects = (struct raft_effects){
        .outgoing = effects->outgoing,
        .outgoing_capacity = effects->outgoing_capacity,
        .reads = effects->reads,
        .read_capacity = effects->read_capacity,
        .append_storage = effects->append_storage,
        .append_capacity = effects->append_capacity,
    };
}

void raft_fail(struct raft *raft, enum status status) {
    if (raft->failure == STATUS_OK) {
        raft->failure = status;
    }
}

/* Grows `array` to hold `count` elements. What one step can ask for is bounded: members, reads, entries of a
 * message. */
static bool reserve(struct raft *raft, void **array, size_t *capacity, size_t count, size_t element_size) {
    if (count <= *capacity) {
        return true;
    }
    size_t grown = *capacity > 0 ? *capacity * 2 : CAPACITY_FIRST;
    if (grown < count) {
        grown = count;
    }
    void *memory = realloc(*array, grown * element_size);
    if (!memory) {
        raft_fail(raft, STATUS_NO_MEMORY);
        return false;
    }
    *array = memory;
    *capacity = grown;
    return true;
}

void raft_send(struct raft *raft, enum raft_send when, const struct raft_message *message) {
    struct raft_effects *effects = raft->effects;
    void *array = effects->outgoing;
    if (!reserve(raft, &array, &effects->outgoing_capacity, effects->outgoing_count + 1,
                 sizeof *effects->outgoing)) {
        return;
    }
    effects->outgoing = array;
    struct raft_outgoing *outgoing = &effects->outgoing[effects->outgoing_count++];
    outgoing->when = when;
    outgoing->message = *message;
    outgoing->message.from = raft->options.self;
    if (message->term == 0) {
        outgoing->message.term = raft->term;
    }
}

void raft_reply(struct raft *raft, const struct raft_message *message) {
    raft_send(raft, raft->effects->hard_state_changed ? RAFT_SEND_AFTER_PERSIST : RAFT_SEND_NOW, message);
}

void raft_effects_append(struct raft *raft, const struct raft_entry *entries, size_t count) {
    struct raft_effects *effects = raft->effects;
    void *array = effects->append_storage;
    if (!reserve(raft, &array, &effects->append_capacity, effects->append_count + count,
                 sizeof *effects->append_storage)) {
        return;
    }
    effects->append_storage = array;
    memcpy(effects->append_storage + effects->append_count, entries, count * sizeof *entries);
    effects->append = effects->append_storage;
    effects->append_count += count;
}

void raft_effects_read(struct raft *raft, uint64_t context, uint64_t index, enum status status) {
    struct raft_effects *effects = raft->effects;
    void *array = effects->reads;
    if (!reserve(raft, &array, &effects->read_capacity, effects->read_count + 1, sizeof *effects->reads)) {
        return;
    }
    effects->reads = array;
    effects->reads[effects->read_count++] =
        (struct raft_read){.context = context, .index = index, .status = status};
}
