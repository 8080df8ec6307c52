"""Topics go on without ZooKeeper: stopped, frozen, wiped, or with sessions that expire."""
import json
import time

import pytest
from harness.client import Load
from harness.waiting import wait_until

OUTAGE_SECONDS = 6
OUTAGE_SECONDS_FULL = 60
FAILOVERS_SECONDS, FAILOVERS_SECONDS_FULL = 15, 600
FAILOVER_PERIOD_SECONDS, FAILOVER_PERIOD_SECONDS_FULL = 5, 15
REQUEST_SECONDS = 5  # the brokers' own deadline of a request; a client's retries have to fit in
# A session of at most 20 ticks, three of them until a handle is dropped, and the backoff of the next.
VIEW_SECONDS = 40


def _ids(zookeeper):
    with zookeeper.client() as zk:
        return sorted(zk.get_children("/aviary/brokers/ids")) if zk.exists("/aviary/brokers/ids") else []


def _view_of(zookeeper, topic):
    with zookeeper.client() as zk:
        path = f"/aviary/brokers/topics/{topic}/partitions/0/state"
        return json.loads(zk.get(path)[0]) if zk.exists(path) else None


def _wait_for_true_view(cluster, zookeeper, topic):
    wait_until(lambda: _ids(zookeeper) == [str(broker.number) for broker in cluster.living], VIEW_SECONDS, "the ids")

    def same():
        told, node = cluster.partition(topic), _view_of(zookeeper, topic)
        return node and (node["leader"], node["leader_epoch"]) == (told["leader"], told.get("term"))
    wait_until(same, VIEW_SECONDS, f"the state of {topic} is true again")


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_zookeeper_is_away(zookeeper_cluster, zookeeper, full, how):
    cluster = zookeeper_cluster
    cluster.create_topic("t", replication_factor=3)
    with Load(cluster.brokers, "t") as load:
        load.wait_for(30)
        ends = time.monotonic() + (OUTAGE_SECONDS_FULL if full else OUTAGE_SECONDS)
        zookeeper.kill() if how == "killed" else zookeeper.pause()
        load.wait_for(100)
        leader = cluster.leader("t")
        leader.kill()
        load.wait_for(100)
        # The metadata group commits without ZooKeeper, so topics are made.
        cluster.create_topic("made-without", replication_factor=2)
        leader.start().wait_ready()
        while time.monotonic() < ends:
            load.wait_for(50)
        zookeeper.start() if how == "killed" else zookeeper.resume()
        load.wait_for(50)
    for broker in cluster.brokers:
        load.check(broker)
    _wait_for_true_view(cluster, zookeeper, "t")
    _wait_for_true_view(cluster, zookeeper, "made-without")


def test_failovers_while_zookeeper_is_away(zookeeper_cluster, zookeeper, full):
    """No request to an existing topic fails, if it may be sent again within its deadline."""
    cluster = zookeeper_cluster
    outage = FAILOVERS_SECONDS_FULL if full else FAILOVERS_SECONDS
    period = FAILOVER_PERIOD_SECONDS_FULL if full else FAILOVER_PERIOD_SECONDS
    failovers = 0
    for topic in ("t", "u"):
        cluster.create_topic(topic, replication_factor=3)
    with Load(cluster.brokers, "t", pause=0.02, seconds=REQUEST_SECONDS) as one, \
            Load(cluster.brokers, "u", pause=0.02, size=10, seconds=REQUEST_SECONDS) as other:
        zookeeper.kill()
        ends = time.monotonic() + outage
        while time.monotonic() < ends:
            next_period = time.monotonic() + period
            leader = cluster.leader("t" if failovers % 2 else "u")
            leader.kill()
            one.wait_for(20)
            other.wait_for(20)
            leader.start().wait_ready()
            failovers += 1
            while time.monotonic() < min(next_period, ends):
                one.wait_for(10)
        zookeeper.start()
        one.wait_for(20)
    for broker in cluster.brokers:
        one.check(broker)
        other.check(broker)
    print(f"{outage} s without ZooKeeper, {failovers} failovers, {len(one.times) + len(other.times)} requests, "
          f"{sum(one.retries) + sum(other.retries)} sent again, longest gap {one.longest_gap():.2f} s")
    _wait_for_true_view(cluster, zookeeper, "t")


def test_zookeeper_is_wiped_under_load(zookeeper_cluster, zookeeper):
    cluster = zookeeper_cluster
    cluster.create_topic("t", replication_factor=3)
    before = cluster[1].get("/v1/cluster")["cluster_id"]
    with Load(cluster.brokers, "t") as load:
        load.wait_for(30)
        zookeeper.wipe()
        load.wait_for(30)
        zookeeper.start()
        _wait_for_true_view(cluster, zookeeper, "t")
        load.wait_for(30)
    for broker in cluster.brokers:
        load.check(broker)
    with zookeeper.client() as zk:
        assert json.loads(zk.get("/aviary/cluster/id")[0])["id"] == before
        assert zk.exists("/aviary/controller")


def test_a_session_expires(zookeeper_cluster, zookeeper):
    cluster = zookeeper_cluster
    cluster.create_topic("t", replication_factor=3)
    frozen = cluster.others(cluster.leader("t"))[0]
    with Load(cluster.others(frozen), "t") as load:
        frozen.pause()
        wait_until(lambda: str(frozen.number) not in _ids(zookeeper), 15, "the session expires")
        frozen.resume()
        wait_until(lambda: str(frozen.number) in _ids(zookeeper), VIEW_SECONDS, "it registers again")
        load.wait_for(20)
    frozen.wait_ready()
    load.check(frozen)


def test_a_restarted_broker_takes_its_dead_sessions_place(zookeeper_cluster, zookeeper):
    broker = zookeeper_cluster[2]
    broker.kill()
    assert "2" in _ids(zookeeper)
    broker.start().wait_ready()
    # Until the dead session's node is gone for sure: then only the new session's keeps the id there.
    time.sleep(6)
    assert _ids(zookeeper) == ["1", "2", "3"]


def test_restart_of_all_without_zookeeper(zookeeper_cluster, zookeeper):
    cluster = zookeeper_cluster
    cluster.create_topic("t")
    with Load(cluster.brokers, "t") as load:
        load.wait_for(20)
        zookeeper.kill()
        for broker in cluster.brokers:
            broker.kill()
        for broker in cluster.brokers:
            broker.start()
        load.wait_for(20)
    load.check(cluster[1])


def test_another_clusters_zookeeper(zookeeper_cluster, zookeeper):
    """On another cluster's id a broker ignores ZooKeeper with an error, and serves on."""
    cluster = zookeeper_cluster
    cluster.create_topic("t")
    zookeeper.kill()
    for broker in cluster.brokers:
        broker.kill()
    zookeeper.start()
    with zookeeper.client() as zk:
        node = json.loads(zk.get("/aviary/cluster/id")[0])
        node["id"] = "00000000-0000-4000-8000-000000000000"
        zk.set("/aviary/cluster/id", json.dumps(node).encode())
    for broker in cluster.brokers:
        broker.start()
    with Load(cluster.brokers, "t") as load:
        load.wait_for(20)
    load.check(cluster[2])
    cluster[1].wait_for_log(r"(?i)(ERROR|WARN).*another cluster", 10)
    # Those of the killed brokers' sessions go; nobody makes new ones.
    wait_until(lambda: _ids(zookeeper) == [], 15, "no ids")
