"""Disks that rot: what one broker of three has lost is noticed, does not spread, and comes back from the others."""
import hashlib
import os
import random
import time

import pytest

from harness.client import Load, publish, read_all, values
from harness.damage import FILE_TYPES, KINDS, damage, files_of, rot_tables
from harness.waiting import wait_until

# In the ledger: CORRUPTION_CASES=200 with a seed of its own.
SEED = int(os.environ.get("CORRUPTION_SEED", "1"))
CASES = int(os.environ.get("CORRUPTION_CASES", "8"))
CASES_PER_CLUSTER = 4
# Small memtables, so that little data makes tables; little kept in memory, so that readers need them.
SMALL = ["--free-bytes-min", 16 * 1024 * 1024, "--tail-bytes-max", 65536]
UNSCRUBBED = ["--scrub-bytes-per-second", 0]
SCRUBBED = ["--scrub-bytes-per-second", 64 * 1024 * 1024, "--scrub-interval-s", 1]
LINE_DIGESTS = 80
SETTLE_SECONDS = 1
LINES_PER_BATCH = 10


def _fill(brokers, topic, tag, batches=24):
    """Writes some megabytes that do not compress; returns the lines in their order."""
    lines = []
    for batch in range(batches):
        part = [f"{tag}-{batch}-{line}-{_noise(f'{tag}-{batch}-{line}')}".encode() for line in range(LINES_PER_BATCH)]
        publish(brokers, topic, part, seconds=60)
        lines += part
    return lines


def _noise(seed):
    return "".join(hashlib.sha512(f"{seed}-{digest}".encode()).hexdigest() for digest in range(LINE_DIGESTS))


def _voters(cluster, topic):
    told = cluster.partition(topic)
    return sorted(each["broker"] for each in told["replicas"] if each["voter"] and each["in_sync"])


def _wait_repaired(cluster, topic="t"):
    """Three voters that have caught up and that the scrub has read; what ended is started, as a supervisor would."""
    def repaired():
        for broker in cluster.brokers:
            if not broker.alive:
                broker.start()
        return all(each.ready and each.metric("aviary_scrub_passes_total") > 0 for each in cluster.brokers) and \
            _voters(cluster, topic) == [1, 2, 3]
    wait_until(repaired, 120, "three voters that have caught up")


def _when_repaired(cluster, topic, check):
    """Calls `check` of a repaired cluster; again where a broker met damage only now, as a compaction does."""
    while True:
        _wait_repaired(cluster, topic)
        try:
            return check()
        except (AssertionError, OSError):
            time.sleep(SETTLE_SECONDS)
            if all(broker.alive for broker in cluster.brokers):
                raise


def _check_stored(cluster, lines, topic="t"):
    """Each broker's own replica has these lines first, and all replicas have the same, byte for byte."""
    def check():
        everything = values(read_all(cluster.brokers[0], topic))
        assert everything[:len(lines)] == lines
        for broker in cluster.brokers:
            wait_until(lambda each=broker: values(read_all(each, topic, level="none")) == everything, 30,
                       f"{broker.name} has every record")
    _when_repaired(cluster, topic, check)


def _ended(broker, seconds=40):
    """Waits until it ends by itself, which it must say with its exit status."""
    assert broker.process.wait(seconds) == 1, broker.log()[-2000:]


def _tables_settled(broker, at_least=2):
    """Waits until there are tables and none comes or goes any more: no compaction is under way."""
    seen = {"tables": None, "since": 0.0}

    def settled():
        tables = [path.name for path in files_of(broker.data, "table")]
        if tables != seen["tables"]:
            seen.update(tables=tables, since=time.monotonic())
        return len(tables) >= at_least and time.monotonic() - seen["since"] > SETTLE_SECONDS
    wait_until(settled, 30, f"{broker.name} has written its tables")


def _revive(broker, starts=4):
    """Starts it as a supervisor would: again where it ends. False: it refuses each time, and says what to do."""
    for _ in range(starts):
        broker.start()
        try:
            broker.wait_ready(60)
            return True
        except AssertionError:
            assert not broker.alive, f"{broker.name} hangs: {broker.log()[-2000:]}"
    assert "data directory" in broker.log()[-2000:], broker.log()[-2000:]
    return False


def _one_case(cluster, prng, number):
    """Damages one file of one broker, which is down, under load."""
    victim = prng.choice(cluster.brokers)
    file_type, kind = FILE_TYPES[number % len(FILE_TYPES)], prng.choice(KINDS)
    with Load(cluster.brokers, "load") as load:
        load.wait_for(10)
        if prng.randrange(2):
            victim.kill()
        else:
            victim.stop()
        load.wait_for(10)
        path = prng.choice(files_of(victim.data, file_type) or files_of(victim.data, "wal"))
        print(f"case {number}: {victim.name}, {damage(path, kind, prng)}")
        if not _revive(victim):
            victim.wipe()
            victim.start()
        load.wait_for(10)
    _when_repaired(cluster, "load", lambda: [load.check(broker) for broker in cluster.brokers])


