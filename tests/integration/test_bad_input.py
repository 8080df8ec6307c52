"""Bad input: a 4xx that says what to do, nothing stored, and the broker goes on."""
import socket
import time

import pytest
from harness import recordbatch
from harness.http import parse_raw, send_raw
from harness.recordbatch import MEDIA_TYPE
from harness.waiting import wait_until

MESSAGES = "/v1/topics/t/messages"
FETCH = "/v1/topics/t/partitions/0/messages"
NDJSON = {"Content-Type": "application/x-ndjson"}
BATCH = {"Content-Type": MEDIA_TYPE}
JSON = {"Content-Type": "application/json"}
BODY_BYTES_MAX = 8 * 1024 * 1024
BODY_DEADLINE_SECONDS = 10


@pytest.fixture(name="broker")
def _broker(shared_broker):
    """A broker with topic t and one record in it, which must still be the only one afterwards."""
    if shared_broker.request("PUT", "/v1/topics/t", {"partitions": 1}).status == 201:
        assert shared_broker.request("POST", MESSAGES, b"only").status == 201
    yield shared_broker
    reply = shared_broker.request("GET", FETCH + "?offset=earliest")
    assert [record["value"] for record in reply.json()] == ["only"]
    assert shared_broker.ready


def _assert_refused(reply, *statuses):
    """One of the statuses, with the project's error in JSON: five digits that begin with the status."""
    assert reply is not None, "no answer at all"
    assert reply.status in statuses, reply
    error = reply.json()
    assert error["error_code"] // 100 == reply.status, reply
    assert len(error["message"]) > 10, reply


def _flipped(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1:]


GOOD_BATCH = recordbatch.encode([(b"k", b"v"), (None, b"w")])


