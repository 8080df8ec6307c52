"""Proxies that delay, stall and cut what brokers say to each other."""
import random
import socket
import time

import pytest
from cluster import PROXY_PORT
from harness.client import Load
from harness.waiting import wait_until
from nemesis import NEMESES
from proxy import Proxy


@pytest.fixture(name="cluster", scope="module")
def _cluster(make_cluster):
    return make_cluster(zookeeper=False, proxied=True)


@pytest.fixture(name="line")
def _line(tmp_path):
    """A proxy on loopback, both ends of a connection through it, and a function that makes more."""
    with socket.create_server(("127.0.0.1", 0)) as far, socket.create_server(("127.0.0.1", 0)) as free:
        listen, target = (each.getsockname()[1] for each in (free, far))
        free.close()
        far.settimeout(5)
        proxy = Proxy([], f"127.0.0.1:{listen}", f"127.0.0.1:{target}", tmp_path / "proxy.log").start()

        def connect():
            near = socket.create_connection(("127.0.0.1", listen), timeout=5)
            accepted, _ = far.accept()
            accepted.settimeout(5)
            return near, accepted
        yield proxy, connect
        proxy.kill()


def test_transparent(line):
    _, connect = line
    near, far = connect()
    near.sendall(b"there")
    far.sendall(b"and back")
    assert far.recv(100) == b"there" and near.recv(100) == b"and back"
    near.close()
    assert far.recv(100) == b""


def test_delayed(line):
    proxy, connect = line
    near, far = connect()
    proxy.order(delay_ms=200)
    started = time.monotonic()
    near.sendall(b"late")
    assert far.recv(100) == b"late" and time.monotonic() - started >= 0.2


def test_stalled(line):
    proxy, connect = line
    near, far = connect()
    proxy.order(stall=True)
    near.sendall(b"stuck")
    far.settimeout(0.3)
    with pytest.raises(TimeoutError):
        far.recv(100)
    proxy.order()
    far.settimeout(5)
    assert far.recv(100) == b"stuck"


@pytest.mark.parametrize("reset", [False, True])
def test_cut(line, reset):
    proxy, connect = line
    near, far = connect()
    proxy.order(cut_after=3, reset=reset)
    near.sendall(b"whole")
    received = b""
    try:
        while piece := far.recv(100):
            received += piece
        assert not reset
    except ConnectionResetError:
        assert reset
    # A reset may overtake the bytes before it.
    assert received == b"who" or (reset and b"who".startswith(received))
    near.settimeout(5)
    try:
        assert near.recv(100) == b""
    except ConnectionResetError:
        assert reset
    more, _ = connect()
    more.close()


def test_other_sources_are_left_alone(line):
    proxy, connect = line
    near, far = connect()
    proxy.order(stall=True, sources=["192.0.2.1"])
    near.sendall(b"through")
    assert far.recv(100) == b"through"


@pytest.mark.parametrize("name", ["delay", "stall", "stall-one-sender", "cut-mid-body"])
def test_cluster_bears_it(cluster, name):
    """Brokers talk by way of the proxies; under the nemesis and after it nothing acknowledged is lost."""
    wait_until(lambda: all(each["peer_address"].endswith(f":{PROXY_PORT}")
                           for each in cluster[1].get("/v1/brokers")["brokers"]), 10, "all are known by their proxies")
    cluster.wait_ready()
    nemesis = NEMESES[name](cluster, random.Random(1))
    cluster.create_topic(name)
    with Load(cluster.brokers, name) as load:
        load.wait_for(10)
        nemesis.start()
        time.sleep(1)
        nemesis.stop()
        load.wait_for(10)
    cluster.wait_ready()
    wait_until(lambda: load.check(cluster[2]) is None, 10, "all is there")
