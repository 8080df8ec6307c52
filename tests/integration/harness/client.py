"""A producer that retries as a careful one would, and a reader that reads all there is."""
import hashlib
import itertools
import json
import time
import uuid

from .background import Background
from .http import Unanswered

NDJSON = "application/x-ndjson"
RETRIED = (503, 504)


class Refused(AssertionError):
    """An answer that a retry would not change."""


def publish(brokers, topic, lines, key=None, seconds=30, partition=0):
    """Publishes lines (bytes without newline) as one NDJSON batch; returns the answer's JSON.

    Asks one broker after the other, with the same Idempotency-Key, until one says 200; a broker that does not
    answer is passed over at once.
    """
    return publish_counting(brokers, topic, lines, key, seconds, partition)[0]


def publish_counting(brokers, topic, lines, key=None, seconds=30, partition=0, timeout=15):
    """The same, with the number of brokers that had to be asked; one is given up on after `timeout` seconds."""
    headers = {"Content-Type": NDJSON, "Idempotency-Key": key or str(uuid.uuid4())}
    path = f"/v1/topics/{topic}/messages?format=raw&partition={partition}"
    body = b"".join(line + b"\n" for line in lines)
    deadline = time.monotonic() + seconds
    for asked in itertools.count(1):
        broker = brokers[(asked - 1) % len(brokers)]
        try:
            last = broker.request("POST", path, body, headers, timeout)
            if last.status == 200:
                return last.json(), asked
            if last.status not in RETRIED:
                raise Refused(f"{broker.name} answered {last}")
        except Unanswered as error:
            last = error
        if asked % len(brokers) == 0:
            assert time.monotonic() < deadline, f"not published within {seconds} s: {last}"
            time.sleep(0.02)


def read_all(broker, topic, partition=0, offset=0, until=None, level="weak"):
    """The records from `offset` on, as dictionaries, up to the high watermark (or offset `until`).

    With level "none" they are what this very broker has stored.
    """
    records = []
    while True:
        reply = broker.request("GET", f"/v1/topics/{topic}/partitions/{partition}/messages?offset={offset}&level={level}",
                               headers={"Accept": NDJSON})
        assert reply.status == 200, f"{broker.name} answered {reply}"
        records += [json.loads(line) for line in reply.body.splitlines()]
        offset = int(reply.headers["x-next-offset"])
        if offset >= (until if until is not None else int(reply.headers["x-high-watermark"])):
            return records


def values(records):
    """The records' values as lines of bytes."""
    return [record["value"].encode() for record in records]


def sha256(lines):
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


def assert_offsets_dense(records):
    offsets = [record["offset"] for record in records]
    assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))


class Load(Background):
    """One producer in a thread of its own, which publishes numbered lines one by one until it is stopped.

    Every acknowledged line is kept in `acknowledged` with its offset; `longest_gap` tells when none was acknowledged.
    Several loads of one topic have names of their own. A line that is not acknowledged within `seconds`, tries at all
    brokers included, is a failure.
    """

    def __init__(self, brokers, topic, pause=0.002, size=1, name="", timeout=15, seconds=60):
        self._brokers, self._topic, self._pause, self._size = brokers, topic, pause, size
        self._name, self._timeout, self._seconds = name, timeout, seconds
        super().__init__([self._run])
        self.acknowledged = {}
        self.times = []
        self.retries = []  # of each line, how many more brokers had to be asked than one

    def _run(self):
        for number in itertools.count():
            if self._halt.is_set():
                return
            lines = [f"{self._name}{number}-{each}".encode() for each in range(self._size)]
            key = f"load-{self._topic}-{self._name}{number}"
            answer, asked = publish_counting(self._brokers, self._topic, lines, key, self._seconds,
                                             timeout=self._timeout)
            for line, offset in zip(lines, offsets_of(answer)):
                self.acknowledged[line] = offset
            self.retries.append(asked - 1)
            self.times.append(time.monotonic())
            self._halt.wait(self._pause)

    def wait_for(self, more, seconds=30):
        """Until `more` lines beyond those so far are acknowledged."""
        goal, deadline = len(self.times) + more, time.monotonic() + seconds
        while len(self.times) < goal:
            assert not self.failure, self.failure
            assert time.monotonic() < deadline, f"{len(self.times)} of {goal} lines acknowledged in {seconds} s"
            time.sleep(0.01)

    def longest_gap(self, since=0):
        """Seconds between two answers, of those after the monotonic time `since`."""
        times = [each for each in self.times if each >= since]
        return max((after - before for before, after in zip([since or times[0], *times], times)), default=0)

    def check(self, broker):
        check_all([self], broker, self._topic)


def check_all(loads, broker, topic):
    """Everything that these loads of one topic had acknowledged is there once, at its offset."""
    found = {}
    for record in read_all(broker, topic):
        value = record["value"].encode()
        assert value not in found, f"{value} is there twice, at {found[value]} and {record['offset']}"
        found[value] = record["offset"]
    acknowledged = {line: offset for load in loads for line, offset in load.acknowledged.items()}
    lost = {line: offset for line, offset in acknowledged.items() if found.get(line) != offset}
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged lines are not where they were: " \
                     f"{dict(list(lost.items())[:5])}"


def offsets_of(answer):
    """The offsets of a batch's records in the order in which they were given; for records of one partition."""
    return [each["offset"] + number for each in answer["offsets"] for number in range(each["count"])]
