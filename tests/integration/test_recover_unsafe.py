"""Where a majority of the disks is gone for good: what brokers say, and the way on that is left."""
import itertools
import re
import subprocess

import pytest

from harness.client import NDJSON, Load, publish, read_all, values
from harness.cluster import AVIARYD
from harness.waiting import wait_until

RECOVERY = "--recover-unsafe"


def recover(broker, groups, *more):
    """Runs the recovery on a broker's directory; returns what it printed, and its status."""
    command = [AVIARYD, "--id", broker.number, "--data", broker.data, RECOVERY, groups, *more]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def recovered(broker, groups):
    status, told = recover(broker, groups, "--yes")
    assert status == 0, told
    return told


def group_of(asked, topic, partition=0):
    for each in asked.get("/v1/partitions")["partitions"]:
        if (each["topic"], each["partition"]) == (topic, partition):
            return each["group"]
    raise AssertionError(f"no partition {partition} of {topic}")


def publish_once(broker, topic, partition):
    path = f"/v1/topics/{topic}/messages?format=raw&partition={partition}"
    return broker.request("POST", path, b"x\n", {"Content-Type": NDJSON})


def three_voters(cluster, topic):
    replicas = cluster.partition(topic).get("replicas", ())
    return sorted(each["broker"] for each in replicas if each["voter"] and each["in_sync"]) == [1, 2, 3]


def lose_two(cluster, survivor):
    """All but one lose their disks and come back empty; the survivor comes back as it was."""
    for broker in cluster.others(survivor):
        broker.wipe()
    survivor.kill()
    for broker in cluster.brokers:
        broker.start()


@pytest.mark.parametrize("mode", ["static", "zookeeper"])
@pytest.mark.parametrize("number", [1, 3])
def test_two_of_three_disks_lost(request, make_cluster, mode, number):
    zookeeper = request.getfixturevalue("zookeeper") if mode == "zookeeper" else None
    cluster = make_cluster(mode=mode, zookeeper=zookeeper).start()
    survivor = cluster[number]
    cluster.create_topic("t", replication_factor=3)
    with Load(cluster.brokers, "t") as load:
        load.wait_for(50)
    lose_two(cluster, survivor)

    # Everybody names the way on: the survivor's log, its readyz and its refusals, and those who wait outside.
    survivor.wait_for_log(f"majority lost.*{RECOVERY}", 30)
    wait_until(lambda: RECOVERY in survivor.request("GET", "/readyz").text, 20, "readyz names it")
    refusal = publish_once(survivor, "t", 0)
    assert refusal.status == 503 and RECOVERY in refusal.text, refusal
    for broker in cluster.others(survivor):
        wait_until(lambda each=broker: RECOVERY in each.request("GET", "/readyz").text, 20, "readyz names it")

    # Never on a directory that is in use, and nothing before it is wanted.
    status, told = recover(survivor, "all")
    assert status == 1 and str(survivor.data) in told, told
    survivor.stop()
    status, told = recover(survivor, "all")
    assert status == 0 and "Nothing was changed" in told and "t, partition 0" in told, told
    recovered(survivor, "all")
    survivor.start()
    cluster.wait_ready()
    wait_until(lambda: three_voters(cluster, "t"), 30, "three voters again")
    publish(cluster.living, "t", [b"after"])
    for broker in cluster.brokers:
        load.check(broker)
        assert values(read_all(broker, "t"))[-1] == b"after"

    # The metadata group has its three voters as well: any one may go.
    cluster.create_topic("u", replication_factor=3)
    survivor.kill()
    publish(cluster.living, "u", [b"without the survivor"])
    publish(cluster.living, "t", [b"without the survivor"])


