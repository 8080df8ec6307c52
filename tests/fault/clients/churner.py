"""A client that makes a topic, uses it, deletes it, and makes it again under the same name."""
from clients.producer import Lines, Producer
from clients.reader import fetch
from wire import JSON

PATIENCE_SECONDS = 60
CREATED = (200, 201)
# 412: the topic of that version is gone, and one that an earlier request made late is there.
DELETED = (204, 404, 412)


class Churner(Producer):
    """Sequential, and alone in its topic: what it reads is what it wrote since it made the topic."""

    pause_seconds = 0.2

    def __init__(self, world, name):
        super().__init__(world, name)
        self._topics = 0
        self._topic = self._new_topic()

    def step(self):
        version = self._create()
        if version is None:
            return
        for _ in range(self.prng.randint(1, 5)):
            self.write(Lines(self._topic, 0, [self._name()], 20, self._name()))
        fetch(self, self.any_broker(), self._topic, 0, 0, "linearizable")
        self._delete(version)

    def _new_topic(self):
        self._topics += 1
        return f"{self.name}-topic-{self._topics}"

    def _create(self):
        return self._change("create", CREATED, "PUT", b'{"partitions":1}', JSON)

    def _delete(self, version):
        """Of this version only: a request that is still under way somewhere must not delete the next one."""
        self._change("delete", DELETED, "DELETE", None, {"If-Match": version})

    def _change(self, op, done, method, body, headers):
        """The topic's version, or None where nobody could say in time: then another name is used from now on."""
        operation = self.begin(op, topic=self._topic)
        reply = self.ask_until(operation, PATIENCE_SECONDS, lambda reply: reply.status in done, method,
                               f"/v1/topics/{self._topic}", body, headers)
        operation.end(done=reply is not None)
        if reply is None:
            self._topic = self._new_topic()
            return None
        return reply.headers.get("etag", "")
