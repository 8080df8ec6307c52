"""Faults in an order that hurts more than any of them alone. Each leaves the cluster healed, though not yet ready.

A scenario is called with the cluster, a random.Random, and a function that sleeps for so many seconds. Flags are as
those of a nemesis.
"""
import standing

from .disks import Wipe
from .network import IsolateLeader
from .processes import AllLosePower, KillAll, RollingRestart


def pause_then_kill(cluster, prng, sleep):
    """A leader is frozen with what it was about to do; others take over; it dies without ever waking up."""
    leader = standing.some_leader(cluster, prng)
    leader.pause()
    sleep(prng.uniform(0.1, 3))
    leader.kill()
    sleep(prng.uniform(0, 2))
    cluster.heal()


class _Isolation(IsolateLeader):
    """Of a broker that is known."""

    def __init__(self, cluster, prng, broker):
        super().__init__(cluster, prng)
        self._broker = broker

    def leader(self):
        return self._broker


def partition_then_kill(cluster, prng, sleep):
    """A leader alone goes on taking writes that nobody else has, then dies, and comes back to another's log."""
    leader = standing.some_leader(cluster, prng)
    isolation = _Isolation(cluster, prng, leader)
    isolation.start()
    sleep(prng.uniform(0.1, 3))
    leader.kill()
    if prng.random() < 0.5:
        leader.start()
        sleep(prng.uniform(0, 2))
    isolation.stop()
    cluster.heal()


def isolate_leader_then_kill_the_rest(cluster, prng, sleep):
    """The rest elects another leader and writes; then the rest dies and comes back, and the old leader with it."""
    leader = standing.some_leader(cluster, prng)
    isolation = _Isolation(cluster, prng, leader)
    isolation.start()
    sleep(prng.uniform(0.5, 3))
    rest = cluster.others(leader)
    for broker in rest:
        broker.kill()
    if prng.random() < 0.5:
        isolation.stop()
        sleep(prng.uniform(0, 2))
    for broker in rest:
        broker.start()
    sleep(prng.uniform(0, 2))
    isolation.stop()
    cluster.heal()


def wipe_one_and_isolate_another(cluster, prng, sleep):
    """What was acknowledged without the isolated one, and forgotten by the wiped one, only the third one has."""
    wipe = Wipe(cluster, prng)
    isolated = prng.choice(cluster.others(wipe.choose()))
    isolation = _Isolation(cluster, prng, isolated)
    isolation.start()
    sleep(prng.uniform(1, 3))
    wipe.start()
    sleep(prng.uniform(0, 3))
    isolation.stop()
    wipe.stop()
    cluster.heal()


wipe_one_and_isolate_another.wipes = True


def rolling_restart(cluster, prng, sleep):
    """Twice around."""
    for _ in range(2):
        RollingRestart(cluster, prng).start()
        sleep(0.5)


def all_at_once(cluster, prng, sleep):
    """Every broker dies in the same moment, three times; with what it had not synced, where that can be had."""
    for _ in range(3):
        sleep(prng.uniform(1, 3))
        end = (AllLosePower if "preload" in cluster.features else KillAll)(cluster, prng)
        end.start()
        sleep(prng.uniform(0, 1))
        end.stop()
    cluster.heal()


SCENARIOS = {
    "pause-then-kill": pause_then_kill, "partition-then-kill": partition_then_kill,
    "isolate-leader-then-kill-the-rest": isolate_leader_then_kill_the_rest,
    "wipe-one-and-isolate-another": wipe_one_and_isolate_another, "rolling-restart": rolling_restart,
    "all-at-once": all_at_once,
}