def test_offsets_and_groups_are_not_given_again(cluster):
    """What only the lost disks knew of is not given a second time: group ids, and incarnations."""
    cluster.create_topic("old", replication_factor=3)
    survivor = cluster[2]
    survivor.kill()
    cluster.create_topic("lost", replication_factor=1)
    lost = max(group_of(cluster[1], "lost"), group_of(cluster[1], "old"))
    lose_two(cluster, survivor)
    survivor.stop()
    recovered(survivor, "all")
    survivor.start()
    cluster.wait_ready()
    assert "lost" not in survivor.request("GET", "/v1/topics").text
    cluster.create_topic("new", replication_factor=3)
    assert group_of(survivor, "new") > lost + 1000
    assert int(re.findall(r"running incarnation=(\d+)", cluster[1].log())[-1]) > 1000


def test_only_replica_lost(cluster):
    """Replication factor 1: the partition begins again, empty, at an offset that no record ever had."""
    cluster.create_topic("one", partitions=3, replication_factor=1)
    told = {row["leader"]: row["partition"] for row in cluster[1].get("/v1/partitions")["partitions"]}
    broker, other = cluster[2], cluster[3]
    partition = told[2]
    for each in told.values():
        publish(cluster.brokers, "one", [b"before"], partition=each)
    group = group_of(other, "one", partition)
    broker.wipe()
    broker.start().wait_ready()
    broker.wait_for_log(f"majority lost.*first={group}.*{RECOVERY}", 30)
    for asked in (broker, other):
        refusal = publish_once(asked, "one", partition)
        assert refusal.status == 503 and f"group {group} " in refusal.text and RECOVERY in refusal.text, refusal

    broker.stop()
    assert "here: nothing" in recover(broker, "all")[1]
    assert "begins again, empty" in recovered(broker, group)
    broker.start().wait_ready()
    offset = publish(cluster.brokers, "one", [b"after"], partition=partition)["offsets"][0]["offset"]
    assert offset > 1_700_000_000_000_000
    assert values(read_all(other, "one", partition, offset=offset)) == [b"after"]
    below = other.request("GET", f"/v1/topics/one/partitions/{partition}/messages?offset=1")
    assert below.status == 416
    for each in (told[1], told[3]):
        assert values(read_all(other, "one", each)) == [b"before"]


def choose_partitions(on):
    """Three of those whose brokers `on` tells: the second shares one broker with the first, the third shares none."""
    return next((both, one, none) for both, one, none in itertools.permutations(on, 3)
                if len(on[both] & on[one]) == 1 and not on[both] & on[none])


def test_replication_factor_two(make_cluster):
    """Two of five disks: the metadata goes on. A partition on one needs its other disk, one on both begins anew."""
    cluster = make_cluster(5).start()
    cluster.create_topic("two", partitions=20, replication_factor=2)
    on = {row["partition"]: set(row["replicas"]) for row in cluster[1].get("/v1/topics/two")["partitions"]}
    both, one, none = choose_partitions(on)
    lost = [cluster[number] for number in on[both]]
    left = cluster[(on[one] - on[both]).pop()]
    asked = next(broker for broker in cluster.brokers if broker not in (*lost, left))
    for partition in (both, one, none):
        publish(cluster.brokers, "two", [b"before"], partition=partition)
    # A leader that is left may strike the lost disk off the voters before it gives up leading, and just goes on.
    cluster.make_leader(next(broker for broker in lost if broker.number in on[one]), "two", one)
    for broker in lost:
        broker.wipe()
    for broker in lost:
        broker.start()
    cluster.wait_ready()
    publish(cluster.brokers, "two", [b"as ever"], partition=none)
    for partition in (both, one):
        wait_until(lambda each=partition: RECOVERY in publish_once(asked, "two", each).text, 30, "it is named")

    for broker, partition, kept in ((lost[0], both, []), (left, one, [b"before"])):
        group = group_of(asked, "two", partition)
        broker.stop()
        recovered(broker, group)
        broker.start().wait_ready()
        offset = publish(cluster.brokers, "two", [b"after"], partition=partition)["offsets"][0]["offset"]
        # The second replica follows the first, and votes again.
        wait_until(lambda each=partition: [member["voter"] for member in cluster.partition("two", each).get("replicas", ())] ==
                   [True, True], 30, "two voters")
        found = values(read_all(asked, "two", partition, offset=offset - len(kept)))
        assert found == [*kept, b"after"]


