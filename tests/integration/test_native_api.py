"""The native API as a client uses it: topics, produce, fetch in all its forms, and what the cluster tells."""
import http.client
import json
import threading
import time

import pytest
from harness import recordbatch
from harness.client import NDJSON, publish, read_all, values
from harness.waiting import wait_until

MESSAGES = "/v1/topics/t/messages"
FETCH = "/v1/topics/t/partitions/0/messages"


@pytest.fixture(name="broker")
def _broker(alone):
    assert alone.request("PUT", "/v1/topics/t", {"partitions": 1}).status == 201
    return alone


@pytest.fixture(name="numbered")
def _numbered(broker):
    """A broker whose topic t holds the records 0 to 9."""
    publish([broker], "t", [b"%d" % number for number in range(10)])
    return broker


def test_topics(alone):
    first = alone.request("PUT", "/v1/topics/birds", {"partitions": 3, "configs": {"retention.ms": "1000"}})
    assert first.status == 201
    assert alone.request("PUT", "/v1/topics/birds",
                         {"partitions": 3, "configs": {"retention.ms": "1000"}}).status == 200
    assert alone.request("PUT", "/v1/topics/birds", {"partitions": 4}).status == 409
    only = alone.request("PUT", "/v1/topics/birds", {"partitions": 3}, {"If-None-Match": "*"})
    assert only.status in (409, 412)
    topic = alone.request("GET", "/v1/topics/birds")
    assert topic.headers["etag"]
    assert len(topic.json()["partitions"]) == 3
    assert "birds" in json.dumps(alone.get("/v1/topics"))
    assert alone.request("DELETE", "/v1/topics/birds").status == 204
    assert alone.request("GET", "/v1/topics/birds").status == 404
    assert alone.request("DELETE", "/v1/topics/birds").status == 404


def test_a_topic_made_again_is_empty(broker):
    publish([broker], "t", [b"old"])
    assert broker.request("DELETE", "/v1/topics/t").status == 204
    assert broker.request("PUT", "/v1/topics/t", {"partitions": 1}).status == 201
    assert not read_all(broker, "t")
    publish([broker], "t", [b"new"])
    assert values(read_all(broker, "t")) == [b"new"]


def test_raw_produce_and_one_message(broker):
    value = bytes(range(256))
    reply = broker.request("POST", MESSAGES + "?key=k1", value,
                           {"Content-Type": "application/octet-stream", "X-Header-Colour": "blue",
                            "X-Timestamp": "1700000000123"})
    assert reply.status == 201
    told = reply.json()
    assert (told["topic"], told["partition"], told["offset"], told["duplicate"]) == ("t", 0, 0, False)
    one = broker.request("GET", reply.headers["location"])
    assert (one.status, one.body) == (200, value)
    assert one.headers["x-key"] == "k1"
    assert one.headers["x-header-colour"] == "blue"
    assert one.headers["x-timestamp"] == "1700000000123"


@pytest.mark.parametrize("body", [b"", b"\0", b"a=b&c=d", "schön 🐦".encode(), b"x" * 1_000_000],
                         ids=["empty", "zero", "form", "text", "large"])
