/*
 * One core alone: what it starts from, memory that runs out at any place, and peers that send anything at
 * all.
 */
#include "aborts.h"
#include "allocation.h"
#include "aviary/raft.h"
#include "aviary/raft/entry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SELF = 1, FUZZ_ROUNDS = 300, FUZZ_STEPS = 400 };

static struct raft_options options_of(uint64_t seed) {
    return (struct raft_options){.self = SELF,
                                 .heartbeat_ms = 50,
                                 .election_min_ms = 300,
                                 .election_max_ms = 600,
                                 .inflight_appends_max = 4,
                                 .inflight_bytes_max = 1000,
                                 .append_entries_max = 8,
                                 .seed = seed};
}

static struct raft_indexed_configuration voters(uint32_t count) {
    struct raft_indexed_configuration first = {.configuration.count = count};
    for (uint32_t i = 0; i < count; i++) {
        first.configuration.members[i] = (struct raft_member){.id = i + 1, .voter = true};
    }
    return first;
}

static enum status create(struct raft_options options, struct raft_restart restart) {
    struct raft_indexed_configuration first = voters(3);
    if (!restart.configurations) {
        restart.configurations = &first;
        restart.configuration_count = 1;
    }
    struct raft *raft = NULL;
    enum status status = raft_create(&options, &restart, &raft);
    assert_true((status == STATUS_OK) == (raft != NULL));
    raft_destroy(raft);
    return status;
}

static void test_options(void **state) {
    (void)state;
    struct raft_options good = options_of(1);
    assert_int_equal(create(good, (struct raft_restart){0}), STATUS_OK);
    struct raft_options wrong[9];
    for (size_t i = 0; i < 9; i++) {
        wrong[i] = good;
    }
    wrong[0].self = 0;
    wrong[1].heartbeat_ms = 0;
    wrong[2].election_min_ms = 49;
    wrong[3].election_max_ms = 299;
    wrong[4].inflight_appends_max = 0;
    wrong[5].inflight_appends_max = RAFT_INFLIGHT_APPENDS_MAX + 1;
    wrong[6].append_entries_max = 0;
    wrong[7].append_entries_max = RAFT_APPEND_ENTRIES_MAX + 1;
    wrong[8].inflight_bytes_max = 0;
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(create(wrong[i], (struct raft_restart){0}), STATUS_INVALID);
    }
}

static void test_restarts_that_contradict_themselves(void **state) {
    (void)state;
    const struct raft_term_run run = {1, 4};
    struct raft_restart good = {.term = 4, .last_index = 9, .runs = &run, .run_count = 1, .commit_index = 3};
    assert_int_equal(create(options_of(1), good), STATUS_OK);
    struct raft_restart wrong = good;
    wrong.term = 3; /* an entry of a later term */
    assert_int_equal(create(options_of(1), wrong), STATUS_INVALID);
    wrong = good;
    wrong.commit_index = 10;
    assert_int_equal(create(options_of(1), wrong), STATUS_INVALID);
    struct raft_indexed_configuration two[] = {voters(3), voters(3)};
    wrong = good;
    wrong.configurations = two;
    wrong.configuration_count = 2; /* both at index 0 */
    assert_int_equal(create(options_of(1), wrong), STATUS_INVALID);
    two[1].index = 10; /* beyond the end */
    assert_int_equal(create(options_of(1), wrong), STATUS_INVALID);
    two[1].index = 9;
    assert_int_equal(create(options_of(1), wrong), STATUS_OK);
    two[1].configuration.members[2].id = 1;
    assert_int_equal(create(options_of(1), wrong), STATUS_INVALID);
    wrong.configuration_count = 0;
    assert_int_equal(create(options_of(1), wrong), STATUS_INVALID);
}

