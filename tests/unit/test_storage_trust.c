/*
 * What a data directory's parts say, and what is made of it; the bytes of identity and witness.
 */
#include "storage/identity.h"
#include "storage/sizing.h"
#include "storage/trust.h"
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct uuid mine = {.bytes = {1, 2, 3}};
static const struct uuid other = {.bytes = {9}};

static struct trust_evidence whole(uint64_t commit) {
    return (struct trust_evidence){
        .identity = EVIDENCE_WHOLE,
        .identity_uuid = mine,
        .witness = EVIDENCE_WHOLE,
        .witness_record = {.disk_uuid = mine, .commit = commit},
        .database = EVIDENCE_WHOLE,
        .database_uuid = mine,
        .last_commit = commit,
        .commit_count = commit,
    };
}

static void assert_judged(struct trust_evidence evidence, enum storage_origin expected, const char *word) {
    char reason[ERROR_MESSAGE_MAX];
    assert_int_equal(trust_judge(&evidence, reason), expected);
    if (word) {
        assert_non_null(strstr(reason, word));
    } else {
        assert_string_equal(reason, "");
    }
}

static void test_what_belongs_together_is_trusted(void **state) {
    (void)state;
    assert_judged(whole(FIRST_COMMIT), STORAGE_ORIGIN_RECOVERED, NULL);
    struct trust_evidence lagging = whole(500);
    lagging.witness_record.commit = 430;
    assert_judged(lagging, STORAGE_ORIGIN_RECOVERED, NULL);
}

static void test_nothing_and_an_interrupted_start_are_new(void **state) {
    (void)state;
    struct trust_evidence evidence = {0};
    assert_judged(evidence, STORAGE_ORIGIN_NEW, NULL);
    evidence = whole(FIRST_COMMIT);
    evidence.identity = EVIDENCE_ABSENT;
    evidence.identity_uuid = (struct uuid){0};
    assert_judged(evidence, STORAGE_ORIGIN_NEW, NULL);
    assert_true(trust_database_is_remnant(&evidence));
    evidence.witness = EVIDENCE_ABSENT;
    assert_judged(evidence, STORAGE_ORIGIN_NEW, NULL);
}

static void test_each_missing_part_is_missed(void **state) {
    (void)state;
    struct trust_evidence evidence = whole(50);
    evidence.identity = EVIDENCE_ABSENT;
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "identity file is gone");
    evidence = whole(50);
    evidence.identity = EVIDENCE_DAMAGED;
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "identity file is damaged");
    evidence = whole(50);
    evidence.database = EVIDENCE_ABSENT;
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "database is gone");
    evidence.identity = EVIDENCE_ABSENT; /* only a witness is left of a broker that served */
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "identity file is gone");
    evidence = whole(50);
    evidence.witness = EVIDENCE_ABSENT;
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "witness file is gone");
    evidence = whole(50);
    evidence.witness = EVIDENCE_DAMAGED;
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "witness file is damaged");
}

static void test_damage_says_where(void **state) {
    (void)state;
    struct trust_evidence evidence = whole(50);
    evidence.database = EVIDENCE_DAMAGED;
    memcpy(evidence.damage, "bad block", sizeof "bad block");
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "bad block");
}

static void test_strangers_are_not_trusted(void **state) {
    (void)state;
    struct trust_evidence evidence = whole(50);
    evidence.database_uuid = other;
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "same disk");
    evidence = whole(50);
    evidence.witness_record.disk_uuid = other;
    assert_judged(evidence, STORAGE_ORIGIN_REPLACED, "same disk");
}

static void test_missing_commits_are_counted(void **state) {
    (void)state;
    struct trust_evidence tail = whole(50);
    tail.witness_record.commit = 51;
    assert_judged(tail, STORAGE_ORIGIN_REPLACED, "tail is lost");
    struct trust_evidence middle = whole(50);
    middle.commit_count = 49;
    assert_judged(middle, STORAGE_ORIGIN_REPLACED, "49 of 50");
    /* A tail lost down to the first commit is no remnant of a start: it is kept. */
    struct trust_evidence all = whole(FIRST_COMMIT);
    all.witness_record.commit = 2;
    assert_judged(all, STORAGE_ORIGIN_REPLACED, "tail is lost");
    assert_false(trust_database_is_remnant(&all));
}

static void test_identity_flips_are_seen(void **state) {
    (void)state;
    uint8_t bytes[IDENTITY_SIZE];
    struct uuid got = {0};
    identity_encode(&mine, bytes);
    assert_int_equal(identity_decode(slice_make(bytes, sizeof bytes), &got), STATUS_OK);
    assert_true(uuid_equal(&got, &mine));
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(identity_decode(slice_make(bytes, sizeof bytes), &got), STATUS_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t size = 0; size < sizeof bytes; size++) {
        assert_int_equal(identity_decode(slice_make(bytes, size), &got), STATUS_CORRUPT);
    }
}

