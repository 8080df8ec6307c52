"""The end of a round: after everything healed, the cluster must serve again, and each broker tells its own log.

Every wait has a bound, in seconds during which this process itself ran (see `awake`).
"""
import hashlib
import json

import values
from awake import Deadline
from batches import records, split
from clients.sender import TOPIC as MESSAGES
from clients.sender import message_description
from history import OK
from wire import BATCH, JSON
from world import Client

TOPIC_SECONDS = 30  # for a topic to be made, before anything goes wrong
READY_SECONDS = 60  # for all brokers to say that they are ready
WRITE_SECONDS = 20  # for a write to each partition through each broker to be acknowledged
END_SECONDS = 20  # for a linearizable read of each partition's end
CAUGHT_UP_SECONDS = 60  # for every replica to have what is committed


class Stalled(Exception):
    """Something that a healed cluster must do was not done within its bound."""


class Drain(Client):
    """A client as the others, but called from the runner's own thread, and of brokers that must answer."""

    def __init__(self, world):
        super().__init__(world, "drain")

    def make_topics(self):
        for topic, partitions in self.world.topics.items():
            body = json.dumps({"partitions": partitions}).encode()
            self._until(Deadline(TOPIC_SECONDS), f"topic {topic} is made", self._make, f"/v1/topics/{topic}", body)

    def _make(self, path, body):
        return self.wire.request(self.any_broker(), "PUT", path, body, JSON).outcome == OK

    def wait_ready(self):
        for broker in self.world.brokers:
            self._until(Deadline(READY_SECONDS), f"broker {broker.id} is ready", self._is_ready, broker)

    def _is_ready(self, broker):
        return broker.running and self.wire.request(broker, "GET", "/readyz", timeout=2).status == 200

    def write_everywhere(self):
        """A write to each partition through each broker."""
        deadline = Deadline(WRITE_SECONDS)
        for topic, partition in self.world.partitions():
            for broker in self.world.brokers:
                name = f"drain-{topic}-{partition}-{broker.id}"
                operation = self.begin("write", topic=topic, partition=partition, values=[name], key=name)
                try:
                    self._until(deadline, f"a write to {topic}-{partition} through broker {broker.id} is acknowledged",
                                self._write, operation, broker, topic, partition, name)
                except Stalled:
                    operation.end()
                    raise

    def _write(self, operation, broker, topic, partition, name):
        reply = self.ask(operation, broker, "POST", f"/v1/topics/{topic}/messages?partition={partition}",
                         values.make(name), {"Idempotency-Key": name})
        if operation.outcome == OK:
            operation.end(offset=reply.json()["offset"])
        return operation.outcome == OK

    def read_everywhere(self, extra=()):
        """Every broker's own answer of every partition, into the history. `extra`: partitions beyond the world's."""
        for topic, partition in [*self.world.partitions(), *extra]:
            path = f"/v1/topics/{topic}/partitions/{partition}/messages"
            end = self._until(Deadline(END_SECONDS), f"the end of {topic}-{partition} is told", self._end, path)[0]
            deadline = Deadline(CAUGHT_UP_SECONDS)
            for broker in self.world.brokers:
                self._until(deadline, f"broker {broker.id} has {topic}-{partition} up to {end}",
                            self._has, broker, path, end)
                self._read_log(broker, topic, partition, path, end)

    def _end(self, path):
        reply = self.wire.request(self.any_broker(), "GET", f"{path}?offset=latest&level=linearizable&limit=1")
        return (reply.number("x-high-watermark"),) if reply.outcome == OK else None

    def _has(self, broker, path, end):
        reply = self.wire.request(broker, "GET", f"{path}?offset=latest&level=none&limit=1")
        return reply.outcome == OK and reply.number("x-high-watermark") >= end

    def _read_log(self, broker, topic, partition, path, end):
        where = {"broker": broker.id, "topic": topic, "partition": partition}
        digest, offset = hashlib.sha256(), 0
        while offset < end:
            answer, offset = self._until(
                Deadline(END_SECONDS), f"broker {broker.id} tells {topic}-{partition} from {offset}",
                self._read_batches, broker, path, offset)
            # What was committed since the end was asked for may be here and not there.
            kept = [batch for base, batch in split(answer) if base < end]
            for batch in kept:
                digest.update(batch)
            self.world.history.write("final", **where, records=[
                [at, _describe(topic, key, value)] for batch in kept for at, key, value in records(batch)])
        self.world.history.write("final-end", **where, end=end, digest=digest.hexdigest())

    def _read_batches(self, broker, path, offset):
        reply = self.wire.request(broker, "GET", f"{path}?offset={offset}&level=none&limit=10000",
                                  headers={"Accept": BATCH})
        if reply.outcome != OK or not reply.body:
            return None
        return reply.body, reply.number("x-next-offset")

    @staticmethod
    def _until(deadline, what, attempt, *arguments):
        """Calls until it gives something true, and returns that."""
        while not (result := attempt(*arguments)):
            if deadline.passed:
                raise Stalled(f"not within {deadline.seconds} s of healing: {what}")
            deadline.pause(0.1)
        return result


def _describe(topic, key, value):
    return message_description(json.loads(value)) if topic == MESSAGES else values.describe(value, key)
