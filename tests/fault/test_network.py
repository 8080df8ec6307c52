"""Networks come and go whole, whatever becomes of the run that made them."""
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from harness.waiting import wait_until
from network import NAMESPACES, Network

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

# Makes a network with a process and a mount in it, tells its slot, and waits.
VICTIM = """
import signal, subprocess, sys, time
from network import Network
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts in the background
network = Network()
try:
    network.start([1, 2])
    disk = network.folder / "disk-1"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "aviary-fault", disk], check=True)
    sleeper = subprocess.Popen([*network.within(1), "sleep", "1000"])
    print(network.slot, sleeper.pid, flush=True)
    time.sleep(1000)
finally:
    network.stop()
"""


@pytest.fixture(name="victim")
def _victim():
    process = subprocess.Popen([sys.executable, "-c", VICTIM], cwd=Path(__file__).parent, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    slot, sleeper = map(int, process.stdout.readline().split())
    wait_until(lambda: _belongings(slot) == 5, 5, "namespaces, link and mount are there")
    yield process, slot, sleeper
    process.kill()
    process.wait()
    process.stdout.close()


def _belongings(slot):
    """How many namespaces, links and mounts of that slot there are."""
    namespaces = len(list(NAMESPACES.glob(f"aviary-fault-{slot}-*")))
    links = os.path.exists(f"/sys/class/net/avfault{slot}")
    mounts = sum(f" /run/aviary-fault/{slot}/" in line for line in Path("/proc/mounts").read_text().splitlines())
    return namespaces + links + mounts


def _runs(pid):
    with contextlib.suppress(OSError):
        return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_interrupted(victim):
    process, slot, sleeper = victim
    process.send_signal(signal.SIGINT)
    process.wait(10)
    assert _belongings(slot) == 0
    wait_until(lambda: not _runs(sleeper), 5, "what ran there has ended")


def test_killed(victim):
    """Whoever takes the slot next removes what is there."""
    process, slot, sleeper = victim
    process.kill()
    process.wait()
    assert _belongings(slot) == 5 and _runs(sleeper)
    with contextlib.ExitStack() as ends:
        while True:  # Others may hold lower ones, and this one is taken in its turn.
            network = Network()
            ends.callback(network.stop)
            network.start([1])
            if network.slot == slot:
                break
        assert _belongings(slot) == 3 and not _runs(sleeper)
    assert _belongings(slot) == 0


def test_hosts_and_the_tester(victim):
    _, slot, _ = victim
    network = Network()
    try:
        network.start([1, 2])
        assert network.slot != slot
        server = subprocess.Popen(
            [*network.within(2), sys.executable, "-m", "http.server", "--bind", network.address(2), "8000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: network.reaches(1, network.address(2), 8000), 10, "one host reaches the other")
        socket.create_connection((network.address(2), 8000), timeout=5).close()
        server.kill()
        server.wait()
    finally:
        network.stop()
