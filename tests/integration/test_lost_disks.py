"""Disks that are lost, shortened or damaged: as long as a majority keeps its own, all comes back by itself."""
import random
import time

import pytest

from harness.client import Load, publish, read_all, values
from harness.waiting import wait_until

WITNESS_SECONDS = 0.3  # The witness follows a commit within 50 ms; a busy machine takes longer.


def wipe(broker):
    broker.wipe()


def cut_log(broker):
    """The end of the write-ahead log is gone, and with it commits that the witness knows of."""
    time.sleep(WITNESS_SECONDS)
    broker.kill()
    newest = max((broker.data / "db").glob("*.log"), key=lambda path: int(path.stem))
    size = newest.stat().st_size
    assert size > 0
    with newest.open("r+b") as file:
        file.truncate(size * 2 // 3)


def _overwrite(path):
    path.write_bytes(random.Random(1).randbytes(max(64, path.stat().st_size)))


def damage_manifest(broker):
    broker.kill()
    _overwrite(max((broker.data / "db").glob("MANIFEST-*")))


def damage_current(broker):
    broker.kill()
    _overwrite(broker.data / "db/CURRENT")


def damage_identity(broker):
    broker.kill()
    _overwrite(broker.data / "identity")


KINDS = [wipe, cut_log, damage_manifest, damage_current, damage_identity]
ROLES = ["leader", "controller", "follower"]
# In each run every kind, each time in another role; with --full all of them.
CHOSEN = {(kind, ROLES[number % len(ROLES)], alone)
          for number, kind in enumerate(KINDS) for alone in (True, False)}


def in_role(cluster, role):
    leader = cluster.leader("t")
    controller = cluster[cluster.living[0].get("/v1/cluster")["controller"]]
    if role == "leader":
        return leader
    if role == "controller":
        return controller
    return next(each for each in cluster.brokers if each not in (leader, controller))


def all_vote(cluster, topic="t"):
    replicas = cluster.partition(topic).get("replicas", ())
    votes = [each["broker"] for each in replicas if each["voter"] and each["in_sync"]]
    return sorted(votes) == [broker.number for broker in cluster.brokers]


def check(cluster, load, hurt):
    """Everything is everywhere, the hurt one has a vote again, and its vote is enough."""
    wait_until(lambda: all_vote(cluster), 60, "all are voters again")
    for broker in cluster.brokers:
        load.check(broker)
    others = cluster.others(*hurt)
    for broker in others[:(len(cluster.brokers) - 1) // 2]:
        broker.kill()
    publish(cluster.living, "t", [b"by the new incarnation"])
    assert values(read_all(hurt[0], "t"))[-1] == b"by the new incarnation"


def lose(cluster, broker, kind, paused=None):
    kind(broker)
    broker.start()
    if paused:
        paused.resume()
    cluster.wait_ready()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "another-paused"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_one_of_three(make_cluster, full, kind, role, alone):
    if not full and (kind, role, alone) not in CHOSEN:
        pytest.skip("with --full")
    cluster = make_cluster().start()
    cluster.create_topic("t", replication_factor=3)
    broker = in_role(cluster, role)
    paused = None if alone else cluster.others(broker)[-1]
    if paused:
        paused.pause()
    with Load(cluster.others(paused), "t") as load:
        load.wait_for(50)
        if alone:
            lose(cluster, broker, kind)
            load.wait_for(20)
    if paused:  # What only two have acknowledged, one of them forgets.
        lose(cluster, broker, kind, paused)
    broker.wait_for_log(r"new data directory|set aside", 5)
    check(cluster, load, [broker])


@pytest.mark.parametrize("kinds", [(wipe, cut_log), (damage_manifest, damage_identity)],
                         ids=lambda kinds: "-and-".join(kind.__name__ for kind in kinds))
def test_two_of_five_at_once(make_cluster, kinds):
    cluster = make_cluster(5).start()
    cluster.create_topic("t", replication_factor=5)
    hurt = [in_role(cluster, "leader"), in_role(cluster, "follower")]
    with Load(cluster.brokers, "t") as load:
        load.wait_for(50)
        for kind, broker in zip(kinds, hurt):
            kind(broker)
        load.wait_for(20)
        for broker in hurt:
            broker.start()
        cluster.wait_ready()
        load.wait_for(20)
    check(cluster, load, hurt)