static void test_a_newer_identity_is_not_touched(void **state) {
    (void)state;
    uint8_t bytes[IDENTITY_SIZE + 8] = {0};
    struct uuid got = {0};
    identity_encode(&mine, bytes);
    bytes_put_u32le(bytes + 12, IDENTITY_FORMAT + 1);
    bytes_put_u32le(bytes, crc32c(slice_make(bytes + 4, sizeof bytes - 4)));
    assert_int_equal(identity_decode(slice_make(bytes, sizeof bytes), &got), STATUS_UNSUPPORTED);
}

static void test_witness_flips_are_seen(void **state) {
    (void)state;
    struct witness_record record = {.disk_uuid = mine, .commit = 123456789};
    struct witness_record got = {0};
    uint8_t bytes[WITNESS_SLOT_SIZE];
    witness_encode(&record, bytes);
    assert_int_equal(witness_decode(bytes, &got), STATUS_OK);
    assert_int_equal(got.commit, record.commit);
    assert_true(uuid_equal(&got.disk_uuid, &mine));
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(witness_decode(bytes, &got), STATUS_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

/* A refresh that is torn spoils one slot; the other still holds what was refreshed before. */
static void test_a_torn_witness_falls_back_by_one_refresh(void **state) {
    (void)state;
    struct fixture_directory directory;
    fixture_directory_init(&directory);
    assert_int_equal(mkdir(directory.data, 0750), 0);
    int fd = open(directory.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct witness_record record = {.disk_uuid = mine, .commit = 1};
    struct witness_record got = {0};
    struct error error;
    assert_int_equal(witness_load(fd, &got, &error), STATUS_NOT_FOUND);
    assert_int_equal(witness_store(fd, &record, &error), STATUS_OK);
    struct witness witness = {.fd = -1};
    assert_int_equal(witness_open(&witness, fd, &record, &error), STATUS_OK);
    char path[FIXTURE_PATH_MAX];
    fixture_path(&directory, "witness", path);
    for (uint64_t commit = 2; commit <= 9; commit++) {
        assert_int_equal(witness_refresh(&witness, commit, &error), STATUS_OK);
        assert_int_equal(witness_load(fd, &got, &error), STATUS_OK);
        assert_int_equal(got.commit, commit);
        size_t newest = commit % 2 == 0 ? 0 : WITNESS_SLOT_DISTANCE;
        fixture_flip_bit(path, newest + 35, 0);
        assert_int_equal(witness_load(fd, &got, &error), STATUS_OK);
        assert_int_equal(got.commit, commit - 1);
        fixture_flip_bit(path, newest + 35, 0);
    }
    fixture_flip_bit(path, 0, 0);
    fixture_flip_bit(path, WITNESS_SLOT_DISTANCE, 0);
    assert_int_equal(witness_load(fd, &got, &error), STATUS_CORRUPT);
    witness_close(&witness);
    close(fd);
    fixture_directory_finish(&directory);
}

static void test_sizes_scale_with_the_disk(void **state) {
    (void)state;
    static const uint64_t mib = 1024 * 1024;
    static const uint64_t disks[] = {16, 64, 256, 1024, 20 * 1024, 1024 * 1024};
    for (size_t i = 0; i < sizeof disks / sizeof disks[0]; i++) {
        struct storage_rocksdb_options options = {0};
        struct sizing sizing;
        sizing_compute(&options, disks[i] * mib, &sizing);
        assert_true(sizing.free_min <= disks[i] * mib / 2);
        assert_true(sizing.open_min < sizing.reserve);
        assert_true(sizing.reserve < sizing.free_min);
        assert_true(sizing.free_min < sizing.free_resume);
        assert_int_equal(sizing.reserve + sizing.ballast, sizing.free_min);
    }
    struct storage_rocksdb_options low = {.free_bytes_min = 48 * mib};
    struct sizing sizing;
    sizing_compute(&low, 1024 * 1024 * mib, &sizing);
    assert_int_equal(sizing.free_min, 48 * mib);
    assert_int_equal(sizing.write_buffer, 2 * mib);
    struct storage_rocksdb_options none = {0};
    sizing_compute(&none, 1024 * 1024 * mib, &sizing);
    assert_int_equal(sizing.write_buffer, 64 * mib);
    assert_int_equal(sizing.free_min, 1536 * mib);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_belongs_together_is_trusted),
        cmocka_unit_test(test_nothing_and_an_interrupted_start_are_new),
        cmocka_unit_test(test_each_missing_part_is_missed),
        cmocka_unit_test(test_damage_says_where),
        cmocka_unit_test(test_strangers_are_not_trusted),
        cmocka_unit_test(test_missing_commits_are_counted),
        cmocka_unit_test(test_identity_flips_are_seen),
        cmocka_unit_test(test_a_newer_identity_is_not_touched),
        cmocka_unit_test(test_witness_flips_are_seen),
        cmocka_unit_test(test_a_torn_witness_falls_back_by_one_refresh),
        cmocka_unit_test(test_sizes_scale_with_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
