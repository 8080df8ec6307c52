"""Each partition cuts what it says, and nothing else; and afterwards the cluster is whole."""
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster import PEER_PORT, REST_PORT
from harness.waiting import wait_until
from nemesis import NEMESES
from nemesis.network import NEMESES as NETWORK


@pytest.fixture(name="cluster", scope="module")
def _cluster(make_cluster):
    """Two clusters side by side, so that it shows where they meet; the second one."""
    make_cluster(zookeeper=False, brokers=1)
    return make_cluster(zookeeper=False)


@pytest.fixture(name="five", scope="module")
def _five(make_cluster):
    return make_cluster(zookeeper=False, brokers=5)


def _heard(cluster):
    """Pairs (speaker, listener) of broker ids between which connections are made."""
    def reaches(pair):
        return cluster.network.reaches(pair[0], cluster.network.address(pair[1]), PEER_PORT)
    pairs = sorted(_everybody(cluster))
    with ThreadPoolExecutor(len(pairs)) as threads:
        return {pair for pair, reached in zip(pairs, threads.map(reaches, pairs)) if reached}


def _everybody(cluster):
    return {(one.id, other.id) for one in cluster.brokers for other in cluster.others(one)}


def _under(cluster, name, seed=1):
    """What is heard under the nemesis; then all is heard again."""
    nemesis = NEMESES[name](cluster, random.Random(seed))
    nemesis.start()
    try:
        heard = _heard(cluster)
    finally:
        nemesis.stop()
    assert _heard(cluster) == _everybody(cluster)
    cluster.wait_ready()
    return heard


def _both_ways(pairs):
    return {(listener, speaker) for speaker, listener in pairs} == set(pairs)


def test_two_clusters_do_not_meet(make_cluster, cluster):
    other = make_cluster(zookeeper=False, brokers=1)
    assert other.network.slot != cluster.network.slot
    assert not cluster.network.reaches(1, other[1].address, REST_PORT)
    assert other[1].ready and cluster[1].ready


def test_partition(cluster):
    heard = _under(cluster, "partition")
    assert len(heard) == 2 and _both_ways(heard)


def test_one_way(cluster):
    heard = _under(cluster, "one-way")
    (mute, deaf), = _everybody(cluster) - heard
    assert (deaf, mute) in heard


def test_one_way_packets(cluster):
    """No connection is made to or from the victim: in one direction the question is lost, in the other the answer."""
    heard = _under(cluster, "one-way-packets")
    assert len(heard) == 2 and _both_ways(heard)


def test_bridge(cluster):
    heard = _under(cluster, "bridge")
    assert len(heard) == 4 and _both_ways(heard)


def test_bridge_of_five(five):
    heard = _under(five, "bridge")
    listeners = sorted(sum(one == speaker for speaker, _ in heard) for one in range(1, 6))
    assert listeners == [2, 2, 2, 2, 4] and _both_ways(heard)


def test_ring(cluster):
    """Each is heard by one other, and hears the third."""
    heard = _under(cluster, "ring")
    assert len(heard) == 3 and not set(heard) & {(listener, speaker) for speaker, listener in heard}


def test_ring_of_five(five):
    heard = _under(five, "ring")
    assert sorted(speaker for speaker, _ in heard) == sorted([*range(1, 6)] * 2) and _both_ways(heard)


@pytest.mark.parametrize("name, hears_clients", [("isolate-leader", True), ("cut-off-leader", False)])
def test_leader_alone(cluster, name, hears_clients):
    cluster.wait_ready()
    nemesis = NEMESES[name](cluster, random.Random(3))
    nemesis.start()
    try:
        alone, = {one.id for one in cluster.brokers} - {each for pair in _heard(cluster) for each in pair}
        assert _connects(cluster[alone]) == hears_clients
        rest = cluster.others(cluster[alone])
        wait_until(lambda: any(each.get("/v1/cluster")["controller"] in {one.id for one in rest} for each in rest), 10,
                   "the rest has a leader")
    finally:
        nemesis.stop()
    cluster.wait_ready()


def _connects(broker):
    try:
        socket.create_connection((broker.address, REST_PORT), timeout=0.3).close()
    except OSError:
        return False
    return True


def test_resets(cluster):
    """Connections that stand end at once, with an error; new ones to one of the brokers are refused."""
    def connections(broker):
        sockets = cluster.network.run(broker.id, "ss", "-Htn", "state", "established", f"sport = :{PEER_PORT}")
        return sockets.splitlines()
    wait_until(lambda: all(len(connections(each)) >= 4 for each in cluster.brokers), 10, "all streams stand")
    before = {line for each in cluster.brokers for line in connections(each)}
    nemesis = NEMESES["resets"](cluster, random.Random(1))
    nemesis.start()
    try:
        heard = _heard(cluster)
        assert not before & {line for each in cluster.brokers for line in connections(each)}
    finally:
        nemesis.stop()
    assert len(heard) == 4 and len({listener for _, listener in heard}) == 2
    wait_until(lambda: all(len(connections(each)) >= 4 for each in cluster.brokers), 10, "all streams stand again")
    cluster.wait_ready()


def test_half_open(cluster):
    """The peers go on believing in connections whose other end is gone; the cluster goes on without it, then with it."""
    def streams_to(address):
        return [line for each in cluster.brokers if each.address != address for line in cluster.network.run(
            each.id, "ss", "-Htn", "state", "established", f"dst {address}").splitlines()]
    nemesis = NEMESES["half-open"](cluster, random.Random(1))
    nemesis.start()
    silent, = {one.id for one in cluster.brokers} - {each for pair in _heard(cluster) for each in pair}
    assert streams_to(cluster[silent].address)
    rest = cluster.others(cluster[silent])
    wait_until(lambda: rest[0].get("/v1/cluster")["controller"] in {each.id for each in rest}, 10, "another one leads")
    nemesis.stop()
    cluster.wait_ready()
    wait_until(lambda: _peers_connected(cluster), 15, "all brokers are joined again")


def _peers_connected(cluster):
    return all(f'aviary_peer_connected{{broker="{other.id}"}} 1' in each.request("GET", "/metrics").text
               for each in cluster.brokers for other in cluster.others(each))


def test_any_order(cluster):
    """Of two at once, each undoes its own; heal undoes all, and what is stopped afterwards does no harm."""
    one, other = (NEMESES[name](cluster, random.Random(5)) for name in ("partition", "one-way-packets"))
    one.start()
    other.start()
    one.stop()
    assert _heard(cluster) != _everybody(cluster)
    cluster.heal()
    assert _heard(cluster) == _everybody(cluster)
    other.stop()
    assert _heard(cluster) == _everybody(cluster)
    cluster.wait_ready()


def test_each_is_tested():
    source = open(__file__, encoding="utf-8").read()
    assert not [name for name in NETWORK if f'"{name}"' not in source]
