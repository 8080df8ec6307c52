"""Requests to brokers over kept connections, and what an answer, or none, means."""
import http.client
import json
import urllib.parse
from typing import NamedTuple

from history import OK, REFUSED, UNKNOWN

NDJSON = "application/x-ndjson"
JSON = {"Content-Type": "application/json"}
BATCH = "application/vnd.aviary.batch"
CONNECT_SECONDS = 2


class Reply(NamedTuple):
    """An answer, or the reason why there is none (status 0). Header names are in lower case."""

    status: int
    headers: dict
    body: bytes
    outcome: str
    why: str = ""

    def json(self):
        return json.loads(self.body)

    def number(self, header):
        """A header's number; None where it is not there."""
        return int(self.headers[header]) if header in self.headers else None


def outcome_of(status):
    """What a status says of a request: by the API's promise 4xx and 503 did nothing; after others nobody knows."""
    if 200 <= status < 300:
        return OK
    return REFUSED if 400 <= status < 500 or status == 503 else UNKNOWN


class Wire:
    """One client's connections, one to each broker; for one thread."""

    def __init__(self):
        self._connections = {}

    def request(self, broker, method, path, body=None, headers=None, timeout=8):
        """Sends once, whatever happens: nothing below sends a request again by itself."""
        connection = self._connections.pop(broker.id, None)
        try:
            connection = connection or _connect(broker.url)
        except (OSError, http.client.HTTPException) as error:
            return Reply(0, {}, b"", REFUSED, f"not connected: {error!r}")
        try:
            connection.sock.settimeout(timeout)
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            reply = Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read(),
                          outcome_of(answer.status))
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            return Reply(0, {}, b"", UNKNOWN, repr(error))
        if answer.will_close or connection.sock is None:
            connection.close()
        else:
            self._connections[broker.id] = connection
        return reply

    def close(self):
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


def _connect(url):
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=CONNECT_SECONDS)
    connection.connect()
    connection.auto_open = 0  # else it would connect and send once more by itself
    return connection
