"""Brokers, one or many, joined by ZooKeeper, by a static list, or not at all."""
import contextlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from .http import request
from .ports import free_port
from .process import Process
from .waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
AVIARYD = Path(os.environ.get("AVIARYD", ROOT / "build/release/src/server/aviaryd")).resolve()
READY_SECONDS = 30
# A thread waits for each connection that may come: the default's two thousand are many for clusters side by side.
CONNECTIONS_MAX = 128


class Place(NamedTuple):
    """Where a broker runs: its address, and the beginning of a command that runs something there."""

    host: str = "127.0.0.1"
    within: tuple = ()


class Broker(Process):
    def __init__(self, number, folder, options=(), place=Place()):
        self.number, self.host = number, place.host
        self.port, self.peer_port = free_port(), free_port()
        self.data = folder / f"data-{number}"
        super().__init__(f"broker-{number}", [
            *place.within, AVIARYD, "--id", number, "--data", self.data,
            "--listen", f"{self.host}:{self.port}", "--peer-listen", f"{self.host}:{self.peer_port}", *options], folder)

    def request(self, method, path, body=None, headers=None, timeout=15):
        return request(self.port, method, path, body, headers, timeout, self.host)

    def get(self, path, **headers):
        """GET that must succeed; returns the JSON."""
        reply = self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert reply.status == 200, f"GET {path} at {self.name}: {reply}"
        return reply.json()

    @property
    def ready(self):
        return self.request("GET", "/readyz", timeout=2).status == 200

    def metric(self, name):
        """One without labels, as GET /metrics tells it."""
        text = self.request("GET", "/metrics").text
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def wait_ready(self, seconds=READY_SECONDS):
        def ready_or_dead():
            assert self.alive, f"{self.name} ended with {self.process.returncode}: {self.log()[-3000:]}"
            return self.ready
        wait_until(ready_or_dead, seconds, f"{self.name} is ready")
        return self

    def wipe(self):
        """Kills it and takes its disk."""
        self.kill()
        shutil.rmtree(self.data)


class Cluster:
    """`mode`: zookeeper (give a started ZooKeeper), static, or alone (one broker without either)."""

    def __init__(self, folder, count=3, mode="static", zookeeper=None, options=(), expect=None,
                 connections_max=CONNECTIONS_MAX, places=None):
        self.folder, self.mode, self.zookeeper = folder, mode, zookeeper
        self._expect = expect or count
        self._options = ["--connections-max", *map(str, [connections_max, *options])]
        self.brokers = [Broker(number, folder, place=places[number - 1] if places else Place())
                        for number in range(1, count + 1)]
        for broker in self.brokers:
            broker.command += self._joining() + self._options

    def _joining(self):
        if self.mode == "zookeeper":
            return ["--zookeeper", f"{self.zookeeper.address}/aviary", "--expect", str(self._expect)]
        if self.mode == "static":
            return ["--peers", ",".join(f"{each.number}={each.host}:{each.peer_port}" for each in self.brokers)]
        return []

    def __getitem__(self, number):
        """The broker of that id."""
        return self.brokers[number - 1]

    def start(self):
        for broker in self.brokers:
            broker.start()
        return self.wait_ready()

    def wait_ready(self):
        for broker in self.brokers:
            if broker.alive:
                broker.wait_ready()
        return self

    def add_broker(self):
        """One more broker than the first start knew; joined by ZooKeeper."""
        broker = Broker(len(self.brokers) + 1, self.folder, self._joining() + self._options)
        self.brokers.append(broker)
        return broker.start().wait_ready()

    @property
    def living(self):
        return [broker for broker in self.brokers if broker.alive]

    def others(self, *without):
        return [broker for broker in self.brokers if broker not in without]

    def create_topic(self, name, partitions=1, replication_factor=None):
        body = {"partitions": partitions}
        if replication_factor:
            body["replication_factor"] = replication_factor
        wait_until(lambda: self.living[0].request("PUT", f"/v1/topics/{name}", body).status in (200, 201), 15,
                   f"topic {name} is made")

    def partition(self, topic, partition=0, asked=None):
        """What a broker says of one partition: leader, term, and so on."""
        for each in (asked or self.living[0]).get("/v1/partitions")["partitions"]:
            if each["topic"] == topic and each["partition"] == partition:
                return each
        return None

    def leader(self, topic, partition=0, among=None):
        """The broker that leads the partition, once the brokers of `among` (all living ones) agree."""
        def agreed():
            views = [self.partition(topic, partition, broker) for broker in among or self.living]
            leaders = {view["leader"] if view else None for view in views}
            return leaders.pop() if len(leaders) == 1 else None
        return self[wait_until(agreed, 20, f"the brokers agree on the leader of {topic}-{partition}")]

    def make_leader(self, broker, topic, partition=0):
        """Moves the partition's leadership to that broker, which has a replica."""
        def leads():
            if self.leader(topic, partition) is broker:
                return True
            broker.request("POST", f"/v1/partitions/{topic}/{partition}:transfer-leader", {"to": broker.number})
            return False
        wait_until(leads, 30, f"{broker.name} leads {topic}-{partition}")

    @contextlib.contextmanager
    def running(self):
        """Started and ready; at the end stopped, looked over, and without its data."""
        try:
            yield self.start()
            self.stop()
        finally:
            for broker in self.brokers:
                broker.kill()
            self.remove_data()

    def stop(self):
        """Stops all, and fails where one complained, hung, or did not end with 0."""
        troubles = []
        for broker in self.brokers:
            was_alive = broker.alive
            try:
                status = broker.stop()
                if was_alive and status != 0:
                    troubles.append(f"{broker.name} ended with {status} on SIGTERM")
            except AssertionError as error:
                troubles.append(str(error))
            troubles += [f"{broker.name}: {line}" for line in broker.complaints()]
        assert not troubles, "\n".join(troubles)

    def remove_data(self):
        """Gives the disk back: each broker keeps a ballast file there."""
        for broker in self.brokers:
            shutil.rmtree(broker.data, ignore_errors=True)
