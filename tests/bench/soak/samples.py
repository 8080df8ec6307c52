"""What a process holds, looked at again and again, and how fast that grows."""
import csv
import itertools
import os
import statistics
import time
from pathlib import Path
from typing import NamedTuple

from harness.background import Background

PERIOD_SECONDS = 30
MIB = 1024 * 1024


class Sample(NamedTuple):
    """One look at one broker. `rss` is all of its memory, `anonymous` what it allocated; bytes."""

    seconds: float
    broker: str
    rss: int
    anonymous: int
    threads: int
    files: int


def look(broker, seconds):
    status = dict(line.split(":", 1) for line in Path(f"/proc/{broker.pid}/status").read_text().splitlines())
    def size(name):
        return int(status[name].split()[0]) * 1024
    return Sample(seconds, broker.name, size("VmRSS"), size("RssAnon"), int(status["Threads"]),
                  len(os.listdir(f"/proc/{broker.pid}/fd")))


def slope(points):
    """The median of the slopes between any two points (Theil and Sen): a flush that comes and goes does not tilt it."""
    return statistics.median((later[1] - earlier[1]) / (later[0] - earlier[0])
                             for earlier, later in itertools.combinations(points, 2))


class Sampler(Background):
    """A thread that looks at all brokers, and writes what it saw into a CSV file as it goes."""

    def __init__(self, brokers, path):
        self._brokers, self._path = brokers, path
        super().__init__([self._run])
        self._began = time.monotonic()
        self.samples = []

    def seconds(self):
        """On the clock of the samples."""
        return time.monotonic() - self._began

    def _run(self):
        with self._path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(Sample._fields)
            while True:
                for broker in self._brokers:
                    self.samples.append(look(broker, self.seconds()))
                    table.writerow(self.samples[-1])
                file.flush()
                if self._halt.wait(PERIOD_SECONDS):
                    return

    def of(self, broker, since):
        return [sample for sample in self.samples if sample.broker == broker.name and sample.seconds >= since]

    def growth(self, broker, since, field="rss"):
        """MiB an hour after the second `since`."""
        points = [(sample.seconds / 3600, getattr(sample, field) / MIB) for sample in self.of(broker, since)]
        return slope(points)