@pytest.mark.parametrize("cluster_number", range((CASES + CASES_PER_CLUSTER - 1) // CASES_PER_CLUSTER))
def test_a_damaged_file(make_cluster, cluster_number):
    """Each type of file and kind of damage, one after the other, in a cluster that goes on."""
    prng = random.Random(SEED * 1000 + cluster_number)
    cluster = make_cluster(options=[*SMALL, *SCRUBBED]).start()
    cluster.create_topic("t", replication_factor=3)
    lines = _fill(cluster.brokers, "t", f"cluster-{cluster_number}")
    for case in range(CASES_PER_CLUSTER):
        # A topic for each case's load, so that none is read that an earlier one wrote.
        wait_until(lambda: cluster.living[0].request("DELETE", "/v1/topics/load").status in (200, 204, 404), 15,
                   "the last load's topic is gone")
        cluster.create_topic("load", replication_factor=3)
        _one_case(cluster, prng, cluster_number * CASES_PER_CLUSTER + case)
        _check_stored(cluster, lines)


def test_the_scrub_finds_rot_and_the_broker_comes_back(make_cluster):
    cluster = make_cluster(options=[*SMALL, *SCRUBBED]).start()
    cluster.create_topic("t", replication_factor=3)
    lines = _fill(cluster.brokers, "t", "scrub")
    victim = cluster.leader("t")
    others = cluster.others(victim)
    _tables_settled(victim)
    wait_until(lambda: victim.metric("aviary_scrub_passes_total") > 0, 20, "a pass of the scrub")
    assert victim.metric("aviary_damages_total") == 0
    with Load(others, "t") as load:
        load.wait_for(10)
        assert rot_tables(victim.data, random.Random(SEED)) > 0
        _ended(victim)
        assert "this disk is given up" in victim.log()
        load.wait_for(10)
        victim.start()
        load.wait_for(10)
    _check_stored(cluster, lines)
    assert [each.metric("aviary_damages_total") for each in cluster.brokers] == [0, 0, 0], "it spread"


def test_a_reader_meets_rot(make_cluster):
    """Without a scrub: the read fails in words, and others answer it soon."""
    cluster = make_cluster(options=[*SMALL, *UNSCRUBBED]).start()
    cluster.create_topic("t", replication_factor=3)
    lines = _fill(cluster.brokers, "t", "reader")
    victim = cluster.leader("t")
    _tables_settled(victim)
    assert rot_tables(victim.data, random.Random(SEED)) > 0
    reply = victim.request("GET", "/v1/topics/t/partitions/0/messages?offset=0&level=none")
    assert reply.status == 500 and b"cannot read its log" in reply.body, reply
    _ended(victim)
    assert values(read_all(cluster.others(victim)[0], "t")) == lines
    victim.start()
    cluster.wait_ready()
    wait_until(lambda: _voters(cluster, "t") == [1, 2, 3], 60, "three voters that have caught up")
    assert values(read_all(victim, "t", level="none")) == lines


def test_no_disk_is_given_up_while_another_is_away(make_cluster):
    """Two of three have the data, and one of these rots: it is kept, until the third is back."""
    cluster = make_cluster(options=[*SMALL, *SCRUBBED]).start()
    cluster.create_topic("t", replication_factor=3)
    lines = _fill(cluster.brokers, "t", "away")
    away, victim, _ = cluster.brokers
    away.kill()
    cluster.leader("t")
    _tables_settled(victim)
    assert rot_tables(victim.data, random.Random(SEED)) > 0
    victim.wait_for_log("damaged, and serving what can be read.*not all brokers", 30)
    assert victim.alive and victim.metric("aviary_damaged") == 1
    away.start()
    _ended(victim)
    victim.start()
    _check_stored(cluster, lines)


def test_the_only_replica_is_kept(make_cluster):
    """A broker alone: what it cannot read fails in words, everything else goes on."""
    broker = make_cluster(1, "alone", options=[*SMALL, *SCRUBBED]).start()[1]
    broker.request("PUT", "/v1/topics/t", {"partitions": 1})
    broker.request("PUT", "/v1/topics/other", {"partitions": 1})
    _fill([broker], "t", "alone")
    _tables_settled(broker)
    assert rot_tables(broker.data, random.Random(SEED)) > 0
    broker.wait_for_log("damaged, and serving what can be read.*without a majority.*empty data directory", 30)
    assert broker.request("GET", "/v1/topics/t/partitions/0/messages?offset=0").status == 500
    publish([broker], "other", [b"goes on"])
    assert values(read_all(broker, "other")) == [b"goes on"]
    assert broker.alive and broker.metric("aviary_damaged") == 1
