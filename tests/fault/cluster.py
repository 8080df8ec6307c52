"""A cluster of real brokers, each at a host of its own in a network of namespaces, that can be hurt in every way.

    with FaultCluster(folder, aviaryd=path, prng=random.Random(1)) as cluster:
        cluster.start()
        NEMESES["kill"](cluster, prng).start()
        ...
        cluster.heal()

What a cluster is made with decides which nemeses it can bear: `features`, beside a nemesis's `needs`.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from harness.http import Unanswered, request  # noqa: E402  (the path first)
from harness.process import Process  # noqa: E402
from harness.waiting import wait_until  # noqa: E402
from harness.zookeeper import ZooKeeper  # noqa: E402
from injection import Switches  # noqa: E402
from network import Network  # noqa: E402
from proxy import Proxy  # noqa: E402
from unsynced import lose_unsynced  # noqa: E402

REST_PORT, PEER_PORT, PROXY_PORT = 8000, 8100, 8200
ZOOKEEPER_HOST = 250
ZOOKEEPER_SESSION_MS = 2000
READY_SECONDS = 30
TERM_SECONDS = 15
CONNECTIONS_MAX = 128
# Small memtables, that flushes and compactions are many; and a small ballast.
FREE_BYTES_MIN = 64 << 20
_FILLER = "filler"
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP}


class FaultBroker(Process):
    """A broker, at the host that has its id as number. Its process may be ended and started any number of times.

    `switches`: those of the library loaded in front of it. `proxy`: the one in front of its peer port. `disk`: where its
    small disk is mounted. Each is None in a cluster without.
    """

    def __init__(self, number, address, folder, *, disk=None):
        self.id, self.address, self.disk = number, address, disk
        self.data = disk / "data" if disk else folder / f"data-{number}"
        self._shadow = folder / f"shadow-{number}"
        self.switches, self.proxy = None, None
        self._crashes = {}
        super().__init__(f"broker-{number}", [], folder)

    def start(self):
        self._note_crash()
        return super().start()

    def _note_crash(self):
        """Ended by a signal that nobody here sends."""
        if self.process is not None and not self.alive and -self.process.returncode in _CRASHES:
            self._crashes[self.pid] = signal.Signals(-self.process.returncode).name

    def complaints(self):
        """What its logs tell of sanitizers and assertions, and what crashed without a word."""
        self._note_crash()
        return super().complaints() + [f"process {pid} crashed: {name}" for pid, name in self._crashes.items()]

    def load_in_front(self, library):
        """Returns the beginning of a command that starts the broker with that library."""
        self._shadow.mkdir()
        control = self._shadow.with_name(f"control-{self.id}")
        self.switches = Switches(control)
        # AddressSanitizer wants to be the first library; it works behind this one, too.
        sanitizer = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
        return ["env", f"LD_PRELOAD={library}", f"FAULT_CONTROL={control}", f"FAULT_ROOT={self.data}",
                f"FAULT_SHADOW={self._shadow}", f"ASAN_OPTIONS={sanitizer}"]

    @property
    def url(self):
        """Where clients, the test's included, reach it."""
        return f"http://{self.address}:{REST_PORT}"

    @property
    def running(self):
        """It has a process, be it a paused one."""
        return self.alive

    def request(self, method, path, body=None, headers=None, timeout=15):
        return request(REST_PORT, method, path, body, headers, timeout, host=self.address)

    def get(self, path, timeout=15):
        """GET that must succeed; returns the JSON."""
        reply = self.request("GET", path, timeout=timeout)
        if reply.status != 200:
            raise Unanswered(f"GET {path} at {self.name}: {reply}")
        return reply.json()

    @property
    def ready(self):
        return self.request("GET", "/readyz", timeout=2).status == 200

    def wait_ready(self, deadline):
        """Until the monotonic time `deadline`; fails at once where the process ends."""
        def ready_or_dead():
            assert self.alive, f"{self.name} ended with {self.process.returncode}: {self.log()[-3000:]}"
            return self.ready
        wait_until(ready_or_dead, max(0, deadline - time.monotonic()), f"{self.name} is ready")
        return self

    def term(self, timeout=TERM_SECONDS):
        """SIGTERM; returns the exit status, and fails where it does not end in time."""
        return self.stop(timeout)

    def wipe(self):
        """Kills it and takes its disk."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)
        if self.switches:
            shutil.rmtree(self._shadow)
            self._shadow.mkdir()

    def lose_power(self, prng):
        """Kills it, and takes what no sync had confirmed. A small disk is no longer full then."""
        self.kill()
        self.free_disk()
        lose_unsynced(self.data, self._shadow, prng)

    def fill_disk(self, left):
        """Leaves so many bytes of its small disk."""
        with (self.disk / _FILLER).open("ab") as filler:
            while (free := shutil.disk_usage(self.disk).free) > left:
                with contextlib.suppress(OSError):  # The broker took some of it meanwhile.
                    os.posix_fallocate(filler.fileno(), filler.tell(), free - left)
                    return

    def free_disk(self):
        if self.disk:
            (self.disk / _FILLER).unlink(missing_ok=True)


class FaultCluster:
    """What breaks as it is told. Features that nemeses need:

    `zookeeper`: brokers find each other by it, else by a static list. `proxied`: brokers reach each other through a
    proxy at each. `preload`: a library in front of each broker (preload/). `disk_bytes`: each has a small disk of that size.
    `options`: more of them for `aviaryd`. `prng`: a random.Random, for what is left to chance.
    """

    def __init__(self, directory, *, aviaryd, brokers=3, zookeeper=True, options=(), proxied=False, preload=False,
                 disk_bytes=0, prng):
        self.directory, self.prng = Path(directory).resolve(), prng
        self._aviaryd, self._count = Path(aviaryd).resolve(), brokers
        self._disk_bytes = disk_bytes
        self._options = ["--connections-max", CONNECTIONS_MAX, "--free-bytes-min", FREE_BYTES_MIN, *options]
        self.features = frozenset(name for name, given in (
            ("zookeeper", zookeeper), ("proxy", proxied), ("preload", preload), ("small-disk", disk_bytes)) if given)
        self.network = Network()
        self.brokers, self.zookeeper = [], None
        self.wiped, self.wiped_at = None, 0  # The broker whose disk was lost last, and when.

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def __getitem__(self, number):
        """The broker of that id."""
        return self.brokers[number - 1]

    def start(self, deadline_seconds=READY_SECONDS):
        """Makes the network and starts all; returns when every broker is ready."""
        self.directory.mkdir(parents=True, exist_ok=True)
        numbers = range(1, self._count + 1)
        self.network.start([*numbers, *([ZOOKEEPER_HOST] if "zookeeper" in self.features else [])])
        if "zookeeper" in self.features:
            self.zookeeper = ZooKeeper(self.directory, self.network.address(ZOOKEEPER_HOST),
                                       self.network.within(ZOOKEEPER_HOST))
            self.zookeeper.start()
        for number in numbers:
            self.brokers.append(self._make_broker(number))
        for broker in self.brokers:
            broker.start()
        return self.wait_ready(deadline_seconds)

    def _make_broker(self, number):
        address = self.network.address(number)
        disk = self._mount_disk(number) if self._disk_bytes else None
        broker = FaultBroker(number, address, self.directory, disk=disk)
        within = self.network.within(number)
        advertised = PEER_PORT
        if "proxy" in self.features:
            advertised = PROXY_PORT
            broker.proxy = Proxy(within, f"{address}:{PROXY_PORT}", f"{address}:{PEER_PORT}",
                                 self.directory / f"proxy-{number}.log")
            broker.proxy.start()
        in_front = broker.load_in_front(self._library) if "preload" in self.features else []
        broker.command = list(map(str, [
            *within, *in_front, self._aviaryd, "--id", number, "--data", broker.data,
            "--listen", f"{address}:{REST_PORT}", "--peer-listen", f"{address}:{PEER_PORT}",
            "--peer-advertise", f"{address}:{advertised}", *self._joining(advertised), *self._options]))
        return broker

    @property
    def _library(self):
        """Of the same build as the broker."""
        library = self._aviaryd.parents[2] / "tests/fault/preload/fault.so"
        assert library.is_file(), f"{library} is not there: scripts/build makes it"
        return library

    def _mount_disk(self, number):
        disk = self.network.folder / f"disk-{number}"
        disk.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self._disk_bytes}", "aviary-fault", disk], check=True)
        return disk

    def _joining(self, port):
        if "zookeeper" in self.features:
            return ["--zookeeper", f"{self.zookeeper.address}/aviary", "--expect", self._count,
                    "--zookeeper-session-ms", ZOOKEEPER_SESSION_MS]
        peers = (f"{number}={self.network.address(number)}:{port}" for number in range(1, self._count + 1))
        return ["--peers", ",".join(peers)]

    def wait_ready(self, seconds=READY_SECONDS):
        """Until all brokers that run are ready."""
        deadline = time.monotonic() + seconds
        for broker in self.running:
            broker.wait_ready(deadline)
        return self

    def try_ready(self, broker, seconds=READY_SECONDS):
        """Waits for it, as long as it may take in a cluster that other faults hurt, too; tells whether it is ready."""
        try:
            broker.wait_ready(time.monotonic() + seconds)
        except AssertionError:
            return False
        return True

    @property
    def running(self):
        return [broker for broker in self.brokers if broker.running]

    def others(self, *without):
        return [broker for broker in self.brokers if broker not in without]

    def create_topic(self, name):
        """One partition, a replica at each of three."""
        wait_until(lambda: self.running[0].request("PUT", f"/v1/topics/{name}", {}).status in (200, 201), READY_SECONDS,
                   f"topic {name} is made")

    def start_dead(self):
        """Starts the brokers that do not run."""
        for broker in self.brokers:
            if not broker.running:
                broker.start()

    def heal(self):
        """Undoes every fault, whichever nemesis made it; does not wait for brokers to be ready."""
        for broker in self.brokers:
            self.network.run(broker.id, "nft", "flush", "ruleset")
            broker.free_disk()
            if broker.switches:
                broker.switches.reset()
            if broker.proxy:
                broker.proxy.order()
        for process in self._processes():
            if process.alive:
                process.resume()
            else:
                process.start()

    def stop(self):
        """Ends all that was started, and removes the network. The logs and the data stay."""
        for broker in self.brokers:
            broker.kill()
            if broker.switches:
                broker.switches.close()
            if broker.proxy:
                broker.proxy.kill()
        if self.zookeeper:
            self.zookeeper.kill()
        self.network.stop()

    def _processes(self):
        return [*self.brokers, *([self.zookeeper] if self.zookeeper else [])]

    def complaints(self):
        """What sanitizers and assertions said in the brokers' logs, and crashes."""
        return [f"{broker.name}: {line}" for broker in self.brokers for line in broker.complaints()]