@pytest.mark.parametrize("statuses, method, path, headers, body", [
    # malformed JSON
    ((400,), "PUT", "/v1/topics/u", JSON, b'{"partitions": 1'),
    ((400,), "PUT", "/v1/topics/u", JSON, b"[1, 2"),
    ((400,), "POST", "/send", JSON, b"{payload: hi}"),
    ((400,), "POST", "/send", JSON, b""),
    ((400,), "POST", "/send", JSON, b"\xff\xfe{}"),
    ((400,), "POST", "/send", JSON, b"[" * 100_000),
    ((400,), "POST", MESSAGES, NDJSON, b'{"value": "x"\n'),
    # wrong types and values
    ((400, 422), "PUT", "/v1/topics/u", JSON, b'{"partitions": "three"}'),
    ((400, 422), "PUT", "/v1/topics/u", JSON, b'{"partitions": -1}'),
    ((400, 422), "PUT", "/v1/topics/u", JSON, b'{"partitions": 1.5}'),
    ((400, 422), "PUT", "/v1/topics/u", JSON, b'{"partitions": 1000000000}'),
    ((400, 422), "PUT", "/v1/topics/u", JSON, b'{"replication_factor": 99}'),
    ((400, 422), "PUT", "/v1/topics/u", JSON, b'{"configs": []}'),
    ((400, 422), "PUT", "/v1/topics/u", JSON, b"[]"),
    ((400, 422), "POST", "/send", JSON, b'{"payload": 7}'),
    ((400, 422), "POST", "/send", JSON, b'{"payload": "x", "ts": "yesterday"}'),
    ((400, 422), "POST", "/send", JSON, b"{}"),
    ((400, 422), "POST", "/sync", JSON, b'{"since": "x"}'),
    ((400, 422, 207), "POST", MESSAGES, NDJSON, b'{"value": {"a": []}, "partition": "zero"}\n'),
    ((400,), "POST", MESSAGES + "?acks=2", {}, b"x"),
    ((400,), "POST", MESSAGES + "?partition=zero", {}, b"x"),
    # bad names
    ((400,), "PUT", "/v1/topics/a%20b", JSON, b"{}"),
    ((400,), "PUT", "/v1/topics/" + "a" * 250, JSON, b"{}"),
    ((400,), "PUT", "/v1/topics/%C3%A4", JSON, b"{}"),
    ((400, 404), "PUT", "/v1/topics/..", JSON, b"{}"),
    ((400, 404), "PUT", "/v1/topics/.", JSON, b"{}"),
    ((400,), "PUT", "/v1/topics/..%2f..%2fetc", JSON, b"{}"),
    ((400,), "PUT", "/v1/topics/a%00b", JSON, b"{}"),
    ((400,), "PUT", "/v1/topics/a%zz", JSON, b"{}"),
    ((400, 403), "PUT", "/v1/topics/__internal", JSON, b"{}"),
    # things that are not there
    ((404,), "POST", "/v1/topics/nowhere/messages", {}, b"x"),
    ((404,), "GET", "/v1/topics/nowhere", {}, None),
    ((404,), "GET", "/v1/nothing", {}, None),
    ((404,), "POST", MESSAGES + "?partition=1", {}, b"x"),
    ((404,), "GET", "/v1/topics/t/partitions/9/messages", {}, None),
    ((400, 404), "GET", "/v1/topics/t/partitions/-1/messages", {}, None),
    ((400, 404), "GET", "/v1/topics/t/partitions/99999999999999999999/messages", {}, None),
    # methods and types
    ((405,), "DELETE", "/status", {}, None),
    ((405,), "PUT", MESSAGES, {}, b"x"),
    ((406,), "GET", FETCH, {"Accept": "image/png"}, None),
    ((415,), "PUT", "/v1/topics/u", {"Content-Type": "text/xml"}, b"<x/>"),
    # offsets beyond both ends, and what is no offset
    ((416,), "GET", FETCH + "?offset=2", {}, None),
    ((416,), "GET", FETCH + "?offset=999999999999", {}, None),
    ((400,), "GET", FETCH + "?offset=banana", {}, None),
    ((400,), "GET", FETCH + "?offset=99999999999999999999", {}, None),
    ((400,), "GET", FETCH + "?limit=-5", {}, None),
    ((400,), "GET", FETCH + "?wait=soon", {}, None),
    ((404, 416), "GET", FETCH + "/1", {}, None),
    # batches
    ((400, 422), "POST", MESSAGES, BATCH, b""),
    ((400, 422), "POST", MESSAGES, BATCH, b"not a batch"),
    ((400, 422), "POST", MESSAGES, BATCH, GOOD_BATCH[:-1]),
    ((400, 422), "POST", MESSAGES, BATCH, GOOD_BATCH + b"\0"),
    ((400, 422), "POST", MESSAGES, BATCH, _flipped(GOOD_BATCH, 20)),
    ((400, 422), "POST", MESSAGES, BATCH, _flipped(GOOD_BATCH, len(GOOD_BATCH) - 1)),
    ((400, 422), "POST", MESSAGES, BATCH, _flipped(GOOD_BATCH, 16)),
    ((400, 422), "POST", MESSAGES, BATCH, recordbatch.encode([(None, b"v")], count=2)),
    ((400, 422), "POST", MESSAGES, BATCH, recordbatch.encode([(None, b"v")], count=0)),
    ((400, 422), "POST", MESSAGES, BATCH, recordbatch.encode([(None, b"v")] * 2, count=1)),
    # keys
    ((400,), "POST", MESSAGES, {"Idempotency-Key": "k" * 257}, b"x"),
])
def test_refused(broker, statuses, method, path, headers, body):
    reply = broker.request(method, path, body, headers)
    if reply.status == 207:
        assert broker.request("GET", FETCH).headers["x-high-watermark"] == "1"
        return
    _assert_refused(reply, *statuses)
    if reply.status == 405:
        assert reply.headers["allow"]


def test_out_of_range_tells_both_bounds(broker):
    reply = broker.request("GET", FETCH + "?offset=77")
    _assert_refused(reply, 416)
    assert reply.headers["x-log-start-offset"] == "0" and reply.headers["x-high-watermark"] == "1"


def test_a_key_with_another_payload(alone):
    alone.request("PUT", "/v1/topics/t", {})
    assert alone.request("POST", MESSAGES, b"a", {"Idempotency-Key": "k"}).status == 201
    again = alone.request("POST", MESSAGES, b"a", {"Idempotency-Key": "k"})
    assert again.json()["duplicate"] is True
    _assert_refused(alone.request("POST", MESSAGES, b"b", {"Idempotency-Key": "k"}), 422)


def _head(*lines, method="POST", path=MESSAGES):
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


