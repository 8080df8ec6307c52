"""HTTP as a stranger would speak it: requests, raw bytes, and nothing hidden in between."""
import http.client
import json
import socket
from typing import NamedTuple


class Reply(NamedTuple):
    """An answer. Header names are in lower case."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Unanswered(OSError):
    """The connection failed or ended before a whole answer."""


def request(port, method, path, body=None, headers=None, timeout=15, host="127.0.0.1"):
    """One request on a connection of its own. A body that is not bytes is sent as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(f"{method} {path} at {host}:{port}: {error!r}") from error
    finally:
        connection.close()


def send_raw(port, *pieces, timeout=20):
    """Sends bytes as they are and returns all that comes back until the other side closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except ConnectionError:
            pass  # It may answer and close before all was sent; what it said is still to be read.
        return _receive_all(connection)


def _receive_all(connection):
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except (ConnectionError, socket.timeout):
        pass
    return received


def parse_raw(answer):
    """The first answer in raw bytes, as a Reply; None where nothing came."""
    if not answer:
        return None
    head, _, rest = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Reply(int(lines[0].split()[1]), headers, rest[:int(headers.get("content-length", len(rest)))])
