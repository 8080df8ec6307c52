"""Processes that die, freeze, and are started again."""
from .base import Nemesis


class Kill(Nemesis):
    """kill -9 of one broker or several."""

    def start(self):
        for broker in self.pick_some():
            broker.kill()

    def stop(self):
        self.cluster.start_dead()


NEMESES = {"kill": Kill}
