"""The main job: publish anywhere, lose the leader, read everything anywhere."""
import threading

import pytest
from harness.client import Load, assert_offsets_dense, publish, read_all, sha256, values
from harness.lines import real_lines
from harness.waiting import wait_until

BATCH = 100


def _publish_file(cluster, topic, lines, at_batch, act):
    """Publishes in batches at broker 1 first, with a key a batch; calls `act` in a thread before batch `at_batch`."""
    actor = threading.Thread(target=act)
    for start in range(0, len(lines), BATCH):
        if start == at_batch * BATCH:
            actor.start()
        publish(cluster.brokers, topic, lines[start:start + BATCH], key=f"file-{start}")
    actor.join()


@pytest.mark.smoke
def test_a_file_survives_its_leader(zookeeper_cluster):
    cluster = zookeeper_cluster
    lines = real_lines(10_000)
    cluster.create_topic("lines", replication_factor=3)
    leader = cluster.leader("lines")
    _publish_file(cluster, "lines", lines, 50, leader.kill)
    for broker in cluster.living:
        assert sha256(values(read_all(broker, "lines"))) == sha256(lines)
    leader.start().wait_ready()
    records = read_all(leader, "lines")
    assert sha256(values(records)) == sha256(lines)
    assert_offsets_dense(records)


def test_every_broker_serves_every_request(cluster):
    cluster.create_topic("t", partitions=3)
    for partition in range(3):
        for broker in cluster.brokers:
            publish([broker], "t", [f"{broker.name} {partition}".encode()], partition=partition)
    for partition in range(3):
        for broker in cluster.brokers:
            assert values(read_all(broker, "t", partition)) == [b"broker-%d %d" % (n, partition) for n in (1, 2, 3)]


@pytest.mark.parametrize("victim", ["leader", "follower"])
def test_load_goes_on_when_a_broker_is_killed(cluster, victim):
    cluster.create_topic("t")
    leader = cluster.leader("t")
    broker = leader if victim == "leader" else cluster.others(leader)[0]
    with Load(cluster.brokers, "t") as load:
        load.wait_for(50)
        broker.kill()
        load.wait_for(50)
        broker.start().wait_ready()
        load.wait_for(50)
    for each in cluster.brokers:
        load.check(each)


def test_load_goes_on_when_the_leader_freezes_and_wakes(cluster):
    cluster.create_topic("t")
    leader = cluster.leader("t")
    others = cluster.others(leader)
    with Load(others, "t") as load:
        load.wait_for(50)
        leader.pause()
        load.wait_for(50)
        leader.resume()
        load.wait_for(50)
    leader.wait_ready()
    for each in cluster.brokers:
        load.check(each)


def test_the_leaders_disk_alone_acknowledges_nothing(cluster):
    cluster.create_topic("t")
    publish(cluster.brokers, "t", [b"before"])
    leader = cluster.leader("t")
    for broker in cluster.others(leader):
        broker.pause()
    # At once, while the leader still believes in its majority and appends.
    reply = leader.request("POST", "/v1/topics/t/messages", b"during")
    for broker in cluster.others(leader):
        broker.resume()
    assert reply.status in (503, 504), reply
    cluster.wait_ready()
    publish(cluster.brokers, "t", [b"after"])


def test_without_a_majority_nothing_is_acknowledged(cluster):
    cluster.create_topic("t")
    publish(cluster.brokers, "t", [b"before"])
    leader = cluster.leader("t")
    for broker in cluster.others(leader):
        broker.kill()
    # The first may be 504, taken while the leader still believed in its majority; then it says 503, nothing stored.
    wait_until(lambda: leader.request("POST", "/v1/topics/t/messages", b"x").status == 503, 20, "503")
    reply = leader.request("POST", "/v1/topics/t/messages", b"during")
    assert reply.status == 503
    assert "retry-after" in reply.headers
    for broker in cluster.others(leader):
        broker.start().wait_ready()
    publish(cluster.brokers, "t", [b"after"])
    found = values(read_all(leader, "t"))
    assert found[0] == b"before" and found[-1] == b"after"
    assert b"during" not in found
