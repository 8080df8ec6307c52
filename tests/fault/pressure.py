"""What tests under pressure have in common: named limits, memory over time, and other clients who must not notice."""
import functools
import re
import resource
import socket
import time
from pathlib import Path

from harness.background import Background
from harness.cluster import ROOT, Cluster
from harness.http import Unanswered, parse_raw
from harness.waiting import wait_until

MIB = 1024 * 1024
# Small memtables and tails: the bounds below then say something about the rest.
OPTIONS = ["--log-level", "warn", "--free-bytes-min", 96 * MIB, "--tail-bytes-max", MIB]
SERVED_SECONDS = 5  # the deadline of a request
# The backlogs of three brokers on one disk: a disk that takes less than 40 MB a second is broken.
STORED_SECONDS = 20
FILES = 16384
# A thread that serves has some memory of its own, and so has a connection.
THREAD_BYTES = 192 * 1024
BLOCK_CACHE_BYTES = 64 * MIB  # as src/storage/sizing.c has it
# Brokers share this machine with the flood and with whatever else runs: less patience would tell of the machine.
PATIENT = ["--election-ms", 1000]


def limit(name):
    """The number that include/aviary/base/limits.h gives that name."""
    text = (ROOT / "include/aviary/base/limits.h").read_text()
    factors = re.search(rf"\b{name} = ([\d* ]+),", text)[1].split("*")
    product = 1
    for factor in factors:
        product *= int(factor)
    return product


def raise_file_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def started(folder, count=1, connections_max=2048, options=(), places=None):
    """Brokers that are ready, on a static list where there are several; looked over at the end."""
    cluster = Cluster(folder, count, "static" if count > 1 else "alone", options=[*OPTIONS, *options],
                      connections_max=connections_max, places=places)
    return cluster.running()


def terms(cluster, topics):
    def told():
        found = {topic: cluster.partition(topic).get("term") for topic in topics}
        return found if all(found.values()) else None
    return wait_until(told, 2 * SERVED_SECONDS, "all leaders answer")


def memory(broker):
    status = Path(f"/proc/{broker.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


class Memory(Background):
    """Follows what brokers hold; `peak` tells how much more than at the start any of them had, in bytes."""

    def __init__(self, brokers):
        self._brokers = brokers
        super().__init__([self._run])
        self.rest = {broker: memory(broker) for broker in brokers}
        self.peak = 0

    def now(self):
        return max(memory(broker) - self.rest[broker] for broker in self._brokers)

    def _run(self):
        while not self._halt.wait(0.05):
            self.peak = max(self.peak, self.now())


class Others(Background):
    """A client that writes and reads a little, now and then, each time on a connection it has kept."""

    def __init__(self, broker, topic):
        self._broker, self._topic = broker, topic
        super().__init__([self._run])
        self.slowest = 0
        self.served = 0
        self.failures = []

    def _run(self):
        while not self._halt.wait(0.05):
            for method, path, body in (("POST", f"/v1/topics/{self._topic}/messages", b"small"),
                                       ("GET", f"/v1/topics/{self._topic}/partitions/0/messages?offset=-1", None)):
                began = time.monotonic()
                try:
                    reply = self._broker.request(method, path, body)
                    if reply.status not in (200, 201):
                        self.failures.append(str(reply))
                except Unanswered as error:
                    self.failures.append(str(error))
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.served += 1

    def check(self, seconds=SERVED_SECONDS):
        assert not self.failures, self.failures[:5]
        assert self.served > 0 and self.slowest < seconds, f"{self.served} served, the slowest in {self.slowest:.1f} s"


class Flood(Background):
    """`count` threads that send values of `size` bytes, as fast as they are taken."""

    def __init__(self, brokers, topic, count, size):
        self._brokers, self._topic, self._size = brokers, topic, size
        super().__init__([functools.partial(self._run, index) for index in range(count)])
        self.replies = []

    def _run(self, index):
        body = b"f" * self._size
        while not self._halt.is_set():
            broker = self._brokers[index % len(self._brokers)]
            try:
                reply = broker.request("POST", f"/v1/topics/{self._topic}/messages", body, timeout=30)
                self.replies.append(reply)
            except Unanswered:
                self.replies.append(None)  # refused while it sent; a client that goes on sending may miss the answer
            if not self.replies[-1] or self.replies[-1].status != 201:
                self._halt.wait(0.2)

    def check(self):
        """Some were taken; the others were told what to do."""
        answered = [reply for reply in self.replies if reply]
        assert any(reply.status == 201 for reply in answered)
        assert {reply.status for reply in answered} <= {201, 503, 504}
        for reply in answered:
            if reply.status == 503:
                check_refusal(reply)


def wait_for_writes(brokers, topic):
    """Until what was taken is stored everywhere, and each takes more."""
    for broker in brokers:
        wait_until(lambda each=broker: each.metric("aviary_backlog_bytes") < MIB, STORED_SECONDS,
                   f"{broker.name} has no backlog")
    for broker in brokers:
        wait_until(lambda each=broker: each.request("POST", f"/v1/topics/{topic}/messages", b"after").status == 201,
                   SERVED_SECONDS, f"{broker.name} takes writes again")


def connect(broker, receive_bytes=None):
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", broker.port))
    return connection


def receive(connection, seconds):
    """All that comes until the other side closes, as a Reply; None where nothing comes."""
    received = b""
    connection.settimeout(seconds)
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except OSError:
        pass
    return parse_raw(received)


def check_refusal(reply):
    """Says that nothing was done, when to come again, and what to do."""
    assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1, reply
    assert "try again" in reply.json()["message"], reply
