"""What every nemesis is: something that goes wrong, for as long as it is left."""
import standing

from .firewall import Firewall


class Nemesis:
    """`start` makes it happen, `stop` undoes what it did; each is called once, in turn, from one thread at a time, and
    may take seconds.

    Several nemeses may be at work in a cluster at once, and each undoes only its own doing. Afterwards brokers run
    again, though they may not be ready yet. A nemesis that finds nothing to do (all brokers are dead already) does nothing.
    """

    seconds = 5.0  # How long it likes to stay.
    needs = frozenset()  # Of a cluster's features: zookeeper, proxy, preload, small-disk.
    # The fault model: in each group a majority of the disks keeps what it confirmed. No other nemesis that wipes may be
    # at work together with one that does.
    wipes = False
    # Brokers lose what no sync confirmed. Harmless to any promise, at any number of brokers.
    loses_unsynced = False

    def __init__(self, cluster, prng):
        self.cluster, self.prng = cluster, prng

    def start(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def some(self):
        """At least one of the brokers that run, perhaps all; none where none does."""
        running = self.cluster.running
        return self.prng.sample(running, self.prng.randint(1, len(running))) if running else []

    def shuffled(self):
        """All brokers, running or not, in any order."""
        return self.prng.sample(self.cluster.brokers, len(self.cluster.brokers))

    def leader(self):
        """A broker that leads something, or None."""
        return standing.some_leader(self.cluster, self.prng)


class NetworkNemesis(Nemesis):
    """Closes ways in the network, as `plan` says."""

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self.firewall = Firewall(cluster.network)

    def plan(self):
        raise NotImplementedError

    def start(self):
        self.plan()
        self.firewall.close()

    def stop(self):
        self.firewall.open()

    def part(self, one, other):
        """Nothing passes between the two brokers."""
        for host, far in ((one, other), (other, one)):
            self.firewall.drop_incoming(host.id, f"ip saddr {far.address}")
            self.firewall.drop_outgoing(host.id, f"ip daddr {far.address}")