@pytest.mark.parametrize("statuses, raw", [
    ((400,), _head("Host: x", "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    ((400,), _head("Host: x", "Content-Length: 1", "Content-Length: 2") + b"ab"),
    ((400,), _head("Host: x", "Content-Length: 1", "Content-Length: 1") + b"a"),
    ((400,), _head("Host: x", "Content-Length: 1, 2") + b"ab"),
    ((400,), _head("Host: x", "Content-Length: -1") + b"a"),
    ((400,), _head("Host: x", "Content-Length: +1") + b"a"),
    ((400,), _head("Host: x", "Content-Length: 0x1") + b"a"),
    ((400, 413), _head("Host: x", "Content-Length: 99999999999999999999999") + b"a"),
    ((413,), _head("Host: x", f"Content-Length: {BODY_BYTES_MAX + 1}") + b"a" * 1000),
    ((411,), _head("Host: x", "Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n\r\n"),
    ((400, 431), _head("Host: x", *[f"X-H{n}: v" for n in range(100)], "Content-Length: 1") + b"a"),
    ((400, 413, 431), _head("Host: x", "X-Long: " + "v" * 32_000, "Content-Length: 1") + b"a"),
    ((400,), _head("Content-Length: 1") + b"a"),
    ((400,), _head("Host: x", "Host: y", "Content-Length: 1") + b"a"),
    ((400,), _head("Host: x", "Content-Length : 1") + b"a"),
    ((400,), _head("Host: x", "X-A: b", " folded", "Content-Length: 1") + b"a"),
    ((400,), _head("Host: x", "Content-Length: 1", path=MESSAGES + "%00.html") + b"a"),
    ((400, 404), _head("Host: x", "Connection: close", method="GET", path="/..%2f..%2fetc/passwd")),
    ((400, 404), _head("Host: x", "Connection: close", method="GET", path="/../../etc/passwd")),
    ((417,), _head("Host: x", "Expect: a miracle", "Content-Length: 1") + b"a"),
    ((405, 501), _head("Host: x", method="BREW")),
], ids=range(21))
def test_refused_as_raw_bytes(broker, statuses, raw):
    _assert_refused(parse_raw(send_raw(broker.port, raw)), *statuses)


def test_garbage_instead_of_http(broker):
    for garbage in (b"\0" * 5000, b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\r\n\r\n\r\n"):
        answer = parse_raw(send_raw(broker.port, garbage, timeout=3))
        assert answer is None or 400 <= answer.status < 500, answer


def test_a_truncated_body_is_not_half_a_message(broker):
    """The client ends in the middle of its body: nothing of it is stored."""
    with socket.create_connection(("127.0.0.1", broker.port), timeout=15) as connection:
        connection.sendall(_head("Host: x", "Content-Length: 10") + b"abc")
        connection.shutdown(socket.SHUT_WR)
        answer = parse_raw(connection.recv(65536))
    assert answer is None or 400 <= answer.status < 500


def test_a_slow_body_is_refused(broker):
    """A byte now and then: 408 by the deadline, and others are served meanwhile."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", broker.port), timeout=0.3) as connection:
        connection.sendall(_head("Host: x", "Content-Length: 1000"))
        answer = None
        while answer is None:
            assert time.monotonic() - started < BODY_DEADLINE_SECONDS + 3
            assert broker.request("GET", "/livez", timeout=2).status == 200
            try:
                answer = connection.recv(65536)
            except socket.timeout:
                connection.sendall(b"x")
    _assert_refused(parse_raw(answer), 408)


def test_expect_100_continue_is_answered(broker):
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as connection:
        connection.sendall(_head("Host: x", "Expect: 100-continue", "Content-Length: 1",
                                 path="/v1/topics/nowhere/messages"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"a")
        _assert_refused(parse_raw(connection.recv(65536)), 404)


def test_a_foreign_page_may_not_write(broker):
    """What a browser sends for a page of another origin is refused; its own origin is not."""
    foreign = broker.request("POST", "/v1/topics/nowhere/messages", b"x",
                             {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
    _assert_refused(foreign, 403)
    own = {"Origin": f"http://127.0.0.1:{broker.port}", "Sec-Fetch-Site": "same-origin"}
    assert broker.request("POST", "/v1/topics/nowhere/messages", b"x", own).status == 404


def test_idle_connections_leave_room(broker):
    idle = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(1000)]
    try:
        for connection in idle[::100]:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        assert broker.request("GET", "/livez").status == 200
        assert time.monotonic() - started < 1
    finally:
        for connection in idle:
            connection.close()
    wait_until(lambda: broker.ready, 10, "ready")
