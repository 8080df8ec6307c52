"""Disks that are full, slow, broken, or gone; and clocks that are wrong."""
import time

import standing

from .base import Nemesis

_NOTICED_SECONDS = 2
_PRELOAD = frozenset({"preload"})


class DiskFull(Nemesis):
    """Somebody else fills the disk of some brokers: below what they refuse writes at, or to the last byte."""

    needs = frozenset({"small-disk"})

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._filled = []

    def start(self):
        self._filled = self.some()
        for broker in self._filled:
            broker.fill_disk(self.prng.choice([0, 1 << 20, 16 << 20, 48 << 20]))

    def stop(self):
        for broker in self._filled:
            broker.free_disk()
            if not broker.running:  # It does not start on a full disk; another nemesis may have killed it.
                broker.start()


class SyncFails(Nemesis):
    """A few syncs fail at some brokers. They must not go on as if nothing was: they end, and are started again."""

    needs = _PRELOAD

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._broken = []

    def start(self):
        self._broken = self.some()
        for broker in self._broken:
            broker.switches.syncs_to_fail = self.prng.choice([1, 2, 5, 1000])

    def stop(self):
        for broker in self._broken:
            broker.switches.syncs_to_fail = 0
            if not broker.running:
                broker.start()


class SlowDisk(Nemesis):
    """Each sync takes longer at some brokers: longer than a heartbeat, or than an election."""

    needs = _PRELOAD

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._slow = []

    def start(self):
        self._slow = self.some()
        for broker in self._slow:
            broker.switches.sync_delay_us = self.prng.choice([5_000, 50_000, 300_000, 1_000_000])

    def stop(self):
        for broker in self._slow:
            broker.switches.sync_delay_us = 0


class ClockJump(Nemesis):
    """The wall clock of some brokers jumps, each another way, and back at the end. Fractions of a second, to a day."""

    needs = _PRELOAD

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._jumped = []

    def start(self):
        self._jumped = self.some()
        for broker in self._jumped:
            broker.switches.realtime_offset_ms = self.prng.choice([-1, 1]) * int(10 ** self.prng.uniform(2, 7.9))

    def stop(self):
        for broker in self._jumped:
            broker.switches.realtime_offset_ms = 0


class Wipe(Nemesis):
    """One broker loses its disk, and comes back with an empty one: at once, or at the end.

    Another disk is wiped only when the one before is replaced everywhere; until then, the same one again.
    """

    wipes = True

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._victim = None

    def choose(self):
        """Whose disk it will be: asked before `start`, where something else is to happen first."""
        before = self.cluster.wiped
        if before is None or (self._is_old_news() and standing.replaced(self.cluster, before)):
            self.cluster.wiped = self.prng.choice(self.cluster.brokers)
        self._victim = self.cluster.wiped
        return self._victim

    def start(self):
        victim = self._victim or self.choose()
        victim.wipe()
        self.cluster.wiped_at = time.monotonic()
        if self.prng.random() < 0.5:
            victim.start()

    def _is_old_news(self):
        """A leader goes on for a moment to believe in a disk that answered it just now."""
        return time.monotonic() - self.cluster.wiped_at > _NOTICED_SECONDS

    def stop(self):
        if not self._victim.running:
            self._victim.start()


NEMESES = {
    "disk-full": DiskFull, "sync-fails": SyncFails, "slow-disk": SlowDisk, "clock-jump": ClockJump, "wipe": Wipe,
}
