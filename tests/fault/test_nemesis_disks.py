"""Disks that are full, slow, broken, or gone, and wrong clocks: brokers bear it, and what was acknowledged stays."""
import random
import shutil
import time
from email.utils import parsedate_to_datetime

import pytest
import standing
from harness.client import Load, publish, read_all, values
from harness.http import Unanswered
from harness.waiting import wait_until
from nemesis import NEMESES, SCENARIOS

DISK_BYTES = 256 << 20


@pytest.fixture(name="cluster", scope="module")
def _cluster(make_cluster):
    cluster = make_cluster(zookeeper=False, preload=True, disk_bytes=DISK_BYTES)
    cluster.create_topic("t")
    return cluster


def _publish_status(broker):
    try:
        return broker.request("POST", "/v1/topics/t/messages?partition=0", b"x", timeout=8).status
    except Unanswered:
        return None


def _whole(cluster, broker):
    wait_until(lambda: standing.replaced(cluster, broker), 30, "all replicas vote and are in sync")


def test_full(cluster):
    cluster.wait_ready()
    nemesis = NEMESES["disk-full"](cluster, random.Random(2))
    nemesis.start()
    full = [broker for broker in cluster.brokers if shutil.disk_usage(broker.disk).free < 64 << 20]
    assert full
    wait_until(lambda: not any(broker.ready for broker in full), 10, "they refuse writes")
    assert all(broker.running and broker.request("GET", "/livez").status == 200 for broker in full)
    nemesis.stop()
    cluster.wait_ready()
    publish(cluster.brokers, "t", [b"there is space again"])


@pytest.mark.parametrize("left", [0, 1 << 20])
def test_full_to_the_last_byte_on_all(cluster, left):
    """Under load: nobody ends, and what was acknowledged stays."""
    cluster.wait_ready()
    lines = [b"before %d, %d bytes left" % (number, left) for number in range(10)]
    publish(cluster.brokers, "t", lines)
    for broker in cluster.brokers:
        broker.fill_disk(left)
    statuses = {_publish_status(broker) for _ in range(3) for broker in cluster.brokers}
    assert statuses <= {201, 503, 504}
    assert len(cluster.running) == 3
    for broker in cluster.brokers:
        broker.free_disk()
    cluster.wait_ready()
    publish(cluster.brokers, "t", [b"after"])
    assert set(lines) <= set(values(read_all(cluster[1], "t")))


def test_failed_sync(cluster):
    """The broker does not go on with a disk of which it knows nothing: it ends, and says why."""
    cluster.wait_ready()
    nemesis = NEMESES["sync-fails"](cluster, random.Random(1))
    nemesis.start()
    broken = [broker for broker in cluster.brokers if broker.switches.syncs_to_fail]
    assert broken
    wait_until(lambda: [_publish_status(broker) for broker in cluster.brokers] and not any(
        broker.running for broker in broken), 15, "they end")
    assert all(broker.process.returncode == 1 for broker in broken), [each.process.returncode for each in broken]
    assert all("Input/output error" in broker.log() for broker in broken)
    nemesis.stop()
    assert not any(broker.switches.syncs_to_fail for broker in cluster.brokers)
    cluster.wait_ready()
    publish(cluster.brokers, "t", [b"after failed syncs"])


def test_failed_sync_then_power_cut(cluster):
    """What was acknowledged by the others stays where the pages of a failed sync are zeros for ever."""
    cluster.wait_ready()
    incarnations = [each["incarnation"] for each in cluster[1].get("/v1/brokers")["brokers"]]
    with _load(cluster, "failed") as load:
        load.wait_for(20)
        victim = standing.some_leader(cluster, random.Random(1))
        victim.switches.syncs_to_fail = 1
        wait_until(lambda: not victim.running, 10, "it ends")
        victim.start()
        load.wait_for(20)
        victim.lose_power(random.Random(1))
        victim.start()
        load.wait_for(20)
    cluster.wait_ready()
    for broker in cluster.brokers:
        load.check(broker)
    assert [each["incarnation"] for each in cluster[1].get("/v1/brokers")["brokers"]] == incarnations


def test_slow_disk(cluster):
    cluster.wait_ready()
    nemesis = NEMESES["slow-disk"](cluster, random.Random(2))
    nemesis.start()
    assert any(broker.switches.sync_delay_us for broker in cluster.brokers)
    publish(cluster.brokers, "t", [b"slowly"])
    nemesis.stop()
    assert not any(broker.switches.sync_delay_us for broker in cluster.brokers)
    cluster.wait_ready()


def test_clock_jump(cluster):
    """The brokers' own clocks show it; writes and reads go on."""
    cluster.wait_ready()
    nemesis = NEMESES["clock-jump"](cluster, random.Random(2))
    nemesis.start()
    for broker in cluster.brokers:
        told = parsedate_to_datetime(broker.request("GET", "/livez").headers["date"]).timestamp()
        assert abs(told - time.time() - broker.switches.realtime_offset_ms / 1000) < 3
    assert any(abs(broker.switches.realtime_offset_ms) > 5000 for broker in cluster.brokers)
    publish(cluster.brokers, "t", [b"at some time"])
    nemesis.stop()
    publish(cluster.brokers, "t", [b"back in time"])
    assert not any(broker.switches.realtime_offset_ms for broker in cluster.brokers)
    assert values(read_all(cluster[1], "t"))[-2:] == [b"at some time", b"back in time"]


def test_wipe(cluster):
    """The disk is new, and counts again; another one only when the last one does."""
    cluster.wait_ready()
    lines = [b"kept %d" % number for number in range(10)]
    publish(cluster.brokers, "t", lines)
    before = {each["id"]: each["disk_uuid"] for each in cluster[1].get("/v1/brokers")["brokers"]}
    nemesis = NEMESES["wipe"](cluster, random.Random(1))
    assert nemesis.wipes
    nemesis.start()
    victim = cluster.wiped
    assert NEMESES["wipe"](cluster, random.Random(2)).choose() is victim
    nemesis.stop()
    cluster.wait_ready()
    _whole(cluster, victim)
    after = {each["id"]: each["disk_uuid"] for each in cluster[1].get("/v1/brokers")["brokers"]}
    assert {number for number in before if before[number] != after[number]} == {victim.id}
    assert set(lines) <= set(values(read_all(victim, "t")))


def test_wipe_one_and_isolate_another(cluster):
    cluster.wait_ready()
    with _load(cluster, "wiped") as load:
        load.wait_for(20)
        SCENARIOS["wipe-one-and-isolate-another"](cluster, random.Random(3), _sleeper(load))
        cluster.wait_ready()
        load.wait_for(20)
    _whole(cluster, cluster.wiped)
    for broker in cluster.brokers:
        load.check(broker)


def _load(cluster, topic):
    cluster.create_topic(topic)
    return Load(cluster.brokers, topic)


def _sleeper(load):
    """Time passes by what is acknowledged, where anything is."""
    def sleep(seconds):
        try:
            load.wait_for(10, seconds=seconds + 1)
        except AssertionError:
            assert not load.failure
    return sleep
