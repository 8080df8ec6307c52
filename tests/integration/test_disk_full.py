"""A full disk: writes are refused, reads go on, and all is well again when there is room."""
import os
import shutil
import subprocess

import pytest
from harness.client import Load
from harness.waiting import wait_until

DISK_BYTES = 1 << 30
# Clients' writes are refused below this; an eighth less is kept for what the broker itself must write.
FREE_BYTES_MIN = 256 << 20
LOW_BYTES, FULL_BYTES = 240 << 20, 4 << 20
RESUME_SECONDS = 5


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path):
    """A file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "aviary-test", mount], check=True)
    yield mount
    subprocess.run(["umount", "--lazy", mount], check=True)


def _fill(disk, left):
    with (disk / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, shutil.disk_usage(disk).free - left)


def _fill_to_the_last_byte(disk):
    """Also of what the broker gives back, its ballast, when it sees that the disk is full."""
    with (disk / "filler").open("ab") as filler:
        wait_until(lambda: not (disk / "data/ballast").exists() or _append(filler, disk), 10, "the ballast is given back")
        _append(filler, disk)
    assert shutil.disk_usage(disk).free == 0


def _append(filler, disk):
    """All that is free; nothing, for wait_until."""
    if free := shutil.disk_usage(disk).free:
        os.posix_fallocate(filler.fileno(), filler.tell(), free)
        filler.seek(0, os.SEEK_END)


@pytest.fixture(name="broker")
def _broker(small_disk, make_cluster):
    cluster = make_cluster(1, "alone", options=["--free-bytes-min", FREE_BYTES_MIN])
    broker = cluster[1]
    broker.command[broker.command.index("--data") + 1] = str(small_disk / "data")
    return cluster.start()[1]


def _publish(broker):
    return broker.request("POST", "/v1/topics/t/messages", b"x").status


def _count(broker):
    return len(broker.get("/v1/topics/t/partitions/0/messages?offset=earliest&max_bytes=16777216&limit=10000"))


def test_writes_stop_and_resume(broker, small_disk):
    assert broker.request("PUT", "/v1/topics/t", {}).status == 201
    assert _publish(broker) == 201
    _fill(small_disk, LOW_BYTES)
    wait_until(lambda: _publish(broker) == 503, 10, "writes are refused")
    stored = _count(broker)
    for _ in range(100):
        reply = broker.request("POST", "/v1/topics/t/messages", b"x")
        assert reply.status == 503 and "disk" in reply.text and "retry-after" in reply.headers
    assert _count(broker) == stored
    assert broker.request("GET", "/livez").status == 200
    assert broker.request("GET", "/readyz").status == 503
    (small_disk / "filler").unlink()
    wait_until(lambda: _publish(broker) == 201, RESUME_SECONDS, "writes resume")
    assert _count(broker) == stored + 1


def test_a_disk_that_fills_at_once(broker, small_disk):
    """What was appended before anybody saw it waits for room: 504, and it is there later."""
    assert broker.request("PUT", "/v1/topics/t", {}).status == 201
    _fill(small_disk, FULL_BYTES)
    statuses = []
    wait_until(lambda: statuses.append(_publish(broker)) or statuses[-1] == 503, 20, "writes are refused")
    assert set(statuses) <= {201, 503, 504}
    assert broker.request("GET", "/livez").status == 200
    assert _count(broker) == statuses.count(201)
    (small_disk / "filler").unlink()
    wait_until(lambda: _publish(broker) == 201, RESUME_SECONDS, "writes resume")
    assert _count(broker) == statuses.count(201) + statuses.count(504) + 1


def test_not_a_byte_left(broker, small_disk):
    """Another's file takes all there is, under load: no abort, reads go on, and writes by themselves when it goes."""
    assert broker.request("PUT", "/v1/topics/t", {}).status == 201
    for _ in range(10):
        assert broker.request("POST", "/v1/topics/t/messages", b"x" * (1 << 20)).status == 201
    stored = _count(broker)
    for _ in range(2):
        _fill_to_the_last_byte(small_disk)
        statuses = []
        wait_until(lambda: statuses.append(_publish(broker)) or statuses[-1] == 503, 20, "writes are refused")
        stored += statuses.count(201)
        assert _count(broker) == stored
        assert broker.alive and broker.request("GET", "/livez").status == 200
        (small_disk / "filler").unlink()
        wait_until(lambda: _publish(broker) == 201, RESUME_SECONDS, "writes resume")
        stored += statuses.count(504) + 1
        assert _count(broker) == stored


def test_a_follower_with_a_full_disk(small_disk, make_cluster):
    """The others go on; it takes part again within seconds of having room."""
    cluster = make_cluster(3, options=["--free-bytes-min", FREE_BYTES_MIN])
    late = cluster[3]
    late.command[late.command.index("--data") + 1] = str(small_disk / "data")
    cluster.start()
    cluster.create_topic("t", replication_factor=3)
    if cluster.leader("t") is late:
        assert late.request("POST", "/v1/partitions/t/0:transfer-leader", {"to": 1}).status == 200
    with Load(cluster.brokers[:2], "t") as load:
        load.wait_for(20)
        _fill_to_the_last_byte(small_disk)
        load.wait_for(200)
        assert late.alive
        (small_disk / "filler").unlink()

        def caught_up():
            told = cluster.partition("t")
            return any(replica["broker"] == late.number and replica["in_sync"] for replica in told.get("replicas", []))
        wait_until(caught_up, RESUME_SECONDS, "it is in sync again")
        load.wait_for(20)
    load.check(late)


def test_a_start_on_a_full_disk(broker, small_disk):
    """The database is not opened there: the broker ends, says what is missing, and loses nothing."""
    assert broker.request("PUT", "/v1/topics/t", {}).status == 201
    assert _publish(broker) == 201
    broker.kill()
    _fill(small_disk, FULL_BYTES)
    broker.start()
    assert broker.process.wait(15) == 1
    assert "free some space" in broker.log()
    (small_disk / "filler").unlink()
    broker.start().wait_ready()
    assert _count(broker) == 1
    assert _publish(broker) == 201
