#include "damage.h"

#include "replica/format.h"
#include "simulation.h"

static uint64_t below(struct disk *disk, uint64_t bound) {
    return prng_below(&disk->broker->simulation->prng, bound);
}

static bool chance(struct disk *disk, uint64_t numerator, uint64_t denominator) {
    return prng_chance(&disk->broker->simulation->prng, numerator, denominator);
}

/* Whether the broker takes the index for part of its log. Hard state knows: bounds that are read from the
 * keys pass over what is missing at an end. */
static bool is_in_log(struct storage *memory, uint64_t group, uint64_t index) {
    _cleanup_blob_ struct blob *blob = NULL;
    if (memory->operations->read_state(memory, group, STORAGE_STATE_HARD, &blob) != STATUS_OK) {
        return false;
    }
    struct hard_state hard;
    uint64_t first;
    uint64_t last;
    if (format_hard_decode(blob_slice(blob), &hard) != STATUS_OK ||
        memory->operations->log_bounds(memory, group, &first, &last) != STATUS_OK) {
        return true;
    }
    return index > hard.base_index && (index <= hard.last_index || index <= last);
}

static bool reads_wrong(struct storage *memory, const struct damage *damage) {
    _cleanup_blob_ struct blob *blob = NULL;
    if (damage->state) {
        return memory->operations->read_state(memory, damage->group, damage->kind, &blob) == STATUS_OK &&
               slice_equal(blob_slice(blob), blob_slice(damage->state));
    }
    /* One that landed behind the end, where the log now begins, stands before its start: refused there, too.
     */
    enum status status = memory->operations->read_entry(memory, damage->group, damage->index, &blob);
    return is_in_log(memory, damage->group, damage->index) ? status != STATUS_OK : status != STATUS_NOT_FOUND;
}

/* Whether a read still meets it, be it with or without what is pending. */
static bool is_there(struct disk *disk, const struct damage *damage) {
    storage_memory_set_pending_visible(disk->memory, true);
    bool with = reads_wrong(disk->memory, damage);
    storage_memory_set_pending_visible(disk->memory, false);
    bool without = reads_wrong(disk->memory, damage);
    storage_memory_set_pending_visible(disk->memory, disk->broker->simulation->profile.pending_visible);
    return with || without;
}

void damage_forget(struct disk *disk) {
    for (size_t i = 0; i < disk->damages.count; i++) {
        blob_release(disk->damages.list[i].state);
    }
    disk->damages.count = 0;
}

bool disk_is_whole(struct disk *disk) {
    bool whole = true;
    for (size_t i = 0; i < disk->damages.count; i++) {
        whole = whole && !is_there(disk, &disk->damages.list[i]);
    }
    if (whole) {
        damage_forget(disk);
    }
    return whole;
}

const struct damage *damage_find(struct disk *disk, uint64_t group, uint64_t index) {
    for (size_t i = 0; i < disk->damages.count; i++) {
        const struct damage *damage = &disk->damages.list[i];
        if (damage->group == group && damage->index == index && !damage->state && is_there(disk, damage)) {
            return damage;
        }
    }
    return NULL;
}

static void remember(struct disk *disk, const struct damage *damage) {
    ASSERT(disk->damages.count < DAMAGES_MAX);
    disk->damages.list[disk->damages.count++] = *damage;
    trace_event(disk->broker->simulation, "damaged", disk->broker->id, damage->group, damage->index,
                damage->is_rot);
}

static void written(void *context, uint64_t token, enum status status) {
    (void)context;
    (void)token;
    ASSERT(status == STATUS_OK);
}

static struct storage_batch *write_begin(void) {
    struct storage_batch *batch = storage_batch_create(written, NULL, 0);
    ASSERT(batch != NULL);
    return batch;
}

/* At once, and past those who watch what the broker writes. */
static void write_end(struct disk *disk, struct storage_batch *batch) {
    ASSERT(storage_memory_pending(disk->memory) == 0);
    storage_submit(disk->memory, batch);
    storage_memory_sync(disk->memory, 1);
}

/* One of the groups that are stored. */
static bool pick_group(struct disk *disk, uint64_t *ret_group) {
    _cleanup_free_ uint64_t *groups = NULL;
    size_t count;
    ASSERT(disk->memory->operations->list_groups(disk->memory, &groups, &count) == STATUS_OK);
    if (count == 0) {
        return false;
    }
    *ret_group = groups[below(disk, count)];
    return true;
}

