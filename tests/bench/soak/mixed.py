"""A steady mixture of all that clients do, and the memory of what was acknowledged."""
import array
import collections
import functools
import http.client
import json
import random
import threading
import time
import uuid

from harness.background import Background
from harness.client import NDJSON
from harness.http import Unanswered
from harness.waiting import wait_until

TOPIC = "soak"
PARTITIONS = 2
THREADS = 8
POLLERS = 2
BATCH_LINES = 20
VALUE_BYTES = 150
CONNECTION_REQUESTS = 200  # then a new one is made, at the next broker
RETRY_SECONDS = 30
FILLER = 0  # the number of the warm-up's records (sweep.lua, keyed.lua): some were under way when it ended
# How often each is done, of 1,000.
MIXTURE = {"single": 380, "keyed": 200, "batch": 100, "fetch": 250, "look": 68, "churn": 2}


class Connection:
    """A kept connection, which goes from broker to broker."""

    def __init__(self, brokers, first):
        self._brokers, self._at, self._requests, self._connection = brokers, first, 0, None

    def request(self, method, path, body=None, headers=None, timeout=15):
        """Returns (status, headers, body). Unanswered: the next one begins anew, at the next broker."""
        if self._requests >= CONNECTION_REQUESTS:
            self.drop()
        if not self._connection:
            broker = self._brokers[self._at % len(self._brokers)]
            self._connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=timeout)
        try:
            self._connection.request(method, path, body, headers or {})
            answer = self._connection.getresponse()
            self._requests += 1
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.drop()
            raise Unanswered(f"{method} {path}: {error!r}") from error

    def drop(self):
        if self._connection:
            self._connection.close()
        self._connection, self._requests, self._at = None, 0, self._at + 1


class Acknowledged:
    """Which record was acknowledged at which offset, of one partition: eight bytes a record."""

    def __init__(self, base):
        self.base = base  # the first offset of ours
        self._lock = threading.Lock()
        self._numbers = array.array("q")  # by offset from the base; 0: not acknowledged to us

    def add(self, offset, numbers):
        with self._lock:
            at = offset - self.base
            missing = at + len(numbers) - len(self._numbers)
            if missing > 0:
                self._numbers.extend([0] * missing)
            for number in numbers:
                if self._numbers[at] not in (0, number):
                    raise AssertionError(f"offset {self.base + at} was given to {self._numbers[at]} and {number}")
                self._numbers[at] = number
                at += 1

    def __len__(self):
        return sum(number != 0 for number in self._numbers)

    def end(self):
        return self.base + len(self._numbers)

    def check(self, broker, partition):
        """Reads all of it from the broker's own replica."""
        offset, seen = self.base, set()
        while offset < self.end():
            reply = broker.request("GET", f"/v1/topics/{TOPIC}/partitions/{partition}/messages?offset={offset}"
                                          "&limit=5000&max_bytes=4000000&level=none", headers={"Accept": NDJSON})
            assert reply.status == 200, f"{broker.name} answered {reply}"
            for line in reply.body.splitlines():
                self._check_record(json.loads(line), seen)
            assert int(reply.headers["x-next-offset"]) > offset, f"{broker.name} has no record {offset}"
            offset = int(reply.headers["x-next-offset"])

    def _check_record(self, record, seen):
        number, at = int(record["value"].split()[0]), record["offset"] - self.base
        wanted = self._numbers[at] if at < len(self._numbers) else 0
        assert wanted in (0, number), f"offset {record['offset']} has {number}, acknowledged was {wanted}"
        if number == FILLER:
            return
        assert number not in seen, f"{number} is there twice, again at {record['offset']}"
        assert record["value"] == value_of(number), f"{number} was altered: {record['value']!r}"
        seen.add(number)


def value_of(number):
    return f"{number} ".ljust(VALUE_BYTES - number % 97, "v")


def end_of(cluster, partition):
    """The offset that the partition's next record will get; its leader may be slow to say."""
    return wait_until(lambda: cluster.partition(TOPIC, partition).get("high_watermark", -1) + 1, 30,
                      f"the leader of partition {partition} answers") - 1


class MixedLoad(Background):
    """`rate` operations a second by a few threads, and readers that wait at the ends of the partitions."""

    def __init__(self, cluster, rate):
        self._cluster, self._rate = cluster, rate
        super().__init__([functools.partial(self._worker, index) for index in range(THREADS)] +
                         [functools.partial(self._poller, index) for index in range(POLLERS)],
                         join_seconds=2 * RETRY_SECONDS)
        # Written by one thread each, summed up at the end.
        self.counts = [collections.Counter() for _ in self._threads]
        self.acknowledged = [Acknowledged(end_of(cluster, partition)) for partition in range(PARTITIONS)]
        self.failures = []

    def __enter__(self):
        self._began = time.monotonic()
        return super().__enter__()

    def seconds(self):
        return time.monotonic() - self._began

    def total(self):
        return sum(self.counts, collections.Counter())

    def _worker(self, index):
        _Worker(self, index).run()

    def _poller(self, index):
        connection, counts = Connection(self._cluster.brokers, index), self.counts[THREADS + index]
        partition, offset = index % PARTITIONS, self.acknowledged[index % PARTITIONS].base
        while not self._halt.is_set():
            try:
                status, headers, _ = connection.request(
                    "GET", f"/v1/topics/{TOPIC}/partitions/{partition}/messages?offset={offset}&wait=1000")
            except Unanswered:
                status = 0
            counts["polls"] += 1
            if status == 200:
                offset = int(headers["x-next-offset"])
            else:
                counts[f"poll answered {status}"] += 1
                self._halt.wait(0.1)


