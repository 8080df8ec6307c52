"""A broker that ends, or meets an error, at the k-th call that changes its data directory (preload/crash_point.c).

    python3 tests/fault/crash_points.py [--every N] [--mode exit|torn|eio|power] [--story alone|new-disk|recover]...

Each story is told again and again, cut at another call each time, until it comes to its end. After each cut the
broker is started without the library: it starts, everything acknowledged is there, and it takes new writes.
"""
import argparse
import mmap
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "integration")]

from harness.client import Refused, publish, read_all, values  # noqa: E402  (the path first)
from harness.cluster import AVIARYD, Broker, Cluster  # noqa: E402
from harness.http import Unanswered  # noqa: E402
from harness.waiting import wait_until  # noqa: E402
from injection import Switches  # noqa: E402
from unsynced import lose_unsynced  # noqa: E402

PRELOAD = AVIARYD.parents[2] / "tests/fault/preload"
CRASHED = 77
STOP_SECONDS = 60
OPTIONS = ("--connections-max", "32", "--heartbeat-ms", "20", "--election-ms", "100", "--free-bytes-min", "67108864")
MODES = ("exit", "torn", "eio", "power")


class Cut(Exception):
    """The process ended at the call that was meant."""


class Point:
    """Which call, and what happens there. `reached` and `calls` tell of all processes that ran under it."""

    def __init__(self, folder, data, k, mode):
        self.k, self.mode, self.data = k, mode, data
        counter = folder / "calls"
        counter.write_bytes(bytes(mmap.PAGESIZE))
        with counter.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self._shadow = folder / "shadow"
        self._control = folder / "control"
        self.environment = {
            "LD_PRELOAD": str(PRELOAD / "crash_point.so"), "FAULT_ROOT": str(data), "CRASH_AT": str(k),
            "CRASH_COUNTER": str(counter), "CRASH_MODE": "exit" if mode == "power" else mode}
        if mode == "power":
            self._shadow.mkdir()
            Switches(self._control)
            self.environment["LD_PRELOAD"] += f" {PRELOAD / 'fault.so'}"
            self.environment |= {"FAULT_CONTROL": str(self._control), "FAULT_SHADOW": str(self._shadow)}

    @property
    def calls(self):
        return struct.unpack_from("<Q", self._page)[0]

    @property
    def reached(self):
        return 0 < self.k <= self.calls

    def settle(self):
        """What a power cut takes besides."""
        if self.mode == "power" and self.data.exists():
            lose_unsynced(self.data, self._shadow, random.Random(self.k))


def _wait_ready(broker):
    """Ready, or ended."""
    def ready_or_ended():
        return not broker.alive or broker.ready
    wait_until(ready_or_ended, 30, f"{broker.name} is ready or has ended")
    if not broker.alive:
        raise Cut


class Acknowledged:
    """What a broker said it has, and what it may have besides."""

    def __init__(self):
        self.topic = False
        self.lines = []
        self.maybe = []

    def make_topic(self, broker):
        if broker.request("PUT", "/v1/topics/t", {"partitions": 1}, timeout=10).status in (200, 201):
            self.topic = True

    def write(self, broker, count):
        for _ in range(count):
            line = uuid.uuid4().hex.encode()
            self.maybe.append(line)
            publish([broker], "t", [line], seconds=3)
            self.lines.append(line)

    def check(self, broker):
        if self.topic:
            assert broker.request("GET", "/v1/topics/t").status == 200, "an acknowledged topic is gone"
        self.make_topic(broker)
        found = values(read_all(broker, "t"))
        missing = [line for line in self.lines if line not in found]
        assert not missing, f"{len(missing)} of {len(self.lines)} acknowledged lines are gone"
        assert len(set(found)) == len(found) and set(found) <= set(self.maybe), "doubled, or never sent"
        self.write(broker, 1)


def _told_clearly(told):
    """An end that was not a crash has a reason: the broker's own, or that of an assertion of RocksDB's."""
    return any(word in told for word in ("server: ended", "server: not started", "server: not recovered", "rocksdb::"))


def _has_reason(broker, told):
    return broker.process.returncode in (0, -9) or _told_clearly(told)


class Alone:
    """First start, bootstrap, a topic, records, a stop that saves the state, and the same once more."""

    def __init__(self, folder):
        self._folder = folder

    def run(self, k, mode):
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        broker = Broker(1, folder, OPTIONS)
        point = Point(folder, broker.data, k, mode)
        acknowledged = Acknowledged()
        try:
            self._tell(broker, point, acknowledged)
        except (Cut, Unanswered, AssertionError, Refused) as end:
            assert point.reached, f"ended by itself before the call: {end!r}"
        finally:
            broker.kill()
        if point.reached:
            assert mode != "eio" or _has_reason(broker, broker.log()), "no reason"
            point.settle()
            broker.environment = {}
            try:
                broker.start().wait_ready()
                acknowledged.check(broker)
                assert broker.stop(STOP_SECONDS) == 0
            finally:
                broker.kill()
        shutil.rmtree(folder)
        return point

    def _tell(self, broker, point, acknowledged):
        broker.environment = point.environment
        for _ in range(2):
            broker.start()
            _wait_ready(broker)
            acknowledged.make_topic(broker)
            acknowledged.write(broker, 5)
            broker.stop(STOP_SECONDS)