def test_values_come_back_as_they_were(broker, body):
    posted = broker.request("POST", MESSAGES, body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert posted.status == 201
    assert broker.request("GET", f"{FETCH}/0").body == body


def test_acks(broker):
    assert broker.request("POST", MESSAGES + "?acks=all", b"x").status == 201
    assert broker.request("POST", MESSAGES + "?acks=1", b"x").status == 201
    assert broker.request("POST", MESSAGES + "?acks=0", b"x").status == 202
    wait_until(lambda: len(read_all(broker, "t")) == 3, 5, "all three are there")


def test_ndjson_records(broker):
    records = [{"key": "k", "value": "v", "headers": {"a": "b"}, "timestamp": 1700000000000, "partition": 0},
               {"value": "plain"}, {"key": "only", "value": None}]
    body = "".join(json.dumps(record) + "\n" for record in records).encode()
    assert broker.request("POST", MESSAGES, body, {"Content-Type": NDJSON}).status == 200
    found = read_all(broker, "t")
    assert [(record.get("key"), record["value"]) for record in found] == [("k", "v"), (None, "plain"), ("only", None)]
    assert found[0]["timestamp"] == 1700000000000
    assert found[0]["headers"] == {"a": "b"}


def test_keys_choose_the_partition_as_kafka_does(alone):
    alone.request("PUT", "/v1/topics/many", {"partitions": 16})
    # murmur2 of the key, positive, modulo 16, as Kafka's default partitioner has it.
    for key, partition in (("foobar", _murmur2(b"foobar") % 16), ("21", _murmur2(b"21") % 16), ("a", _murmur2(b"a") % 16)):
        assert alone.request("POST", f"/v1/topics/many/messages?key={key}", b"x").json()["partition"] == partition


def _murmur2(data):
    multiplier, rotation, mask = 0x5BD1E995, 24, 0xFFFFFFFF
    hashed = 0x9747B28C ^ len(data)
    for start in range(0, len(data) - 3, 4):
        word = int.from_bytes(data[start:start + 4], "little") * multiplier & mask
        word = (word ^ word >> rotation) * multiplier & mask
        hashed = (hashed * multiplier & mask) ^ word
    tail = data[len(data) // 4 * 4:]
    if tail:
        hashed = (hashed ^ int.from_bytes(tail, "little")) * multiplier & mask
    hashed = (hashed ^ hashed >> 13) * multiplier & mask
    return (hashed ^ hashed >> 15) & 0x7FFFFFFF


def test_a_batch_is_stored_verbatim(broker):
    batch = recordbatch.encode([(b"k", b"v"), (None, b"\xff\x00")])
    assert broker.request("POST", MESSAGES + "?partition=0", batch,
                          {"Content-Type": recordbatch.MEDIA_TYPE}).status in (200, 201)
    fetched = broker.request("GET", FETCH + "?offset=0", headers={"Accept": recordbatch.MEDIA_TYPE})
    # Base offset and leader epoch belong to the leader; everything from the magic on is as it came.
    assert fetched.body[16:] == batch[16:]
    assert broker.request("GET", f"{FETCH}/1").body == b"\xff\x00"


@pytest.mark.parametrize("query, expected", [
    ("offset=earliest", range(10)),
    ("offset=0&limit=3", range(3)),
    ("offset=7", range(7, 10)),
    ("offset=-2", range(8, 10)),
    ("offset=latest", range(0)),
    ("offset=10", range(0)),
    ("offset=@0", range(10)),
    ("offset=@99999999999999", range(0)),
    ("offset=0&max_bytes=1", range(1)),
])
def test_fetch_forms(numbered, query, expected):
    reply = numbered.request("GET", f"{FETCH}?{query}")
    assert reply.status == 200
    assert [record["value"] for record in reply.json()] == [str(number) for number in expected]
    assert [record["offset"] for record in reply.json()] == list(expected)
    assert reply.headers["x-high-watermark"] == "10"
    assert reply.headers["x-log-start-offset"] == "0"
    assert int(reply.headers["x-next-offset"]) == (expected[-1] + 1 if expected else 10)


def test_fetch_by_time(broker):
    publish([broker], "t", [b"old"])
    time.sleep(0.05)
    between = int(time.time() * 1000)
    time.sleep(0.05)
    publish([broker], "t", [b"new"])
    assert [record["value"] for record in broker.get(f"{FETCH}?offset=@{between}")] == ["new"]


def test_a_long_poll_wakes_at_once(numbered):
    answers = []

    def poll():
        reply = numbered.request("GET", f"{FETCH}?offset=10&wait=20000", timeout=30)
        answers.append((time.monotonic(), reply))
    poller = threading.Thread(target=poll)
    poller.start()
    time.sleep(0.3)
    published = time.monotonic()
    publish([numbered], "t", [b"woken"])
    poller.join(10)
    assert [record["value"] for record in answers[0][1].json()] == ["woken"]
    assert answers[0][0] - published < 1


def test_a_long_poll_ends_empty(numbered):
    started = time.monotonic()
    assert numbered.get(f"{FETCH}?offset=10&wait=300") == []
    assert 0.25 <= time.monotonic() - started < 3


@pytest.mark.parametrize("level", ["weak", "linearizable", "none"])
def test_levels_of_reading(cluster, level):
    cluster.create_topic("t", replication_factor=3)
    publish(cluster.brokers, "t", [b"x"])
    for broker in cluster.brokers:
        wait_until(lambda broker=broker: broker.get(f"{FETCH}?offset=0&level={level}"), 5, f"{broker.name} has it")


def test_a_duplicate_is_told(cluster):
    cluster.create_topic("t", replication_factor=3)
    first = cluster[1].request("POST", MESSAGES, b"x", {"Idempotency-Key": "k"})
    cluster.leader("t").kill()
    again = cluster.living[0].request("POST", MESSAGES, b"x", {"Idempotency-Key": "k"})
    assert (first.status, again.status) == (201, 201)
    assert again.json()["duplicate"] is True
    assert again.json()["offset"] == first.json()["offset"]
    assert values(read_all(cluster.living[1], "t")) == [b"x"]


def test_headers_of_every_reply(cluster):
    cluster.create_topic("t", replication_factor=3)
    publish(cluster.brokers, "t", [b"x"])
    for broker in cluster.brokers:
        assert broker.request("GET", "/livez").headers["x-served-by"] == str(broker.number)
        reply = broker.request("GET", FETCH + "?offset=0")
        assert int(reply.headers["x-raft-term"]) == cluster.partition("t")["term"]


def test_leadership_is_transferred(cluster):
    cluster.create_topic("t", replication_factor=3)
    publish(cluster.brokers, "t", [b"x"])
    target = cluster.others(cluster.leader("t"))[0]
    reply = cluster[1].request("POST", "/v1/partitions/t/0:transfer-leader", {"to": target.number})
    assert reply.status in (200, 202, 204), reply
    wait_until(lambda: cluster.partition("t")["leader"] == target.number, 5, "the new leader")
    publish(cluster.brokers, "t", [b"y"])
    assert values(read_all(cluster[1], "t")) == [b"x", b"y"]


def test_redirect(cluster):
    cluster.create_topic("t", replication_factor=3)
    leader = cluster.leader("t")
    follower = cluster.others(leader)[0]
    reply = follower.request("POST", MESSAGES + "?redirect", b"x")
    assert reply.status == 307
    assert reply.headers["location"].startswith(f"http://127.0.0.1:{leader.port}{MESSAGES}")


def test_cluster_and_brokers(zookeeper_cluster):
    cluster = zookeeper_cluster
    told = [broker.get("/v1/cluster") for broker in cluster.brokers]
    assert len({each["cluster_id"] for each in told}) == 1
    assert {each["controller"] for each in told} <= {1, 2, 3}
    assert [each["id"] for each in cluster[2].get("/v1/brokers")["brokers"]] == [1, 2, 3]


def test_health(broker):
    assert broker.request("GET", "/livez").status == 200
    ready = broker.request("GET", "/readyz")
    assert ready.status == 200
    for part in ("coordination", "raft", "storage"):
        assert f"[+]{part} ok" in ready.text


def test_metrics(numbered):
    reply = numbered.request("GET", "/metrics")
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/plain")
    assert "kafka_brokers 1" in reply.text
    assert 'kafka_topic_partitions{topic="t"} 1' in reply.text
    assert 'kafka_topic_partition_current_offset{topic="t",partition="0"} 10' in reply.text
    assert 'kafka_topic_partition_oldest_offset{topic="t",partition="0"} 0' in reply.text
    assert 'kafka_topic_partition_leader{topic="t",partition="0"} 1' in reply.text
    assert 'kafka_topic_partition_under_replicated_partition{topic="t",partition="0"} 0' in reply.text


def test_keep_alive_serves_many_requests(broker):
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=5)
    for number in range(50):
        connection.request("POST", MESSAGES, b"%d" % number)
        assert connection.getresponse().read()
    connection.close()
    assert values(read_all(broker, "t")) == [b"%d" % number for number in range(50)]
