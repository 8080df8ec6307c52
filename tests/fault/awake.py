"""Deadlines that count only the time in which this process ran.

A run at low priority may be held back, or stopped for minutes, and its brokers with it: that is a pause as any other
for the cluster, but no time in which it could have done what it must do within a bound.
"""
import threading
import time

_TICK_SECONDS = 0.05
_TICK_COUNTS_MAX = 0.5  # a tick that took longer was not ours


class _Clock(threading.Thread):
    def __init__(self):
        super().__init__(name="awake", daemon=True)
        self.seconds = 0.0
        self.start()

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(_TICK_SECONDS)
            now = time.monotonic()
            self.seconds += min(now - last, _TICK_COUNTS_MAX)
            last = now


_CLOCK = _Clock()


def seconds():
    """In which this process ran, since it began to count."""
    return _CLOCK.seconds


class Deadline:
    def __init__(self, seconds):
        self.seconds = seconds
        self._end = _CLOCK.seconds + seconds

    @property
    def passed(self):
        return _CLOCK.seconds >= self._end

    @staticmethod
    def pause(seconds):
        time.sleep(seconds)
