"""ZooKeeper that is gone, stuck, or has forgotten: topics go on without it."""
from .base import Nemesis, NetworkNemesis

_NEEDS = frozenset({"zookeeper"})


class ZooKeeperKilled(Nemesis):
    """kill -9; its disk stays."""

    needs = _NEEDS

    def start(self):
        self.cluster.zookeeper.kill()

    def stop(self):
        if not self.cluster.zookeeper.alive:
            self.cluster.zookeeper.start()


class ZooKeeperWiped(ZooKeeperKilled):
    """It comes back empty."""

    seconds = 2.0

    def start(self):
        self.cluster.zookeeper.wipe()


class ZooKeeperPaused(Nemesis):
    """SIGSTOP: connections stand, nothing is answered."""

    needs = _NEEDS

    def start(self):
        if self.cluster.zookeeper.alive:
            self.cluster.zookeeper.pause()

    def stop(self):
        if self.cluster.zookeeper.alive:
            self.cluster.zookeeper.resume()


class ZooKeeperExpired(NetworkNemesis):
    """ZooKeeper and some brokers do not hear each other until their sessions are over; brokers hear each other."""

    needs = _NEEDS
    seconds = 4.0

    def plan(self):
        for broker in self.some():
            self.firewall.drop_incoming(broker.id, f"ip saddr {self.cluster.zookeeper.host}")
            self.firewall.drop_outgoing(broker.id, f"ip daddr {self.cluster.zookeeper.host}")


NEMESES = {
    "zookeeper-killed": ZooKeeperKilled, "zookeeper-wiped": ZooKeeperWiped, "zookeeper-paused": ZooKeeperPaused,
    "zookeeper-expired": ZooKeeperExpired,
}
