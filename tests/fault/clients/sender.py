"""A client of the simple dialect: sends messages, the same ones again until they are taken, and reads them."""
import json

import values
from history import OK
from wire import JSON
from world import Client

TOPIC = "messages"
PATIENCE_SECONDS = 30


def message_description(message):
    """A message as the history has it: its msg_id must be the name of its payload."""
    return values.describe(message["payload"].encode(), message["msg_id"].encode())


class Sender(Client):
    def __init__(self, world, name):
        super().__init__(world, name)
        self._count, self._after = 0, 0

    def step(self):
        if self.prng.random() < 0.7:
            self._send()
        else:
            self._read()

    def _send(self):
        self._count += 1
        name = f"{self.name}-{self._count}"
        body = json.dumps({"msg_id": name, "sender": self.name,
                           "payload": values.make(name, self.prng.choice((0, 50, 500))).decode()}).encode()
        operation = self.begin("write", topic=TOPIC, partition=0, values=[name], key=name)
        reply = self.ask_until(operation, PATIENCE_SECONDS, lambda reply: reply.outcome == OK,
                               "POST", "/send", body, JSON)
        operation.end(**({"offset": reply.json()["seq"] - 1} if reply else {}))

    def _read(self):
        operation = self.begin("fetch", topic=TOPIC, partition=0, offset=self._after, level="none")
        reply = self.ask(operation, self.any_broker(), "GET", f"/messages?after={self._after}&limit=200")
        if operation.outcome != OK:
            operation.end()
            return
        told = reply.json()
        # A seq is an offset and one more. The dialect tells no high watermark.
        operation.end(next=told["next_after"], records=[[each["seq"] - 1, message_description(each)]
                                                        for each in told["messages"]])
        self._after = told["next_after"]
