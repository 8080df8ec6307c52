/*
 * One step of membership towards what is wanted (thesis 4.1, one server at a time).
 */
#include "aviary/metadata/reconcile.h"

#include "aviary/base/assert.h"

static bool contains(const raft_id *ids, size_t count, raft_id id) {
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool votes_in(const struct raft_configuration *configuration, raft_id id) {
    const struct raft_member *member = raft_configuration_find(configuration, id);
    return member && member->voter;
}

struct voters {
    raft_id ids[RAFT_MEMBERS_MAX];
    size_t count;
};

static struct voters voters_of(const struct raft_configuration *configuration) {
    struct voters voters = {.count = 0};
    for (uint32_t i = 0; i < configuration->count; i++) {
        if (configuration->members[i].voter) {
            voters.ids[voters.count++] = configuration->members[i].id;
        }
    }
    return voters;
}

/* Does nothing where `id` is none of them. */
static void drop(struct voters *voters, raft_id id) {
    for (size_t i = 0; i < voters->count; i++) {
        if (voters->ids[i] == id) {
            voters->count--;
            voters->ids[i] = voters->ids[voters->count];
            return;
        }
    }
}

/* Step 1. 0: none. A leader is alive, whatever the metadata says of its disk; it goes last. */
static raft_id lost_voter(const struct reconcile *reconcile) {
    const struct raft_configuration *now = reconcile->now;
    for (uint32_t i = 0; i < now->count; i++) {
        raft_id id = now->members[i].id;
        if (now->members[i].voter && id != reconcile->leader && !votes_in(reconcile->wanted, id) &&
            contains(reconcile->lost, reconcile->lost_count, id)) {
            return id;
        }
    }
    return 0;
}

/* Those who should vote and do not, and who of them could. */
struct missing {
    size_t count;
    size_t ready;
    raft_id first_ready;
};

static struct missing missing_voters(const struct reconcile *reconcile) {
    struct missing missing = {.count = 0};
    const struct raft_configuration *wanted = reconcile->wanted;
    for (uint32_t i = 0; i < wanted->count; i++) {
        raft_id id = wanted->members[i].id;
        if (!wanted->members[i].voter || votes_in(reconcile->now, id)) {
            continue;
        }
        missing.count++;
        if (raft_configuration_find(reconcile->now, id) &&
            contains(reconcile->caught_up, reconcile->caught_up_count, id)) {
            missing.first_ready = missing.ready == 0 ? id : missing.first_ready;
            missing.ready++;
        }
    }
    return missing;
}

/* Step 3. 0: none. The leader only where no other is left. */
static raft_id surplus_voter(const struct reconcile *reconcile) {
    raft_id surplus = 0;
    for (uint32_t i = 0; i < reconcile->now->count; i++) {
        const struct raft_member *member = &reconcile->now->members[i];
        if (member->voter && !votes_in(reconcile->wanted, member->id) &&
            (surplus == 0 || surplus == reconcile->leader)) {
            surplus = member->id;
        }
    }
    return surplus;
}

/* Changes at most one of `voters`. */
static void change_voters(const struct reconcile *reconcile, struct voters *voters) {
    raft_id lost = lost_voter(reconcile);
    if (lost != 0 && voters->count > 1) {
        drop(voters, lost);
        return;
    }
    struct missing missing = missing_voters(reconcile);
    bool pair_needed = voters->count % 2 == 1 && missing.count > 1;
    if (missing.ready >= (pair_needed ? 2 : 1) && voters->count < RAFT_MEMBERS_MAX) {
        voters->ids[voters->count++] = missing.first_ready;
    } else if (missing.count == 0) {
        drop(voters, surplus_voter(reconcile));
    }
}

static void add_member(struct raft_configuration *configuration, raft_id id, bool voter) {
    if (configuration->count == RAFT_MEMBERS_MAX || raft_configuration_find(configuration, id)) {
        return;
    }
    uint32_t at = configuration->count++;
    for (; at > 0 && configuration->members[at - 1].id > id; at--) {
        configuration->members[at] = configuration->members[at - 1];
    }
    configuration->members[at] = (struct raft_member){.id = id, .voter = voter};
}

/* Step 4: the learners follow from who votes and who is wanted. Those who are to vote come first. */
static void add_learners(const struct raft_configuration *wanted, struct raft_configuration *next) {
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < wanted->count; i++) {
            if (wanted->members[i].voter == (turn == 0)) {
                add_member(next, wanted->members[i].id, false);
            }
        }
    }
}

static bool same_members(const struct raft_configuration *a, const struct raft_configuration *b) {
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct raft_member *member = raft_configuration_find(b, a->members[i].id);
        if (!member || member->voter != a->members[i].voter) {
            return false;
        }
    }
    return true;
}

bool reconcile_next(const struct reconcile *reconcile, struct raft_configuration *ret_next) {
    struct voters voters = voters_of(reconcile->now);
    ASSERT(voters.count > 0);
    ASSERT(voters_of(reconcile->wanted).count > 0);
    change_voters(reconcile, &voters);
    struct raft_configuration next = {.count = 0};
    for (size_t i = 0; i < voters.count; i++) {
        add_member(&next, voters.ids[i], true);
    }
    add_learners(reconcile->wanted, &next);
    if (same_members(reconcile->now, &next)) {
        return false;
    }
    *ret_next = next;
    return true;
}
