"""Many clients, slow or greedy: memory is bounded by names of limits.h, others are served, and all is well afterwards."""
import socket
import time

import pytest
from harness.waiting import wait_until
from pressure import (BLOCK_CACHE_BYTES, MIB, PATIENT, SERVED_SECONDS, THREAD_BYTES, Flood, Memory, Others, check_refusal, connect,
                      limit, raise_file_limit, receive, started, terms, wait_for_writes)

SLOW, SLOW_FULL = 1000, 2000
READERS, READERS_FULL = 200, 1000
SENDERS, SENDERS_FULL = 64, 256
FLOOD_SECONDS, FLOOD_SECONDS_FULL = 10, 60
CONNECTIONS = 5000
SPARE = 8  # places that those who keep theirs leave to the first newcomers
IDLE_MS = 600_000  # longer than the test: who is idle keeps his place
REFUSED_SECONDS = 60  # all of 3,000, on a machine that others use, too
BODY_DEADLINE_MS = 3000


@pytest.fixture(autouse=True)
def _files():
    raise_file_limit()


def _fill(broker, topic, megabytes):
    """Values of a megabyte."""
    for number in range(megabytes):
        reply = broker.request("POST", f"/v1/topics/{topic}/messages", bytes([number % 26 + 97]) * MIB)
        assert reply.status == 201, reply


def test_slow_bodies(tmp_path, full):
    """Each announces as much as may be, sends a little, and then hardly anything: 408, and no memory but for what came."""
    count, sent = SLOW_FULL if full else SLOW, 100 * 1024
    with started(tmp_path, options=["--body-deadline-ms", BODY_DEADLINE_MS]) as cluster:
        broker = cluster[1]
        cluster.create_topic("t")
        head = (f"POST /v1/topics/t/messages HTTP/1.1\r\nHost: a\r\n"
                f"Content-Length: {limit('HTTP_BODY_BYTES_MAX')}\r\n\r\n").encode()
        with Memory([broker]) as memory, Others(broker, "t") as others:
            slow = [connect(broker) for _ in range(count)]
            for connection in slow:
                connection.sendall(head)
            for connection in slow:
                connection.sendall(b"x" * sent)
            began = time.monotonic()
            replies = [receive(connection, BODY_DEADLINE_MS / 1000 + SERVED_SECONDS) for connection in slow]
            took = time.monotonic() - began
        assert {reply and reply.status for reply in replies} == {408}
        assert "faster" in replies[0].json()["message"]
        assert took < BODY_DEADLINE_MS / 1000 + 2 * SERVED_SECONDS
        others.check()
        assert memory.peak < count * (THREAD_BYTES + 2 * sent)


def test_slow_readers(tmp_path, full):
    """Each asks for sixteen megabytes and takes none: as many as the budget has get theirs, the others a 503."""
    count = READERS_FULL if full else READERS
    with started(tmp_path) as cluster:
        broker = cluster[1]
        cluster.create_topic("t")
        cluster.create_topic("small")
        _fill(broker, "t", 32)
        ask = (b"GET /v1/topics/t/partitions/0/messages?offset=0&limit=100000&max_bytes=16777216 HTTP/1.1\r\n"
               b"Host: a\r\nConnection: close\r\n\r\n")
        with Memory([broker]) as memory, Others(broker, "small") as others:
            slow = [connect(broker, receive_bytes=4096) for _ in range(count)]
            for connection in slow:
                connection.sendall(ask)
            first = [connection.recv(512) for connection in slow]
            for connection in slow:
                connection.close()
            wait_until(lambda: broker.request(
                "GET", "/v1/topics/t/partitions/0/messages?offset=0&limit=100000&max_bytes=16777216").status == 200,
                SERVED_SECONDS, "large answers are given again")
        refused = [each for each in first if b" 503 " in each.split(b"\r\n")[0]]
        served = [each for each in first if b" 200 " in each.split(b"\r\n")[0]]
        assert len(refused) + len(served) == count and refused and served
        assert all(b"Retry-After: 1" in each and b"ask for less" in each for each in refused)
        others.check()
        # What is sent; what is put together at once, read from the log into an answer of twice that size at most; what
        # the database keeps of it; and the holes between all those.
        bound = (limit("HTTP_RESPONSES_BYTES_MAX") + limit("READ_PLACES_LARGE_MAX") * 3 * limit("FETCH_BYTES_MAX")
                 + BLOCK_CACHE_BYTES)
        assert memory.peak < bound * 9 // 8 + count * THREAD_BYTES


def test_flood_of_large_bodies(tmp_path, full):
    """More than three brokers' disks can take: what is too much is refused, nobody loses the leadership, and once what
    was taken is stored, all is as before."""
    count, seconds = (SENDERS_FULL, FLOOD_SECONDS_FULL) if full else (SENDERS, FLOOD_SECONDS)
    with started(tmp_path, 3, options=PATIENT) as cluster:
        for topic in ("large", "small"):
            cluster.create_topic(topic, replication_factor=3)
        before = terms(cluster, ("large", "small"))
        with Memory(cluster.brokers) as memory, Flood(cluster.brokers, "large", count, limit("HTTP_BODY_BYTES_MAX") - MIB) as flood:
            time.sleep(seconds)
        flood.check()
        assert terms(cluster, ("large", "small")) == before
        # Bodies at the client port and at the brokers' own, each once more as a batch; the mailbox, the backlog, and
        # what waits for two followers.
        bound = (4 * limit("HTTP_BODIES_BYTES_MAX") + 128 * MIB + limit("BACKLOG_BYTES_MAX")
                 + 2 * limit("PEER_QUEUE_BYTES_MAX") + count * THREAD_BYTES)
        assert memory.peak < bound
        wait_for_writes(cluster.brokers, "small")
        began = time.monotonic()
        for number in range(20):
            reply = cluster.brokers[number % 3].request("POST", "/v1/topics/small/messages", b"after")
            assert reply.status == 201, reply
        assert time.monotonic() - began < SERVED_SECONDS


def test_more_connections_than_there_are_places(tmp_path):
    """Those who have a place keep it; the others are told, and get one as soon as there is."""
    with started(tmp_path, options=["--idle-timeout-ms", IDLE_MS]) as cluster:
        broker = cluster[1]
        cluster.create_topic("t")
        places = limit("HTTP_CONNECTIONS_MAX")
        ask = b"GET /v1/topics HTTP/1.1\r\nHost: a\r\n\r\n"
        with Memory([broker]) as memory:
            kept = [connect(broker) for _ in range(places - SPARE)]
            for connection in kept:
                connection.sendall(ask)
            assert all(b" 200 " in connection.recv(4096)[:16] for connection in kept)
            began = time.monotonic()
            surplus, served = [], []
            for number in range(CONNECTIONS - places):
                surplus.append(connect(broker))
                surplus[-1].sendall(ask)
                if number % 50 == 0:
                    kept[number % len(kept)].sendall(ask)
                    assert b" 200 " in kept[number % len(kept)].recv(4096)[:16]
            for connection in surplus:
                if b" 200 " in connection.recv(16, socket.MSG_PEEK):
                    served.append(connection)
                    continue
                refusal = receive(connection, SERVED_SECONDS)
                assert refusal
                check_refusal(refusal)
                connection.close()
            assert time.monotonic() - began < REFUSED_SECONDS
            assert len(served) <= SPARE
            for connection in (*kept, *served):
                connection.close()
            wait_until(lambda: broker.request("GET", "/v1/topics", timeout=2).status == 200, SERVED_SECONDS,
                       "a newcomer is served")
        assert memory.peak < places * THREAD_BYTES
