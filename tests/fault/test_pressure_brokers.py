"""Disks and followers that are slower than producers: memory is bounded, nobody loses the leadership, all recovers by itself."""
import time

import pytest
from harness.cluster import AVIARYD, Place
from harness.waiting import wait_until
from injection import Switches
from pressure import (BLOCK_CACHE_BYTES, MIB, PATIENT, THREAD_BYTES, Flood, Memory, Others, limit, raise_file_limit, started,
                      terms, wait_for_writes)

BEHIND_MIB, BEHIND_MIB_FULL = 200, 1000
CATCH_UP_SECONDS = 90
SENDERS, FLOOD_SECONDS, FLOOD_SECONDS_FULL = 32, 10, 60
SYNC_DELAY_US = 250 * 1000


@pytest.fixture(autouse=True)
def _files():
    raise_file_limit()


def _all_have_all(cluster, topic):
    row = cluster.partition(topic)
    return "replicas" in row and all(each["match_index"] == row["last_index"] for each in row["replicas"])


def test_a_follower_far_behind(tmp_path, full):
    """It stands still while hundreds of megabytes are written, and catches up beside other clients' work."""
    with started(tmp_path, 3, options=PATIENT) as cluster:
        for topic in ("large", "small"):
            cluster.create_topic(topic, replication_factor=3)
        leaders = {cluster.leader(topic) for topic in ("large", "small")}
        late = next(broker for broker in cluster.brokers if broker not in leaders)
        before = terms(cluster, ("large", "small"))
        leader = cluster.leader("large")
        with Memory(cluster.others(late)) as memory:
            late.pause()
            for number in range(BEHIND_MIB_FULL if full else BEHIND_MIB):
                reply = leader.request("POST", "/v1/topics/large/messages", bytes([number % 26 + 97]) * MIB)
                assert reply.status == 201, reply
            late.resume()
            with Others(leader, "small") as others:
                wait_until(lambda: _all_have_all(cluster, "large"), CATCH_UP_SECONDS, "the follower has all")
            others.check()
        assert terms(cluster, ("large", "small")) == before
        # What is under way and queued to one follower, twice where its thread has taken a queue; what is read for it.
        assert memory.peak < 2 * limit("PEER_QUEUE_BYTES_MAX") + 2 * limit("RAFT_INFLIGHT_BYTES_MAX") + BLOCK_CACHE_BYTES


def _slow_places(folder, count):
    """Hosts of brokers whose syncs can be delayed, and the switches for that."""
    library = AVIARYD.parents[2] / "tests/fault/preload/fault.so"
    assert library.is_file(), f"{library} is not there: scripts/build makes it"
    places, switches = [], []
    for number in range(1, count + 1):
        control, shadow = folder / f"control-{number}", folder / f"shadow-{number}"
        shadow.mkdir()
        switches.append(Switches(control))
        places.append(Place(within=("env", f"LD_PRELOAD={library}", f"FAULT_CONTROL={control}",
                                    f"FAULT_ROOT={folder / f'data-{number}'}", f"FAULT_SHADOW={shadow}")))
    return places, switches


def test_producers_faster_than_the_disks(tmp_path, full):
    """Each sync takes a quarter of a second: what is too much is refused, and writes go on at once when disks are quick."""
    places, switches = _slow_places(tmp_path, 3)
    with started(tmp_path, 3, options=PATIENT, places=places) as cluster:
        for topic in ("large", "small"):
            cluster.create_topic(topic, replication_factor=3)
        before = terms(cluster, ("large", "small"))
        for each in switches:
            each.sync_delay_us = SYNC_DELAY_US
        with Memory(cluster.brokers) as memory, Flood(cluster.brokers, "large", SENDERS, 2 * MIB) as flood:
            time.sleep(FLOOD_SECONDS_FULL if full else FLOOD_SECONDS)
        flood.check()
        assert terms(cluster, ("large", "small")) == before
        # Bodies, the mailbox, what is not on the disk yet, what waits for two followers, and memtables with their cache.
        bound = (2 * SENDERS * 2 * MIB + 128 * MIB + limit("BACKLOG_BYTES_MAX") + 2 * limit("PEER_QUEUE_BYTES_MAX")
                 + BLOCK_CACHE_BYTES)
        assert memory.peak < bound + SENDERS * THREAD_BYTES
        for each in switches:
            each.reset()
        wait_for_writes(cluster.brokers, "small")
    for each in switches:
        each.close()
