"""Brokers go and come back, one by one and all at once, and nothing acknowledged is missing."""
import pytest
from harness.client import Load, offsets_of, publish, read_all, sha256, values
from harness.lines import real_lines

SIGTERM_SECONDS = 5


def test_each_broker_in_turn_under_load(zookeeper_cluster):
    cluster = zookeeper_cluster
    cluster.create_topic("t")
    with Load(cluster.brokers, "t") as load:
        for broker in cluster.brokers:
            load.wait_for(30)
            assert broker.stop(SIGTERM_SECONDS) == 0
            load.wait_for(30)
            broker.start().wait_ready()
    for broker in cluster.brokers:
        load.check(broker)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_all_at_once(cluster, how):
    lines = real_lines(1000)
    cluster.create_topic("t", partitions=1)
    publish(cluster.brokers, "t", lines)
    topics = cluster[1].get("/v1/topics")
    for broker in cluster.brokers:
        getattr(broker, how)()
    cluster.start()
    assert cluster[2].get("/v1/topics") == topics
    for broker in cluster.brokers:
        assert sha256(values(read_all(broker, "t"))) == sha256(lines)


def test_all_killed_under_load(cluster):
    cluster.create_topic("t")
    with Load(cluster.brokers, "t") as load:
        for _ in range(3):
            load.wait_for(50)
            for broker in cluster.brokers:
                broker.kill()
            cluster.start()
            load.wait_for(10)
    for broker in cluster.brokers:
        load.check(broker)


def test_a_key_outlives_a_restart_of_all(cluster):
    cluster.create_topic("t")
    first = publish(cluster.brokers, "t", [b"a", b"b"], key="the-key")
    for broker in cluster.brokers:
        broker.kill()
    cluster.start()
    again = publish(cluster.brokers, "t", [b"a", b"b"], key="the-key")
    assert offsets_of(again) == offsets_of(first) == [0, 1]
    assert [run["duplicate"] for run in again["offsets"]] == [True]
    assert values(read_all(cluster[3], "t")) == [b"a", b"b"]


def test_a_follower_that_was_long_away_catches_up(cluster):
    cluster.create_topic("t")
    away = cluster.others(cluster.leader("t"))[0]
    away.kill()
    lines = real_lines(5000)
    for start in range(0, len(lines), 500):
        publish(cluster.others(away), "t", lines[start:start + 500])
    away.start().wait_ready()
    for other in cluster.others(away)[:1]:
        other.kill()
    # With one of the other two gone, nothing new is acknowledged without the one that was away.
    publish(cluster.living, "t", [b"last"])
    assert sha256(values(read_all(away, "t"))) == sha256([*lines, b"last"])