class NewDisk:
    """One of three brokers finds that its disk cannot be trusted, and comes back as a new incarnation."""

    def __init__(self, folder):
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._cluster = Cluster(self._folder, 3, options=OPTIONS[2:], connections_max=32).start()
        self._cluster.create_topic("t", replication_factor=3)
        self._lines = [uuid.uuid4().hex.encode() for _ in range(20)]
        publish(self._cluster.brokers, "t", self._lines)

    def run(self, k, mode):
        broker = self._cluster[3]
        broker.stop(STOP_SECONDS)
        shutil.rmtree(broker.data / "db")
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        point = Point(folder, broker.data, k, mode if mode != "power" else "exit")
        broker.environment = point.environment
        told_before = broker.log_path.stat().st_size
        broker.start()
        try:
            _wait_ready(broker)
        except Cut:
            assert point.reached, "ended by itself before the call"
        broker.kill()
        if point.reached and mode == "eio":
            assert _has_reason(broker, broker.log_path.read_bytes()[told_before:].decode(errors="replace")), "no reason"
            os.truncate(broker.log_path, told_before)  # RocksDB's assertions are no complaint there
        broker.environment = {}
        broker.start().wait_ready()
        wait_until(self._votes, 30, "it votes again")
        assert values(read_all(broker, "t")) == self._lines
        return point

    def _votes(self):
        replicas = self._cluster.partition("t").get("replicas", ())
        return sorted(each["broker"] for each in replicas if each["voter"] and each["in_sync"]) == [1, 2, 3]

    def close(self):
        self._cluster.stop()


class Recover:
    """Unsafe recovery of the one disk of three that is left: done or not done, never half."""

    SALVAGED = False

    def __init__(self, folder):
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        cluster = Cluster(self._folder, 3, options=OPTIONS[2:], connections_max=32).start()
        cluster.create_topic("t", replication_factor=3)
        self._lines = [uuid.uuid4().hex.encode() for _ in range(20)]
        publish(cluster.brokers, "t", self._lines)
        wait_until(lambda: all(len(read_all(each, "t")) == 20 for each in cluster.brokers), 20, "all have them")
        cluster.stop()
        self._broker = cluster[1]
        self._template = self._broker.data.rename(self._folder / "template")
        if self.SALVAGED:
            (self._template / "witness").unlink()

    def _recover(self, environment):
        return subprocess.run(
            [AVIARYD, "--id", "1", "--data", str(self._broker.data), "--free-bytes-min", "67108864", "--recover-unsafe",
             "all", "--yes"], env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False)

    def run(self, k, mode):
        shutil.rmtree(self._broker.data, ignore_errors=True)
        shutil.copytree(self._template, self._broker.data)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        point = Point(folder, self._broker.data, k, mode if mode != "power" else "exit")
        done = self._recover(point.environment)
        if point.reached and mode == "eio":
            assert done.returncode == 0 or _told_clearly(done.stderr), done
        else:
            assert done.returncode == (CRASHED if point.reached else 0), done
        if done.returncode != 0:
            again = self._recover({})
            assert again.returncode == 0, again
        broker = self._broker
        try:
            broker.start().wait_ready()
            assert values(read_all(broker, "t")) == self._lines
        finally:
            broker.kill()
        return point


class Salvage(Recover):
    """The same where the database cannot be trusted besides."""

    SALVAGED = True


STORIES = {"alone": Alone, "new-disk": NewDisk, "recover": Recover, "salvage": Salvage}


def sample(story, mode, count):
    """Cuts the story at `count` calls, evenly over all that it makes. Returns how many it makes."""
    total = story.run(0, mode).calls
    for number in range(count):
        story.run(1 + number * total // count, mode)
    return total


def every(story, mode, step, progress):
    """Cuts it at every step-th call, until it comes to its end without being cut."""
    k = 1
    while True:
        point = story.run(k, mode)
        progress(k)
        if not point.reached:
            return k
        k += step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only each N-th call")
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--story", choices=STORIES, action="append")
    given = parser.parse_args()
    for name in given.story or STORIES:
        for mode in given.mode or MODES:
            with tempfile.TemporaryDirectory(prefix="aviary-crash-") as folder:
                story = STORIES[name](Path(folder))
                begun = time.monotonic()
                last = every(story, mode, given.every, lambda k: print(f"\r{name} {mode}: {k} ", end="", flush=True))
                print(f"\r{name} {mode}: cut at each {given.every}. of {last} calls, nothing lost, "
                      f"{time.monotonic() - begun:.0f} s")
                if hasattr(story, "close"):
                    story.close()


if __name__ == "__main__":
    main()
