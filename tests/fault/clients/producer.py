"""Writers of the native API: single values and batches, with and without keys, retried, repeated, misused."""
import json
import time

import values
from clients.reader import fetch
from history import OK
from world import Client
from wire import NDJSON

PATIENCE_SECONDS = 30
# An impatient client hangs up on a broker that still works on its request.
TIMEOUTS_SECONDS = (1, 3, 8, 8)


class Producer(Client):
    """Writes to any partition by any broker; one write after the other."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self._count = 0

    def step(self):
        partition = self.prng.choice(self.world.partitions())
        write = self._compose(*partition)
        written = self.write(write)
        if written is None:
            return
        chance = self.prng.random()
        if chance < 0.1:
            self._read_back(write, written)
        elif write.key and chance < 0.2:
            self._replay(write, written)
        elif write.key and chance < 0.25:
            self._misuse(write)

    def write(self, write):
        """The answer's offset, or None where nobody gave one. Without a key, what may be stored is not sent again."""
        operation = self.begin("write", **write.fields)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            reply = self._post(operation, write)
            if operation.outcome == OK:
                offset = write.offset_of(reply)
                operation.end(offset=offset)
                return offset
            if not write.key or time.monotonic() > deadline:
                operation.end()
                return None
            time.sleep(self.prng.uniform(0.01, 0.1))

    def _post(self, operation, write):
        return self.ask(operation, self.any_broker(), "POST", write.path, write.body, write.headers,
                        self.prng.choice(TIMEOUTS_SECONDS))

    def _compose(self, topic, partition):
        key = self._name() if self.prng.random() < 0.6 else None
        form = self.prng.choice((Raw, Lines, Records))
        names = [self._name() for _ in range(1 if form is Raw else self.prng.randint(1, 12))]
        filler = self.prng.choice((0, 20, 100, 100, 400, 8000 if form is Raw else 100))
        return form(topic, partition, names, filler, key)

    def _name(self):
        self._count += 1
        return f"{self.name}-{self._count}"

    def _read_back(self, write, offset):
        """What was just acknowledged is there, whoever is asked."""
        fetch(self, self.any_broker(), *write.partition, offset, "linearizable", limit=len(write.names))

    def _replay(self, write, offset):
        """The same again gives the same answer."""
        operation = self.begin("replay", offset=offset, topic=write.partition[0], partition=write.partition[1])
        reply = self._post(operation, write)
        operation.end(**({"told": write.offset_of(reply), "duplicate": write.is_duplicate(reply)}
                         if operation.outcome == OK else {}))

    def _misuse(self, write):
        """Another payload under a key that is taken must be refused, and never be stored."""
        other = Raw(*write.partition, [self._name()], 0, write.key)
        operation = self.begin("misuse", **other.fields)
        self._post(operation, other)
        operation.end()


class Write:
    """One request's form. Its names are the values' names, in the order in which they are to be stored."""

    query, media_type = "", "application/octet-stream"

    def __init__(self, topic, partition, names, filler, key):
        self.partition, self.names, self.filler, self.key = (topic, partition), names, filler, key
        self.path = f"/v1/topics/{topic}/messages?partition={partition}{self.query}"
        self.headers = {"Content-Type": self.media_type} | ({"Idempotency-Key": key} if key else {})
        self.body = self.encode()

    @property
    def fields(self):
        topic, partition = self.partition
        return {"topic": topic, "partition": partition, "values": self.names, "key": self.key}

    def encode(self):
        raise NotImplementedError

    def offset_of(self, reply):
        return reply.json()["offsets"][0]["offset"]

    def is_duplicate(self, reply):
        return reply.json()["offsets"][0]["duplicate"]


class Raw(Write):
    """One value as the body, any bytes."""

    def encode(self):
        return values.make(self.names[0], self.filler, binary=True)

    def offset_of(self, reply):
        return reply.json()["offset"]

    def is_duplicate(self, reply):
        return reply.json()["duplicate"]


class Lines(Write):
    """A value a line."""

    query, media_type = "&format=raw", NDJSON

    def encode(self):
        return b"".join(values.make(name, self.filler) + b"\n" for name in self.names)


class Records(Write):
    """A record a line, with its key."""

    media_type = NDJSON

    def encode(self):
        return b"".join(json.dumps({"key": name, "value": values.make(name, self.filler).decode()}).encode() + b"\n"
                        for name in self.names)