struct place {
    uint64_t group;
    uint64_t index;
    uint64_t first; /* of the log that it stands in */
    uint64_t last;
    struct blob *blob;
};

/* An entry, more often one of the last. */
static bool pick_entry(struct disk *disk, struct place *ret_place) {
    struct storage *memory = disk->memory;
    struct place place;
    if (!pick_group(disk, &place.group) ||
        memory->operations->log_bounds(memory, place.group, &place.first, &place.last) != STATUS_OK) {
        return false;
    }
    uint64_t reach = place.last - place.first + 1;
    reach = chance(disk, 1, 2) && reach > 8 ? 8 : reach;
    place.index = place.last - below(disk, reach);
    if (memory->operations->read_entry(memory, place.group, place.index, &place.blob) != STATUS_OK) {
        return false;
    }
    *ret_place = place;
    return true;
}

static uint64_t term_of(const struct blob *blob) {
    struct entry_header header;
    ASSERT(entry_header_decode(blob_slice(blob), &header) == STATUS_OK);
    return header.term;
}

/* Some bits flipped, or a stretch of it zeroed. */
static void spoil(struct disk *disk, struct blob *blob) {
    size_t at = below(disk, blob->size);
    if (chance(disk, 1, 4)) {
        size_t size = 1 + below(disk, blob->size - at);
        blob->data[at] ^= 0xff;
        memset(blob->data + at + 1, 0, size - 1);
        return;
    }
    blob->data[at] ^= (uint8_t)(1 + below(disk, 255));
}

bool damage_rot_entry(struct disk *disk) {
    struct place place;
    if (disk->damages.count > 0 || !pick_entry(disk, &place)) {
        return false;
    }
    struct blob *rotten = blob_copy(blob_slice(place.blob));
    ASSERT(rotten != NULL);
    spoil(disk, rotten);
    struct storage_batch *batch = write_begin();
    storage_batch_put_entry(batch, place.group, place.index, rotten);
    write_end(disk, batch);
    remember(disk,
             &(struct damage){
                 .group = place.group, .index = place.index, .term = term_of(place.blob), .is_rot = true});
    blob_release(rotten);
    blob_release(place.blob);
    return true;
}

bool damage_rot_state(struct disk *disk) {
    static const enum storage_state kinds[] = {STORAGE_STATE_HARD, STORAGE_STATE_CONFIGURATIONS,
                                               STORAGE_STATE_SNAPSHOT};
    enum storage_state kind = kinds[below(disk, sizeof kinds / sizeof kinds[0])];
    struct storage *memory = disk->memory;
    uint64_t group;
    _cleanup_blob_ struct blob *whole = NULL;
    if (disk->damages.count > 0 || !pick_group(disk, &group) ||
        memory->operations->read_state(memory, group, kind, &whole) != STATUS_OK) {
        return false;
    }
    struct blob *rotten = blob_copy(blob_slice(whole));
    ASSERT(rotten != NULL);
    spoil(disk, rotten);
    struct storage_batch *batch = write_begin();
    storage_batch_put_state(batch, group, kind, blob_slice(rotten));
    write_end(disk, batch);
    remember(disk, &(struct damage){.group = group, .is_rot = true, .state = rotten, .kind = kind});
    return true;
}

/* An entry is written once more, in the place of another or behind a log's end; now and then it is missing
 * where it should be. */
bool damage_misdirect(struct disk *disk) {
    struct place from;
    struct place to;
    if (disk->damages.count > 0 || !pick_entry(disk, &from)) {
        return false;
    }
    if (!pick_entry(disk, &to)) {
        blob_release(from.blob);
        return false;
    }
    uint64_t term = term_of(to.blob);
    if (chance(disk, 1, 4)) {
        to.index = to.last + 1;
        term = 0;
    }
    bool same = from.group == to.group && from.index == to.index;
    /* The database would know of a log without its ends: storage/trust.h. */
    bool gone = from.index > from.first && from.index < from.last && chance(disk, 1, 3);
    if (!same) {
        struct storage_batch *batch = write_begin();
        storage_batch_put_entry(batch, to.group, to.index, from.blob);
        if (gone) {
            storage_batch_remove_entries(batch, from.group, from.index, from.index);
        }
        write_end(disk, batch);
        remember(disk, &(struct damage){.group = to.group, .index = to.index, .term = term});
        if (gone) {
            remember(disk,
                     &(struct damage){.group = from.group, .index = from.index, .term = term_of(from.blob)});
        }
    }
    blob_release(from.blob);
    blob_release(to.blob);
    return !same;
}
