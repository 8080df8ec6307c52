"""Processes that die, freeze, and are started again."""
from .base import Nemesis


class _Dying(Nemesis):
    """`victims` are ended by `end`, and started again at the end."""

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._dead = []

    def victims(self):
        return self.some()

    def end(self, broker):
        broker.kill()

    def start(self):
        self._dead = self.victims()
        for broker in self._dead:
            self.end(broker)

    def stop(self):
        for broker in self._dead:
            if not broker.running:
                broker.start()


class Kill(_Dying):
    """kill -9 of some brokers."""


class KillLeader(_Dying):
    """kill -9 of one that leads."""

    seconds = 3.0

    def victims(self):
        leader = self.leader()
        return [leader] if leader else []


class KillAll(_Dying):
    """kill -9 of all at once."""

    seconds = 1.0

    def victims(self):
        return self.cluster.running


class LosePower(_Dying):
    """Some brokers end, and what they had not synced is lost."""

    needs = frozenset({"preload"})
    loses_unsynced = True

    def end(self, broker):
        broker.lose_power(self.prng)


class AllLosePower(LosePower):
    """All brokers at once."""

    seconds = 1.0

    def victims(self):
        for broker in self.cluster.running:
            broker.kill()  # At the same moment; what is lost takes longer to work out.
        return self.cluster.brokers


class Pause(Nemesis):
    """SIGSTOP of some brokers, SIGCONT at the end."""

    def __init__(self, cluster, prng):
        super().__init__(cluster, prng)
        self._paused = []

    def victims(self):
        return self.some()

    def start(self):
        self._paused = self.victims()
        for broker in self._paused:
            broker.pause()

    def stop(self):
        for broker in self._paused:
            broker.resume()


class PauseLeader(Pause):
    """A leader sleeps through its own replacement, and wakes up thinking that it leads."""

    seconds = 3.0

    def victims(self):
        leader = self.leader()
        return [leader] if leader else []


class RollingRestart(Nemesis):
    """SIGTERM to each broker in turn, which is ready again (or has had its time) before the next one."""

    seconds = 0.5

    def start(self):
        for broker in self.shuffled():
            if broker.running:
                broker.term()
                broker.start()
                self.cluster.try_ready(broker)

    def stop(self):
        """Each was started again at once."""


NEMESES = {
    "kill": Kill, "kill-leader": KillLeader, "kill-all": KillAll, "lose-power": LosePower,
    "all-lose-power": AllLosePower, "pause": Pause, "pause-leader": PauseLeader, "rolling-restart": RollingRestart,
}
