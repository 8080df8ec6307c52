"""ZooKeeper that is gone, stuck or forgetful: topics go on, and what is published of them is right again afterwards."""
import random

import pytest
from harness.client import publish
from harness.waiting import wait_until
from nemesis import NEMESES


@pytest.fixture(name="cluster", scope="module")
def _cluster(make_cluster):
    cluster = make_cluster()
    cluster.create_topic("t")
    return cluster


def _owners(cluster):
    """The session that holds each broker's node; none where it is not there."""
    with cluster.zookeeper.client() as client:
        stats = [client.exists(f"/aviary/brokers/ids/{broker.id}") for broker in cluster.brokers]
        return [stat.ephemeralOwner if stat else None for stat in stats]


def _all_there(cluster):
    wait_until(lambda: all(_owners(cluster)), 30, "all brokers are published")
    return _owners(cluster)


@pytest.mark.parametrize("name", ["zookeeper-killed", "zookeeper-paused", "zookeeper-wiped"])
def test_without_zookeeper(cluster, name):
    _all_there(cluster)
    nemesis = NEMESES[name](cluster, random.Random(1))
    nemesis.start()
    assert cluster.network.reaches(1, cluster.zookeeper.host, cluster.zookeeper.port) == (name == "zookeeper-paused")
    publish(cluster.brokers, "t", [b"without ZooKeeper"])
    nemesis.stop()
    _all_there(cluster)
    cluster.wait_ready()


def test_expired(cluster):
    """Sessions end while brokers live; they make new ones."""
    before = _all_there(cluster)
    nemesis = NEMESES["zookeeper-expired"](cluster, random.Random(1))
    nemesis.start()
    wait_until(lambda: not all(_owners(cluster)), 10, "a session has expired")
    publish(cluster.brokers, "t", [b"expired"])
    nemesis.stop()
    assert _all_there(cluster) != before
    cluster.wait_ready()
