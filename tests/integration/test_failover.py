"""How long writes stand still when a leader dies, hangs, hands over, or is restarted.

tests/bench/failover measures the same at length. Here the limits leave room for a busy machine.
"""
import statistics
import time
from contextlib import ExitStack, contextmanager

import pytest
from harness.client import Load, check_all

KILLS, KILLS_FULL = 8, 50
KILL_MEDIAN_SECONDS, KILL_WORST_SECONDS = 0.5, 2.0
STOPS, STOP_WORST_SECONDS = 4, 1.5
TRANSFERS, TRANSFER_MEDIAN_SECONDS = 10, 0.15
CLIENT_TIMEOUT_SECONDS = 2.0
LINES = 20


@contextmanager
def _producing(cluster):
    """A producer at each broker, which asks the next one where its own does not answer; by broker.

    Afterwards everything they had acknowledged is there once, at every broker.
    """
    loads = {}
    with ExitStack() as stack:
        for broker in cluster.brokers:
            order = [broker, *cluster.others(broker)]
            loads[broker] = stack.enter_context(
                Load(order, "t", name=f"{broker.number}.", timeout=CLIENT_TIMEOUT_SECONDS))
        yield loads
    for broker in cluster.brokers:
        check_all(loads.values(), broker, "t")


def _wait_for_lines(loads, without=None):
    for broker, load in loads.items():
        if broker is not without:
            load.wait_for(LINES)


def _gap(loads, event, touched=None):
    """The longest gap around an event, of the producers whose broker it does not touch."""
    begun = time.monotonic()
    event()
    _wait_for_lines(loads, touched)
    return max(load.longest_gap(since=begun) for broker, load in loads.items() if broker is not touched)


def _retries(loads):
    """The most brokers that any request asked in vain."""
    return max(max(load.retries) for load in loads.values())


@pytest.mark.timing
@pytest.mark.parametrize("mode", ["static", "zookeeper"])
def test_write_gap_after_a_kill(make_cluster, request, full, mode):
    zookeeper = request.getfixturevalue("zookeeper") if mode == "zookeeper" else None
    cluster = make_cluster(3, mode, zookeeper=zookeeper).start()
    cluster.create_topic("t", replication_factor=3)
    gaps = []
    with Load(cluster.brokers, "t") as load:
        for _ in range(KILLS_FULL if full else KILLS):
            load.wait_for(LINES)
            leader = cluster.leader("t")
            killed = time.monotonic()
            leader.kill()
            load.wait_for(LINES)
            gaps.append(load.longest_gap(since=killed))
            leader.start().wait_ready()
    print(f"gaps in seconds: {[round(gap, 3) for gap in sorted(gaps)]}")
    assert statistics.median(gaps) <= KILL_MEDIAN_SECONDS, gaps
    assert max(gaps) <= KILL_WORST_SECONDS, gaps
    for broker in cluster.brokers:
        load.check(broker)


@pytest.mark.timing
def test_write_gap_after_a_leader_hangs(cluster):
    cluster.create_topic("t", replication_factor=3)
    gaps = []
    with _producing(cluster) as loads:
        for _ in range(STOPS):
            _wait_for_lines(loads)
            leader = cluster.leader("t")
            gaps.append(_gap(loads, leader.pause, leader))
            leader.resume()
    assert max(gaps) <= STOP_WORST_SECONDS, gaps


@pytest.mark.timing
def test_no_request_fails_in_a_planned_transfer(cluster):
    cluster.create_topic("t", replication_factor=3)
    gaps = []

    def hand_over():
        reply = cluster.leader("t").request("POST", "/v1/partitions/t/0:transfer-leader", {})
        assert reply.status == 200, reply
    with _producing(cluster) as loads:
        for _ in range(TRANSFERS):
            _wait_for_lines(loads)
            gaps.append(_gap(loads, hand_over))
    assert _retries(loads) == 0
    assert statistics.median(gaps) <= TRANSFER_MEDIAN_SECONDS, gaps


@pytest.mark.timing
def test_no_request_fails_twice_in_a_rolling_restart(cluster):
    cluster.create_topic("t", replication_factor=3)
    with _producing(cluster) as loads:
        for broker in cluster.brokers:
            _wait_for_lines(loads)
            assert broker.stop() == 0
            broker.start().wait_ready()
        _wait_for_lines(loads)
    assert _retries(loads) <= 1