/* The first stored configuration was committed when it was stored, though what was applied lags. */
static void test_commit_is_raised_to_the_first_configuration(void **state) {
    (void)state;
    const struct raft_term_run run = {1, 4};
    struct raft_indexed_configuration later = voters(2);
    later.index = 5;
    struct raft_restart restart = {.term = 4,
                                   .last_index = 9,
                                   .runs = &run,
                                   .run_count = 1,
                                   .configurations = &later,
                                   .configuration_count = 1};
    struct raft_options options = options_of(1);
    struct raft *raft;
    assert_int_equal(raft_create(&options, &restart, &raft), STATUS_OK);
    assert_int_equal(raft_commit_index(raft), 5);
    assert_null(raft_configuration_at(raft, 4));
    assert_non_null(raft_configuration_at(raft, 5));
    assert_null(raft_configuration_at(raft, 6)); /* not known to be committed */
    raft_destroy(raft);
}

/* ---- Memory ---- */

static struct blob *configuration_blob(uint64_t index, const struct raft_configuration *configuration) {
    _cleanup_buffer_ struct buffer payload;
    buffer_init(&payload, 1024);
    raft_configuration_encode(configuration, &payload);
    struct blob *blob =
        buffer_status(&payload) == STATUS_OK ? entry_blob_create(buffer_slice(&payload)) : NULL;
    if (blob) {
        entry_seal(blob,
                   &(struct entry_header){.type = RAFT_ENTRY_CONFIGURATION, .index = index, .term = index});
    }
    return blob;
}

struct life {
    struct raft *raft;
    struct raft_effects effects;
    uint64_t now_ms;
};

static enum status step(struct life *life, struct raft_event event) {
    event.now_ms = life->now_ms;
    enum status status = raft_step(life->raft, &event, &life->effects);
    assert_true(status == STATUS_OK || status == STATUS_NO_MEMORY);
    return status;
}