class _Worker:
    """One client: one operation after the other, each when its time has come."""

    def __init__(self, load, index):
        self._load, self._index, self._counts = load, index, load.counts[index]
        self._random = random.Random(index)
        self._connection = Connection(load._cluster.brokers, index)
        self._number = 0

    def run(self):
        kinds, weights = list(MIXTURE), list(MIXTURE.values())
        due = self._load._began + self._index / self._load._rate
        while not self._load._halt.is_set():
            if self._load._halt.wait(max(0, due - time.monotonic())):
                return
            due = max(due + THREADS / self._load._rate, time.monotonic() - 1)
            kind = self._random.choices(kinds, weights)[0]
            try:
                done = getattr(self, f"_{kind}")()
            except Exception as error:  # the run goes on, and fails at its end
                self._load.failures.append(f"{kind}: {error!r}")
                done = False
            self._counts["operations"] += 1
            if not done:
                self._counts[f"failed: {kind}"] += 1

    def _numbers(self, count):
        first = self._number + 1
        self._number += count
        return [(self._index + 1) << 40 | number for number in range(first, first + count)]

    def _place(self):
        partition = self._random.randrange(PARTITIONS)
        return partition, f"/v1/topics/{TOPIC}/messages?partition={partition}"

    def _until_answered(self, path, body, headers, retried):
        """Sends again what may be sent again; the JSON of a success, None where it is not known or failed."""
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                status, _, answer = self._connection.request("POST", path, body, headers)
            except Unanswered:
                status = 0
            if status in (200, 201):
                return json.loads(answer)
            if status not in retried or time.monotonic() > deadline:
                self._counts[f"write answered {status}"] += 1
                return None
            self._counts["retries"] += 1
            time.sleep(0.05)

    def _single(self):
        """Without a key: an answer that leaves it open is not asked again, and counts as failed."""
        (number,), (partition, path) = self._numbers(1), self._place()
        answer = self._until_answered(path, value_of(number).encode(), {}, (503,))
        if answer:
            self._load.acknowledged[partition].add(answer["offset"], [number])
        return answer

    def _keyed(self):
        """Sent twice now and then: the second answer is the first one."""
        (number,), (partition, path) = self._numbers(1), self._place()
        headers, body = {"Idempotency-Key": str(uuid.uuid4())}, value_of(number).encode()
        for _ in range(self._random.choice((1, 1, 1, 2))):
            answer = self._until_answered(path, body, headers, (0, 503, 504))
            if answer:
                self._load.acknowledged[partition].add(answer["offset"], [number])
        return answer

    def _batch(self):
        numbers, (partition, path) = self._numbers(BATCH_LINES), self._place()
        body = b"".join(value_of(number).encode() + b"\n" for number in numbers)
        headers = {"Content-Type": NDJSON, "Idempotency-Key": str(uuid.uuid4())}
        answer = self._until_answered(path + "&format=raw", body, headers, (0, 503, 504))
        if answer:
            self._load.acknowledged[partition].add(answer["offsets"][0]["offset"], numbers)
        return answer

    def _fetch(self):
        partition = self._random.randrange(PARTITIONS)
        mine = self._load.acknowledged[partition]
        offset = self._random.randint(0, max(mine.end() - 1, mine.base))
        try:
            status, _, body = self._connection.request(
                "GET", f"/v1/topics/{TOPIC}/partitions/{partition}/messages?offset={offset}&limit=100")
        except Unanswered:
            return False
        offsets = [record["offset"] for record in json.loads(body)] if status == 200 else []
        return status == 200 and offsets == list(range(offset, offset + len(offsets)))

    def _look(self):
        path = self._random.choice(("/v1/partitions", "/metrics", "/v1/topics", "/v1/cluster", "/readyz"))
        try:
            return self._connection.request("GET", path)[0] == 200
        except Unanswered:
            return False

    def _churn(self):
        """A topic of short life."""
        name = f"short-{self._index}-{self._number}"
        try:
            made = self._connection.request("PUT", f"/v1/topics/{name}", b'{"partitions":2}',
                                            {"Content-Type": "application/json"})[0]
            for _ in range(10):
                self._connection.request("POST", f"/v1/topics/{name}/messages", b"v" * VALUE_BYTES)
            gone = self._connection.request("DELETE", f"/v1/topics/{name}")[0]
        except Unanswered:
            return False
        return (made, gone) == (201, 204)
