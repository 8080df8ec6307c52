"""What zkCli shows: the layout that Kafka's users know, true within two seconds of a change."""
import json
import subprocess

import pytest
from harness.client import publish
from harness.waiting import wait_until

TRUE_WITHIN_SECONDS = 2
# The sessions of a killed broker end at ZooKeeper's word: at most 20 ticks.
SESSION_SECONDS = 6


@pytest.fixture(name="zk")
def _zk(zookeeper):
    with zookeeper.client() as client:
        yield client


def _node(zk, path):
    return json.loads(zk.get(f"/aviary{path}")[0]) if zk.exists(f"/aviary{path}") else None


def _brokers(zk):
    return sorted(map(int, zk.get_children("/aviary/brokers/ids")))


def _view_is_true(cluster, zk, topic):
    """The partition state node names the leader and term that the brokers tell."""
    told = cluster.partition(topic)
    node = _node(zk, f"/brokers/topics/{topic}/partitions/0/state")
    return told and node and (node["leader"], node["leader_epoch"]) == (told["leader"], told.get("term"))


def test_three_brokers_and_a_controller(zookeeper_cluster, zk):
    cluster = zookeeper_cluster
    wait_until(lambda: _brokers(zk) == [1, 2, 3], TRUE_WITHIN_SECONDS, "three ids")
    for broker in cluster.brokers:
        node = _node(zk, f"/brokers/ids/{broker.number}")
        assert (node["host"], node["port"], node["peer_port"]) == ("127.0.0.1", broker.port, broker.peer_port)
    controller = cluster[1].get("/v1/cluster")["controller"]
    wait_until(lambda: _node(zk, "/controller")["brokerid"] == controller, TRUE_WITHIN_SECONDS, "the controller")
    assert _node(zk, "/cluster/id")["id"] == cluster[1].get("/v1/cluster")["cluster_id"]


def test_zkcli_itself(zookeeper_cluster, zookeeper):
    wait_until(lambda: zookeeper_cluster[1].ready, 10, "ready")
    said = subprocess.run(
        ["/usr/share/zookeeper/bin/zkCli.sh", "-server", zookeeper.address, "ls", "/aviary/brokers/ids"],
        check=False, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert "[1, 2, 3]" in said.stdout, said


def test_topics_come_and_go(zookeeper_cluster, zk):
    cluster = zookeeper_cluster
    cluster.create_topic("birds", partitions=2, replication_factor=3)
    wait_until(lambda: _view_is_true(cluster, zk, "birds"), TRUE_WITHIN_SECONDS, "the partition's state")
    topic = _node(zk, "/brokers/topics/birds")
    assert {partition: sorted(replicas) for partition, replicas in topic["partitions"].items()} == {
        "0": [1, 2, 3], "1": [1, 2, 3]}
    assert _node(zk, "/config/topics/birds") is not None
    assert sorted(_node(zk, "/brokers/topics/birds/partitions/0/state")["isr"]) == [1, 2, 3]
    assert cluster[2].request("DELETE", "/v1/topics/birds").status == 204
    wait_until(lambda: not zk.exists("/aviary/brokers/topics/birds"), TRUE_WITHIN_SECONDS, "the topic's nodes go")


def test_a_new_leader_is_seen(zookeeper_cluster, zk):
    cluster = zookeeper_cluster
    cluster.create_topic("t", replication_factor=3)
    publish(cluster.brokers, "t", [b"x"])
    leader = cluster.leader("t")
    leader.kill()
    assert cluster.leader("t") != leader
    wait_until(lambda: _view_is_true(cluster, zk, "t"), TRUE_WITHIN_SECONDS, "the new leader and term")
    wait_until(lambda: leader.number not in _brokers(zk), SESSION_SECONDS, "the dead broker's node goes")
    leader.start().wait_ready()
    wait_until(lambda: _brokers(zk) == [1, 2, 3], SESSION_SECONDS, "it is back")
    wait_until(lambda: sorted(_node(zk, "/brokers/topics/t/partitions/0/state")["isr"]) == [1, 2, 3], 10, "full isr")


def test_a_new_controller_is_seen(zookeeper_cluster, zk):
    cluster = zookeeper_cluster
    old = cluster[1].get("/v1/cluster")["controller"]
    epoch = int(zk.get("/aviary/controller_epoch")[0])
    cluster[old].kill()

    def elected():
        new = cluster.living[0].get("/v1/cluster")["controller"]
        return new not in (None, 0, old) and new
    new = wait_until(elected, 10, "a new controller")
    wait_until(lambda: (_node(zk, "/controller") or {}).get("brokerid") == new, TRUE_WITHIN_SECONDS, "its node")
    assert int(zk.get("/aviary/controller_epoch")[0]) > epoch


def test_strangers_are_tidied_away_by_a_new_controller(zookeeper_cluster, zk):
    cluster = zookeeper_cluster
    cluster.create_topic("mine")
    wait_until(lambda: zk.exists("/aviary/brokers/topics/mine"), TRUE_WITHIN_SECONDS, "the topic's node")
    zk.set("/aviary/brokers/topics/mine", b"{}")
    zk.create("/aviary/brokers/topics/ghost", b"{}")
    cluster[cluster[1].get("/v1/cluster")["controller"]].kill()
    wait_until(lambda: not zk.exists("/aviary/brokers/topics/ghost"), 15, "the extra node goes")
    wait_until(lambda: "partitions" in _node(zk, "/brokers/topics/mine"), 15, "the damaged node is written again")
