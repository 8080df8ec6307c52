"""What every nemesis is: something that goes wrong, for as long as it is left."""


class Nemesis:
    """`start` makes it happen, `stop` undoes what it did; each is called once, in turn, from one thread at a time.

    Several nemeses may be at work in a cluster at once, and each undoes only its own doing. Afterwards brokers run again,
    though they may not be ready yet. A nemesis that finds nothing to do (all brokers are dead already) does nothing.
    """

    seconds = 5.0  # How long it likes to stay.
    needs = frozenset()  # Of a cluster's features: zookeeper, proxy, preload, small-disk.
    # The fault model: in each group a majority of the disks keeps what it confirmed. No other nemesis that wipes may be at
    # work together with one that does.
    wipes = False
    # Brokers lose what no fsync confirmed. Harmless to any promise, at any number of brokers.
    loses_unsynced = False

    def __init__(self, cluster, prng):
        self.cluster, self.prng = cluster, prng

    def start(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def pick(self):
        """Any broker that runs; None where none does."""
        return self.prng.choice(self.cluster.running) if self.cluster.running else None

    def pick_some(self):
        """At least one of the brokers that run, perhaps all."""
        running = self.cluster.running
        return self.prng.sample(running, self.prng.randint(1, len(running))) if running else []
