"""Faults in an order that hurts more than any of them alone. Each leaves the cluster healed, though not yet ready.

A scenario is called with the cluster, a random.Random, and a function that sleeps for so many seconds.
"""


def all_at_once(cluster, _prng, sleep):
    """Every broker dies in the same moment."""
    sleep(2)
    for broker in cluster.running:
        broker.kill()
    sleep(1)
    cluster.heal()


SCENARIOS = {"all-at-once": all_at_once}
