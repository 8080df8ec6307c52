"""Lost disks, borrowed disks, and strangers at the door."""
from harness.client import Load, publish, read_all, values
from harness.http import send_raw
from harness.waiting import wait_until


def _voters(cluster, topic):
    """Broker ids of the partition's voters that have caught up, as its leader sees them."""
    told = cluster.partition(topic)
    return sorted(each["broker"] for each in told["replicas"] if each["voter"] and each["in_sync"])


def test_wiped_while_another_is_isolated(cluster):
    cluster.create_topic("t", replication_factor=3)
    leader = cluster.leader("t")
    isolated, wiped = cluster.others(leader)
    isolated.pause()
    with Load([leader, wiped], "t") as load:
        load.wait_for(100)
    # Acknowledged by these two alone; now one of them forgets it all, votes included.
    wiped.wipe()
    wiped.start()
    isolated.resume()
    cluster.wait_ready()
    for broker in cluster.brokers:
        load.check(broker)
    wait_until(lambda: _voters(cluster, "t") == [1, 2, 3], 30, "three voters again")
    # It is a voter that counts: with the one that was isolated gone, writes are acknowledged.
    isolated.kill()
    publish(cluster.living, "t", [b"by the new incarnation"])
    assert values(read_all(wiped, "t"))[-1] == b"by the new incarnation"


def test_wiped_leader(zookeeper_cluster):
    cluster = zookeeper_cluster
    cluster.create_topic("t", replication_factor=3)
    with Load(cluster.brokers, "t") as load:
        load.wait_for(50)
        leader = cluster.leader("t")
        leader.wipe()
        load.wait_for(50)
        leader.start().wait_ready()
        load.wait_for(20)
    wait_until(lambda: _voters(cluster, "t") == [1, 2, 3], 30, "three voters again")
    for broker in cluster.brokers:
        load.check(broker)


def test_two_brokers_on_one_disk(alone, tmp_path):
    second = type(alone)(2, tmp_path, [])
    second.command = [str(alone.data) if part == str(second.data) else part for part in second.command]
    second.start()
    assert second.process.wait(10) != 0
    assert str(alone.data) in second.log()
    assert alone.ready


def test_a_disk_of_another_id(alone):
    """The data directory remembers whose it is."""
    alone.stop()
    alone.command[alone.command.index("--id") + 1] = "7"
    alone.start()
    assert alone.process.wait(10) != 0
    assert "belongs to broker 1, not to broker 7" in alone.log()
    alone.command[alone.command.index("--id") + 1] = "1"
    alone.start().wait_ready()


def test_a_cloned_disk_of_another_cluster(make_cluster):
    """A broker of another cluster at our peers' ports is refused, and neither side takes the other's topics."""
    ours, theirs = make_cluster(3), make_cluster(3)
    ours.start()
    theirs.start()
    ours.create_topic("ours")
    theirs.create_topic("theirs")
    stray = theirs[3]
    stray.kill()
    ours[3].kill()
    peers = ours._joining()[1].replace(f":{ours[3].peer_port}", f":{stray.peer_port}")
    stray.command[stray.command.index("--peers") + 1] = peers
    stray.start()
    stray.wait_for_log(r"(?i)(WARN|ERROR).*(refused|another cluster)", 20)
    publish(ours.living, "ours", [b"x"])
    assert ours[1].request("GET", "/v1/topics/theirs").status == 404
    assert "ours" not in stray.request("GET", "/v1/topics").text
    ours[3].start().wait_ready()


def test_strangers_at_the_peer_port(cluster):
    cluster.create_topic("t")
    broker = cluster[1]
    head = "POST /raft/v1/{} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    for opening in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 4096, b"SSH-2.0-OpenSSH\r\n\r\n",
                    head.format("control").encode(), head.format("bulk").encode(), head.format("other").encode()):
        answer = send_raw(broker.peer_port, opening, b"\xff" * 64, timeout=3)
        assert not answer or b" 100 " in answer[:20] or answer.split()[1][:1] == b"4", answer
    assert broker.ready
    publish([broker], "t", [b"x"])
    assert values(read_all(cluster[2], "t")) == [b"x"]
