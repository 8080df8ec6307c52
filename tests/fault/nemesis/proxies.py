"""Connections between brokers that stand and do not work as they should: what the proxies in front of them do."""
from .base import Nemesis


class _Proxied(Nemesis):
    needs = frozenset({"proxy"})

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._told = []

    def orders(self):
        raise NotImplementedError

    def start(self):
        self._told = self.prng.sample(self.cluster.brokers, self.prng.randint(1, len(self.cluster.brokers)))
        for broker in self._told:
            broker.proxy.order(**self.orders())

    def stop(self):
        for broker in self._told:
            broker.proxy.order()


class Delay(_Proxied):
    """A long line: sometimes longer than an election timeout."""

    def orders(self):
        return {"delay_ms": self.prng.choice([5, 50, 200, 800])}


class Stall(_Proxied):
    """Connections are made and stand still."""

    def orders(self):
        return {"stall": True}


class StallOneSender(_Proxied):
    """As before, for the connections of one broker alone."""

    def orders(self):
        return {"stall": True, "sources": [self.prng.choice(self.cluster.brokers).address]}


class CutMidBody(_Proxied):
    """Connections end after so many bytes: within a head, a frame, a batch, or an answer."""

    def orders(self):
        return {"cut_after": int(10 ** self.prng.uniform(0, 5.5)), "reset": self.prng.random() < 0.5}


NEMESES = {"delay": Delay, "stall": Stall, "stall-one-sender": StallOneSender, "cut-mid-body": CutMidBody}
