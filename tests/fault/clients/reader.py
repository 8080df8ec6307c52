"""Readers: those that follow a partition from broker to broker, and those that ask where it ends."""
import base64
import json

import values
from history import OK
from wire import NDJSON
from world import Client

LEVELS = ("weak", "weak", "linearizable", "none")


def record_description(record):
    """A record of an NDJSON answer as the history has it."""
    return values.describe(_bytes(record, "value", "encoding"), _bytes(record, "key", "key_encoding"))


def _bytes(record, field, encoding):
    text = record.get(field)
    if text is None:
        return None
    return base64.b64decode(text) if record.get(encoding) == "base64" else text.encode()


def fetch(client, broker, topic, partition, offset, level, limit=500, wait=0):
    """One fetch at one broker; `offset` is a number or `latest`. Returns where to go on; None if nobody said."""
    operation = client.begin("fetch", topic=topic, partition=partition, offset=offset, level=level)
    reply = client.ask(operation, broker, "GET", f"/v1/topics/{topic}/partitions/{partition}/messages?offset={offset}"
                       f"&level={level}&limit={limit}&wait={wait}", headers={"Accept": NDJSON}, timeout=8 + wait / 1000)
    bounds = {"low": reply.number("x-log-start-offset"), "high": reply.number("x-high-watermark")}
    next_offset = None
    if operation.outcome == OK:
        records = [json.loads(line) for line in reply.body.splitlines()]
        next_offset = reply.number("x-next-offset")
        bounds |= {"next": next_offset, "records": [[each["offset"], record_description(each)] for each in records]}
    operation.end(**(bounds if operation.outcome == OK or reply.status == 416 else {}))
    return next_offset


class Reader(Client):
    """Follows all partitions, each from where it stands, asking another broker at another level each time."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self._offsets = {}

    def step(self):
        partition = self.prng.choice(self.world.partitions())
        if self.prng.random() < 0.02:
            self._offsets.pop(partition, None)  # from the start again
        wait = self.prng.choice((0, 0, 0, 200, 1000))
        limit = self.prng.choice((1, 20, 500))
        told = fetch(self, self.any_broker(), *partition, self._offsets.get(partition, 0), self.prng.choice(LEVELS),
                     limit, wait)
        if told is not None:
            self._offsets[partition] = told


class EndReader(Client):
    """Asks for the end of a partition, linearizably, again and again."""

    pause_seconds = 0.005

    def step(self):
        fetch(self, self.any_broker(), *self.prng.choice(self.world.partitions()), "latest", "linearizable", limit=1)
