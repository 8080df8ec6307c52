"""Processes die, freeze and come back; what no sync confirmed is lost, and what one did is not."""
import random
import signal
import time

import pytest
from harness.client import publish, read_all, values
from harness.waiting import wait_until
from nemesis import NEMESES, SCENARIOS


@pytest.fixture(name="cluster", scope="module")
def _cluster(make_cluster):
    cluster = make_cluster(zookeeper=False, preload=True)
    cluster.create_topic("t")
    return cluster


def _publish(cluster, count=20, key=None):
    lines = [f"{key or 'line'}-{number}".encode() for number in range(count)]
    publish(cluster.running, "t", lines)
    return lines


def _stored(cluster):
    return values(read_all(cluster.running[0], "t"))


def _state(broker):
    """The letter of /proc: T where it is stopped."""
    with open(f"/proc/{broker.pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def _incarnations(cluster):
    return [each["incarnation"] for each in cluster[1].get("/v1/brokers")["brokers"]]


@pytest.mark.parametrize("name", ["kill", "kill-leader", "kill-all"])
def test_killed_and_back(cluster, name):
    lines = _publish(cluster, key=name)
    before = {broker.id: broker.pid for broker in cluster.brokers}
    nemesis = NEMESES[name](cluster, random.Random(1))
    nemesis.start()
    dead = [broker for broker in cluster.brokers if not broker.running]
    assert dead and all(broker.process.returncode == -signal.SIGKILL for broker in dead)
    assert len(dead) == {"kill-leader": 1, "kill-all": 3}.get(name, len(dead))
    nemesis.stop()
    cluster.wait_ready()
    assert {broker.id for broker in cluster.brokers if broker.pid != before[broker.id]} == {each.id for each in dead}
    assert set(lines) <= set(_stored(cluster))


@pytest.mark.parametrize("name", ["pause", "pause-leader"])
def test_paused(cluster, name):
    cluster.wait_ready()
    nemesis = NEMESES[name](cluster, random.Random(1))
    nemesis.start()
    wait_until(lambda: any(_state(broker) == "T" for broker in cluster.brokers), 2, "one is stopped")
    nemesis.stop()
    wait_until(lambda: all(_state(broker) in "SR" for broker in cluster.brokers), 2, "all go on")
    cluster.wait_ready()


def test_rolling_restart(cluster):
    before = [broker.pid for broker in cluster.brokers]
    nemesis = NEMESES["rolling-restart"](cluster, random.Random(1))
    nemesis.start()
    nemesis.stop()
    assert not set(before) & {broker.pid for broker in cluster.brokers}
    cluster.wait_ready()


def test_power_is_lost(cluster):
    """What was acknowledged was synced; and no broker thinks that its disk lost anything."""
    incarnations = _incarnations(cluster)
    lines = [line for each in range(10) for line in _publish(cluster, 5, f"before-{each}")]
    for name, seed in (("all-lose-power", 1), ("lose-power", 2), ("all-lose-power", 3)):
        nemesis = NEMESES[name](cluster, random.Random(seed))
        nemesis.start()
        assert len(cluster.running) < 3
        nemesis.stop()
        cluster.wait_ready()
        lines += _publish(cluster, 5, f"after-{seed}")
    stored = _stored(cluster)
    assert [line for line in stored if line in set(lines)] == lines
    assert _incarnations(cluster) == incarnations


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "wipe-one-and-isolate-another"])
def test_scenario(cluster, name):
    cluster.wait_ready()
    lines = _publish(cluster, 5, name)
    SCENARIOS[name](cluster, random.Random(1), lambda seconds: time.sleep(seconds / 4))
    assert len(cluster.running) == 3
    cluster.wait_ready()
    assert set(lines) <= set(_stored(cluster))
