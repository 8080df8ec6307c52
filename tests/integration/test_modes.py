"""Clusters of one, three and five, with and without ZooKeeper."""
from harness.client import Load, publish, read_all, values
from harness.waiting import wait_until


def test_alone(alone):
    assert alone.request("PUT", "/v1/topics/t", {}).status == 201
    publish([alone], "t", [b"a", b"b"])
    alone.kill()
    alone.start().wait_ready()
    assert values(read_all(alone, "t")) == [b"a", b"b"]
    assert alone.get("/v1/brokers")["brokers"][0]["id"] == 1


def test_without_flags_it_stays_on_loopback(tmp_path, make_cluster):
    """No flags: ports 8000 and 8100 of loopback and ./data, so only what the help says is looked at here."""
    broker = make_cluster(1, "alone").start()[1]
    broker.stop()
    broker.command = [part for part in broker.command if part not in ("--id", 1, "1")]
    broker.start().wait_ready()
    assert broker.get("/v1/brokers")["brokers"][0]["id"] == 1


def test_five_brokers(make_cluster):
    cluster = make_cluster(5).start()
    cluster.create_topic("t", partitions=5, replication_factor=5)
    with Load(cluster.brokers, "t") as load:
        load.wait_for(30)
        cluster[1].kill()
        cluster[2].kill()
        load.wait_for(30)
    for broker in cluster.living:
        load.check(broker)


def test_two_join_three(zookeeper_cluster):
    cluster = zookeeper_cluster
    cluster.create_topic("old", replication_factor=3)
    for _ in range(2):
        cluster.add_broker()
    wait_until(lambda: len(cluster[1].get("/v1/brokers")["brokers"]) == 5, 20, "five brokers")
    cluster.create_topic("wide", partitions=5, replication_factor=5)
    publish([cluster[5]], "wide", [b"x"], partition=3)
    assert values(read_all(cluster[4], "wide", partition=3)) == [b"x"]
    publish([cluster[5]], "old", [b"y"])
    assert values(read_all(cluster[4], "old")) == [b"y"]


def test_before_the_flock_is_complete(make_cluster, zookeeper):
    cluster = make_cluster(3, "zookeeper", zookeeper=zookeeper)
    cluster[1].start()
    cluster[2].start()

    def told():
        reply = cluster[1].request("GET", "/v1/topics")
        return reply.status == 503 and b"waiting for 1 of 3 brokers" in reply.body
    wait_until(told, 20, "503, waiting for 1 of 3 brokers")
    assert cluster[1].request("GET", "/livez").status == 200
    assert cluster[1].request("GET", "/readyz").status == 503
    cluster[3].start()
    cluster.wait_ready()


def test_static_waits_for_every_peer(make_cluster):
    cluster = make_cluster(3)
    cluster[1].start()
    cluster[2].start()
    wait_until(lambda: cluster[1].request("GET", "/v1/topics").status == 503, 20, "503 before the first start")
    cluster[3].start()
    cluster.wait_ready()
    cluster.create_topic("t", replication_factor=3)
    cluster[3].kill()
    publish(cluster.living, "t", [b"two are enough from then on"])
