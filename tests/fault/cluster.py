"""A cluster of real brokers, each at a host of its own in a network of namespaces, that can be hurt in every way.

    with FaultCluster(folder, aviaryd=path, prng=random.Random(1)) as cluster:
        cluster.start()
        NEMESES["kill"](cluster, prng).start()
        ...
        cluster.heal()

What a cluster is made with decides which nemeses it can bear: `features`, beside a nemesis's `needs`.
"""
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from harness.http import Unanswered, request  # noqa: E402  (the path first)
from harness.process import Process  # noqa: E402
from harness.waiting import wait_until  # noqa: E402
from harness.zookeeper import ZooKeeper  # noqa: E402
from network import Network  # noqa: E402

REST_PORT, PEER_PORT, PROXY_PORT = 8000, 8100, 8200
ZOOKEEPER_HOST = 250
READY_SECONDS = 30
TERM_SECONDS = 15
CONNECTIONS_MAX = 128


class FaultBroker(Process):
    """A broker, at the host that has its id as number. Its process may be ended and started any number of times."""

    def __init__(self, cluster, number, data, command):
        self.id = number
        self.address = cluster.network.address(number)
        self.data = data
        super().__init__(f"broker-{number}", [*cluster.network.within(number), *command], cluster.directory)

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


class FaultCluster:
    """`zookeeper`: brokers find each other by it, else by a static list. `proxied`: brokers reach each other through a
    proxy at each. `options`: more of them for `aviaryd`. `prng`: a random.Random, for what is left to chance."""

    def __init__(self, directory, *, aviaryd, brokers=3, zookeeper=True, options=(), proxied=False, prng):
        self.directory, self.prng = Path(directory), prng
        self._aviaryd, self._count = Path(aviaryd).resolve(), brokers
        self._with_zookeeper, self._proxied = zookeeper, proxied
        self._options = ["--connections-max", CONNECTIONS_MAX, *options]
        self.network = Network()
        self.brokers, self.zookeeper = [], None
        self.features = frozenset()

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
        self.network.start([*numbers, *([ZOOKEEPER_HOST] if self._with_zookeeper else [])])
        if self._with_zookeeper:
            self.zookeeper = ZooKeeper(self.directory, self.network.address(ZOOKEEPER_HOST),
                                       self.network.within(ZOOKEEPER_HOST)).start()
        self.brokers = [self._broker(number) for number in numbers]
        for broker in self.brokers:
            broker.start()
        return self.wait_ready(deadline_seconds)

    def _broker(self, number):
        data = self.directory / f"data-{number}"
        address = self.network.address(number)
        return FaultBroker(self, number, data, [
            self._aviaryd, "--id", number, "--data", data, "--listen", f"{address}:{REST_PORT}",
            "--peer-listen", f"{address}:{PEER_PORT}", *self._joining(), *self._options])

    def _joining(self):
        if self._with_zookeeper:
            return ["--zookeeper", f"{self.zookeeper.address}/aviary", "--expect", self._count]
        peers = (f"{number}={self.network.address(number)}:{PEER_PORT}" for number in range(1, self._count + 1))
        return ["--peers", ",".join(peers)]

    def wait_ready(self, seconds=READY_SECONDS):
        """Until all brokers that run are ready."""
        deadline = time.monotonic() + seconds
        for broker in self.running:
            broker.wait_ready(deadline)
        return self

    @property
    def running(self):
        return [broker for broker in self.brokers if broker.running]

    def others(self, *without):
        return [broker for broker in self.brokers if broker not in without]

    def start_dead(self):
        """Starts the brokers that do not run."""
        for broker in self.brokers:
            if not broker.running:
                broker.start()

    def heal(self):
        """Undoes every fault, whichever nemesis made it; does not wait for brokers to be ready."""
        for broker in self.brokers:
            self.network.run(broker.id, "nft", "flush", "ruleset")
        for process in self._processes():
            if process.alive:
                process.resume()
            else:
                process.start()

    def stop(self):
        """Ends all that was started, and removes the network. The logs and the data stay."""
        for process in self._processes():
            process.kill()
        self.network.stop()

    def _processes(self):
        return [*self.brokers, *([self.zookeeper] if self.zookeeper else [])]

    def complaints(self):
        """What sanitizers and assertions said in the brokers' logs."""
        return [f"{broker.name}: {line}" for broker in self.brokers for line in broker.complaints()]