@pytest.mark.parametrize("mode", ["static", "zookeeper"])
def test_all_databases_set_aside(request, make_cluster, mode):
    """Nobody's disk can be trusted: no empty cluster begins by itself, and what can be read is the way on."""
    zookeeper = request.getfixturevalue("zookeeper") if mode == "zookeeper" else None
    cluster = make_cluster(mode=mode, zookeeper=zookeeper).start()
    cluster.create_topic("t", replication_factor=3)
    publish(cluster.brokers, "t", [b"%d" % number for number in range(100)])
    wait_until(lambda: all(len(read_all(broker, "t")) == 100 for broker in cluster.brokers), 10, "all have all")
    for broker in cluster.brokers:
        broker.stop()
        (broker.data / "witness").unlink()
    if zookeeper:
        zookeeper.wipe()
        zookeeper.start()
    for _ in range(2):  # nor at the next start, when the new disks are nothing special any more
        for broker in cluster.brokers:
            broker.start()
        for broker in cluster.brokers:
            wait_until(lambda each=broker: "set aside" in each.request("GET", "/readyz").text, 10, "readyz names it")
        for broker in cluster.brokers:
            broker.stop()
            assert not re.search("cluster id=.*", broker.log().split("set aside")[-1])

    chosen = cluster[2]
    (chosen.data / "db").rename(chosen.data / "db.empty")
    next(chosen.data.glob("db.lost-*")).rename(chosen.data / "db")
    recovered(chosen, "all")
    for broker in (chosen, *cluster.others(chosen)):
        broker.start()
    cluster.wait_ready()
    assert values(read_all(cluster[1], "t")) == [b"%d" % number for number in range(100)]
    publish(cluster.brokers, "t", [b"and on"])


def test_alone_and_not_to_be_trusted(alone):
    """A broker alone does not begin empty by itself where its database lost its end."""
    alone.request("PUT", "/v1/topics/t", {"partitions": 1})
    publish([alone], "t", [b"%d" % number for number in range(100)])
    alone.stop()
    (alone.data / "witness").unlink()
    alone.start()
    assert alone.process.wait(20) == 1
    assert RECOVERY in alone.log() and not list(alone.data.glob("db.lost-*"))
    status, told = recover(alone, "all")
    assert status == 1 and RECOVERY in told, told
    recovered(alone, "all")
    alone.start().wait_ready()
    assert len(read_all(alone, "t")) == 100
    publish([alone], "t", [b"and on"])


@pytest.mark.parametrize("arguments, status, says", [
    (["--recover-unsafe", "some"], 2, "say all"),
    (["--recover-unsafe", "3,2"], 2, "ascending"),
    (["--recover-unsafe", "1,", "--yes"], 2, "say all"),
    (["--yes"], 2, "--recover-unsafe"),
    (["--recover-unsafe"], 2, "takes a value"),
    (["--recover-unsafe", "all"], 1, "holds no database"),
])
def test_what_it_refuses(tmp_path, arguments, status, says):
    done = subprocess.run([AVIARYD, "--data", str(tmp_path / "none"), *arguments], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == status and says in done.stderr, done
    assert not (tmp_path / "none").exists()


def test_what_is_not_there(alone):
    alone.request("PUT", "/v1/topics/t", {"partitions": 1})
    alone.stop()
    status, told = recover(alone, "99", "--yes")
    assert status == 1 and "no replica of group 99" in told, told
    alone.number = 7
    status, told = recover(alone, "all", "--yes")
    assert status == 1 and "belongs to broker 1" in told, told
    alone.number = 1
    status, told = recover(alone, "all", "--yes")
    assert status == 0 and "only voter" in told, told
    alone.start().wait_ready()
