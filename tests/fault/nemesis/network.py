"""Networks that part: brokers that cannot hear each other, in every shape that majorities can take."""
from cluster import PEER_PORT, PROXY_PORT, REST_PORT

from .base import NetworkNemesis

_SERVERS = f"{{ {REST_PORT}, {PEER_PORT}, {PROXY_PORT} }}"


class Partition(NetworkNemesis):
    """Two sides that do not hear each other."""

    def plan(self):
        brokers = self.shuffled()
        cut = self.prng.randint(1, len(brokers) - 1)
        for one in brokers[:cut]:
            for other in brokers[cut:]:
                self.part(one, other)


class OneWay(NetworkNemesis):
    """What one broker says to another does not arrive, on connections that it opens; those of the other stand."""

    def plan(self):
        mute, deaf = self.shuffled()[:2]
        self.silence(mute, deaf)

    def silence(self, mute, deaf):
        self.firewall.drop_incoming(deaf.id, f"ip saddr {mute.address} tcp dport {_SERVERS}")


class OneWayPackets(NetworkNemesis):
    """A line that is broken in one direction, for acknowledgements as well: connections stand for a while, and none is
    made. The broken direction is from one broker to all others, or to it."""

    def plan(self):
        victim, *others = self.shuffled()
        outgoing = self.prng.random() < 0.5
        for other in others:
            mute, deaf = (victim, other) if outgoing else (other, victim)
            self.firewall.drop_incoming(deaf.id, f"ip saddr {mute.address}")


class Bridge(NetworkNemesis):
    """Two sides that do not hear each other, and one broker between them that hears both."""

    def plan(self):
        _, *sides = self.shuffled()
        middle = len(sides) // 2
        for one in sides[:middle]:
            for other in sides[middle:]:
                self.part(one, other)


class Ring(OneWay):
    """Each is heard by its neighbour alone. Of three brokers by the next one, of more by both neighbours."""

    def plan(self):
        ring = self.shuffled()
        reach = {1} if len(ring) == 3 else {1, len(ring) - 1}
        for at, mute in enumerate(ring):
            for step in set(range(1, len(ring))) - reach:
                self.silence(mute, ring[(at + step) % len(ring)])


class IsolateLeader(NetworkNemesis):
    """A leader that its peers do not hear, but clients do."""

    def plan(self):
        leader = self.leader()
        for other in self.cluster.others(leader) if leader else []:
            self.part(leader, other)


class CutOffLeader(NetworkNemesis):
    """A leader that nobody hears: no peer, no client, no ZooKeeper."""

    def plan(self):
        leader = self.leader()
        if leader:
            self.firewall.drop_incoming(leader.id, 'iifname "eth0"')
            self.firewall.drop_outgoing(leader.id, 'oifname "eth0"')


class Flapping(NetworkNemesis):
    """Connections between all brokers are reset: those that stand at once, new ones while it lasts, at one of them."""

    seconds = 2.0

    def plan(self):
        for broker in self.cluster.brokers:
            self.cluster.network.reset_connections(broker.id)
        victim, *others = self.shuffled()
        for other in others:
            self.firewall.reset_incoming(victim.id, f"ip saddr {other.address} tcp dport {_SERVERS}")


class HalfOpen(NetworkNemesis):
    """A broker dies and nobody hears it: the connections that its peers have stay, though there is nobody at the other
    end. It comes back, as another process at the same address, before the network does."""

    seconds = 8.0

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._victim = None

    def plan(self):
        self._victim = self.leader()
        if self._victim:
            self.firewall.drop_outgoing(self._victim.id, 'oifname "eth0"')

    def start(self):
        super().start()
        if self._victim:
            self._victim.kill()
            self._victim.start()

    def stop(self):
        super().stop()
        if self._victim and not self._victim.running:
            self._victim.start()


NEMESES = {
    "partition": Partition, "one-way": OneWay, "one-way-packets": OneWayPackets, "bridge": Bridge, "ring": Ring,
    "isolate-leader": IsolateLeader, "cut-off-leader": CutOffLeader, "resets": Flapping, "half-open": HalfOpen,
}