static enum status lead(struct life *life) {
    struct raft_configuration wider = voters(1).configuration;
    wider.members[wider.count++] = (struct raft_member){.id = 2};
    const struct raft_event events[] = {
        {.type = RAFT_EVENT_TICK},
        {.type = RAFT_EVENT_PERSISTED, .index = 1, .term = 1},
        {.type = RAFT_EVENT_PROPOSE,
         .entries = &(struct raft_entry){.index = 2, .term = 1, .type = RAFT_ENTRY_COMMAND},
         .entry_count = 1},
        {.type = RAFT_EVENT_CHANGE_CONFIGURATION, .configuration = &wider},
        {.type = RAFT_EVENT_PERSISTED, .index = 3, .term = 1},
        {.type = RAFT_EVENT_READ_INDEX, .context = 1},
        {.type = RAFT_EVENT_MESSAGE,
         .message = &(
             struct raft_message){.type = RAFT_MESSAGE_VOTE, .from = 2, .to = 1, .term = 9, .forced = true}},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        enum status status = step(life, events[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status follow(struct life *life, struct blob *const blobs[3]) {
    struct raft_entry entries[3];
    for (size_t i = 0; i < 3; i++) {
        entries[i] = (struct raft_entry){
            .index = i + 1, .term = i + 1, .type = RAFT_ENTRY_CONFIGURATION, .blob = blobs[i]};
    }
    struct raft_message messages[] = {
        {.type = RAFT_MESSAGE_PRE_VOTE, .from = 2, .to = 1, .term = 3},
        {.type = RAFT_MESSAGE_APPEND, .from = 2, .to = 1, .term = 3, .entries = entries, .entry_count = 3},
        {.type = RAFT_MESSAGE_SNAPSHOT,
         .from = 2,
         .to = 1,
         .term = 4,
         .index = 8,
         .log_term = 4,
         .configuration = voters(2).configuration},
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        enum status status =
            step(life, (struct raft_event){.type = RAFT_EVENT_MESSAGE, .message = &messages[i]});
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status live(uint32_t voter_count, struct blob *const blobs[3]) {
    struct raft_indexed_configuration first = voters(voter_count);
    struct raft_restart restart = {.configurations = &first, .configuration_count = 1};
    struct raft_options options = options_of(1);
    struct life life = {.now_ms = 100};
    raft_effects_init(&life.effects);
    enum status status = raft_create(&options, &restart, &life.raft);
    if (status == STATUS_OK) {
        status = voter_count == 1 ? lead(&life) : follow(&life, blobs);
        raft_destroy(life.raft);
    }
    raft_effects_finish(&life.effects);
    return status;
}

static void test_memory_may_run_out_at_the_start(void **state) {
    (void)state;
    const struct raft_term_run run = {1, 4};
    for (uint64_t nth = 1;; nth++) {
        allocation_fail_at(nth);
        enum status status = create(
            options_of(1), (struct raft_restart){.term = 4, .last_index = 9, .runs = &run, .run_count = 1});
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            break;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
    }
}

static void test_memory_may_run_out_anywhere(void **state) {
    (void)state;
    struct blob *blobs[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct raft_configuration configuration = voters(3 + i).configuration;
        blobs[i] = configuration_blob(i + 1, &configuration);
        assert_non_null(blobs[i]);
    }
    for (uint32_t voter_count = 1; voter_count <= 3; voter_count += 2) {
        uint64_t nth = 1;
        for (;; nth++) {
            allocation_fail_at(nth);
            enum status status = live(voter_count, blobs);
            if (!allocation_failed()) {
                assert_int_equal(status, STATUS_OK);
                break;
            }
            assert_int_equal(status, STATUS_NO_MEMORY);
        }
        assert_true(nth > 5);
    }
    for (size_t i = 0; i < 3; i++) {
        blob_release(blobs[i]);
    }
}

/* ---- Anything from peers ---- */

static uint64_t odd_number(struct prng *prng, uint64_t near) {
    switch (prng_below(prng, 8)) {
    case 0:
        return UINT64_MAX - prng_below(prng, 3);
    case 1:
        return prng_next(prng);
    case 2:
        return 0;
    default:
        return prng_below(prng, near + 4);
    }
}

static void fuzz_entries(struct prng *prng, struct raft_message *message, struct raft_entry entries[8],
                         struct blob *blob) {
    message->entries = entries;
    message->entry_count = prng_below(prng, 8);
    uint64_t term = message->log_term;
    for (size_t i = 0; i < message->entry_count; i++) {
        term += prng_below(prng, 3) == 0 ? 1 : 0;
        entries[i] = (struct raft_entry){
            .index = message->index + 1 + i,
            .term = prng_chance(prng, 1, 50) ? odd_number(prng, term) : term,
            .type = (enum raft_entry_type)prng_below(prng, RAFT_ENTRY_TYPE_MAX + 2),
            .blob = prng_chance(prng, 9, 10) ? blob : NULL,
        };
    }
}

static struct raft_message fuzz_message(struct prng *prng, const struct raft *raft) {
    uint64_t index = prng_below(prng, raft_last_index(raft) + 3);
    struct raft_message message = {
        .type = (enum raft_message_type)prng_below(prng, RAFT_MESSAGE_TYPE_MAX + 2),
        .from = prng_below(prng, 5),
        .to = prng_chance(prng, 1, 50) ? 2 : SELF,
        .term = prng_chance(prng, 1, 200) ? odd_number(prng, raft_term(raft))
                                          : raft_term(raft) + prng_below(prng, 8) / 7,
        .index = prng_chance(prng, 1, 20) ? odd_number(prng, index) : index,
        .commit = odd_number(prng, raft_last_index(raft)),
        .context = odd_number(prng, 10),
        .hint_index = odd_number(prng, raft_last_index(raft)),
        .hint_term = odd_number(prng, raft_term(raft)),
        .reject = prng_chance(prng, 1, 2),
        .forced = prng_chance(prng, 1, 2),
        .configuration = voters((uint32_t)prng_below(prng, 6)).configuration,
    };
    uint64_t known = raft_term_at(raft, message.index);
    message.log_term = known != 0 && prng_chance(prng, 2, 3) ? known : prng_below(prng, raft_term(raft) + 1);
    if (message.index == 0 && prng_chance(prng, 9, 10)) {
        message.log_term = 0;
    }
    return message;
}

static void fuzz_local(struct prng *prng, struct life *life) {
    struct raft *raft = life->raft;
    struct raft_configuration configuration = voters((uint32_t)prng_below(prng, 6)).configuration;
    struct raft_entry entry = {
        .index = raft_next_index(raft), .term = raft_term(raft), .type = RAFT_ENTRY_COMMAND};
    uint64_t index = prng_below(prng, raft_last_index(raft) + 2);
    struct raft_event event = {
        .type = (enum raft_event_type)prng_below(prng, RAFT_EVENT_SNAPSHOT_DONE + 1),
        .now_ms = life->now_ms,
        .entries = &entry,
        .entry_count = 1,
        .index = index,
        .term = prng_chance(prng, 1, 2) ? raft_term_at(raft, index) : raft_term(raft),
        .peer = prng_below(prng, 6),
        .context = prng_next(prng),
        .ok = prng_chance(prng, 1, 2),
        .configuration = &configuration,
    };
    if (event.type == RAFT_EVENT_COMPACTED) {
        event.index = prng_below(prng, raft_commit_index(raft) + 1);
    }
    if (event.type != RAFT_EVENT_MESSAGE) {
        enum status status = raft_step(raft, &event, &life->effects);
        assert_int_not_equal(status, STATUS_NO_MEMORY);
    }
}

static void fuzz_pull(struct prng *prng, struct raft *raft) {
    for (raft_id peer = 1; peer <= 6; peer++) {
        struct raft_message message;
        uint64_t count;
        for (int i = 0; raft_next_append(raft, peer, &message, &count); i++) {
            assert_true(i < RAFT_INFLIGHT_APPENDS_MAX);
            assert_true(message.index + count <= raft_last_index(raft));
            count = prng_below(prng, count + 1);
            raft_append_sent(raft, peer, count, count * 100);
        }
    }
}

static void check_state(const struct raft *raft, uint64_t term_before, uint64_t commit_before) {
    assert_true(raft_term(raft) >= term_before);
    assert_true(raft_commit_index(raft) >= commit_before);
    assert_true(raft_commit_index(raft) <= raft_last_index(raft));
    assert_true(raft_first_index(raft) <= raft_last_index(raft) + 1);
    size_t count;
    const struct raft_indexed_configuration *items = raft_configurations(raft, &count);
    assert_in_range(count, 1, RAFT_CONFIGURATIONS_MAX);
    assert_true(items[0].index <= raft_commit_index(raft));
    assert_true(items[count - 1].index <= raft_last_index(raft));
}

static void fuzz(uint64_t seed, struct blob *blob) {
    struct prng prng;
    prng_init(&prng, seed);
    struct raft_indexed_configuration first = voters(1 + (uint32_t)prng_below(&prng, 4));
    struct raft_restart restart = {.configurations = &first, .configuration_count = 1};
    struct raft_options options = options_of(seed);
    struct life life = {0};
    raft_effects_init(&life.effects);
    assert_int_equal(raft_create(&options, &restart, &life.raft), STATUS_OK);
    for (int i = 0; i < FUZZ_STEPS; i++) {
        uint64_t term = raft_term(life.raft);
        uint64_t commit = raft_commit_index(life.raft);
        life.now_ms += prng_below(&prng, 100);
        if (prng_chance(&prng, 1, 3)) {
            fuzz_local(&prng, &life);
        } else {
            struct raft_entry entries[8];
            struct raft_message message = fuzz_message(&prng, life.raft);
            fuzz_entries(&prng, &message, entries, blob);
            assert_int_equal(
                step(&life, (struct raft_event){.type = RAFT_EVENT_MESSAGE, .message = &message}), STATUS_OK);
        }
        fuzz_pull(&prng, life.raft);
        check_state(life.raft, term, commit);
    }
    raft_destroy(life.raft);
    raft_effects_finish(&life.effects);
}

static void test_no_message_can_break_it(void **state) {
    (void)state;
    struct raft_configuration configuration = voters(4).configuration;
    struct blob *blob = configuration_blob(1, &configuration);
    assert_non_null(blob);
    for (uint64_t seed = 1; seed <= FUZZ_ROUNDS; seed++) {
        fuzz(seed, blob);
    }
    blob_release(blob);
}

/* A peer that sends nothing but configurations cannot make it grow. */
static void test_configurations_are_bounded(void **state) {
    (void)state;
    struct raft_indexed_configuration first = voters(3);
    struct raft_restart restart = {.configurations = &first, .configuration_count = 1};
    struct raft_options options = options_of(1);
    struct life life = {0};
    raft_effects_init(&life.effects);
    assert_int_equal(raft_create(&options, &restart, &life.raft), STATUS_OK);
    struct blob *blob = configuration_blob(1, &first.configuration);
    static struct raft_entry entries[RAFT_CONFIGURATIONS_MAX + 10];
    for (size_t i = 0; i < RAFT_CONFIGURATIONS_MAX + 10; i++) {
        entries[i] =
            (struct raft_entry){.index = i + 1, .term = 1, .type = RAFT_ENTRY_CONFIGURATION, .blob = blob};
    }
    struct raft_message message = {.type = RAFT_MESSAGE_APPEND,
                                   .from = 2,
                                   .to = 1,
                                   .term = 1,
                                   .entries = entries,
                                   .entry_count = RAFT_CONFIGURATIONS_MAX + 10};
    assert_int_equal(step(&life, (struct raft_event){.type = RAFT_EVENT_MESSAGE, .message = &message}),
                     STATUS_OK);
    /* What fits is taken and acknowledged; once that is committed, the rest fits too. */
    uint64_t taken = raft_last_index(life.raft);
    assert_int_equal(taken, RAFT_CONFIGURATIONS_MAX - 1);
    assert_int_equal(life.effects.append_count, taken);
    assert_int_equal(life.effects.outgoing[0].message.index, taken);
    message.commit = taken;
    assert_int_equal(step(&life, (struct raft_event){.type = RAFT_EVENT_MESSAGE, .message = &message}),
                     STATUS_OK);
    assert_int_equal(step(&life, (struct raft_event){.type = RAFT_EVENT_MESSAGE, .message = &message}),
                     STATUS_OK);
    assert_int_equal(raft_last_index(life.raft), RAFT_CONFIGURATIONS_MAX + 10);
    blob_release(blob);
    raft_destroy(life.raft);
    raft_effects_finish(&life.effects);
}

static void step_back_in_time(void *argument) {
    struct life *life = argument;
    (void)!raft_step(life->raft, &(struct raft_event){.type = RAFT_EVENT_TICK, .now_ms = 9}, &life->effects);
}

static void propose_at_a_wrong_index(void *argument) {
    struct life *life = argument;
    (void)!raft_step(life->raft,
                     &(struct raft_event){.type = RAFT_EVENT_PROPOSE,
                                          .now_ms = 10,
                                          .entries = &(struct raft_entry){.index = 7, .term = 1},
                                          .entry_count = 1},
                     &life->effects);
}

static void test_a_driver_that_errs_is_stopped(void **state) {
    (void)state;
    struct raft_indexed_configuration first = voters(1);
    struct raft_restart restart = {.configurations = &first, .configuration_count = 1};
    struct raft_options options = options_of(1);
    struct life life = {.now_ms = 10};
    raft_effects_init(&life.effects);
    assert_int_equal(raft_create(&options, &restart, &life.raft), STATUS_OK);
    life.now_ms = 50;
    assert_int_equal(step(&life, (struct raft_event){.type = RAFT_EVENT_TICK}), STATUS_OK);
    assert_int_equal(raft_role(life.raft), RAFT_LEADER);
    assert_true(aborts(step_back_in_time, &life));
    assert_true(aborts(propose_at_a_wrong_index, &life));
    raft_destroy(life.raft);
    raft_effects_finish(&life.effects);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_restarts_that_contradict_themselves),
        cmocka_unit_test(test_commit_is_raised_to_the_first_configuration),
        cmocka_unit_test(test_memory_may_run_out_at_the_start),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
        cmocka_unit_test(test_no_message_can_break_it),
        cmocka_unit_test(test_configurations_are_bounded),
        cmocka_unit_test(test_a_driver_that_errs_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
