"""The library in front of a broker, tried on a small program: what it keeps, and what a power cut takes."""
import os
import random
import subprocess
import sys
import time

import pytest
from harness.cluster import AVIARYD
from injection import Switches
from unsynced import lose_unsynced, rebuild

LIBRARY = AVIARYD.parents[2] / "tests/fault/preload/fault.so"
PAGE = 4096
SEEDS = range(40)
PROLOGUE = """
import os, sys
os.chdir(sys.argv[1])
def write(name, content, at=None, sync=False):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600)
    os.pwrite(fd, content, os.fstat(fd).st_size if at is None else at)
    if sync:
        os.fdatasync(fd)
    os.close(fd)
def sync_folder(name="."):
    fd = os.open(name, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
"""


class Machine:
    """A directory of data, and programs that run on it with the library in front of them."""

    def __init__(self, folder):
        self.data, self.shadow = folder / "data", folder / "shadow"
        self.data.mkdir()
        self.shadow.mkdir()
        self._control = folder / "control"
        self.switches = Switches(self._control)

    def run(self, program):
        """Returns what it prints. It ends without tidying up, which is all that a kill -9 is."""
        return subprocess.run(
            [sys.executable, "-c", PROLOGUE + program + "\nsys.stdout.flush(); os._exit(0)", self.data], check=True,
            stdout=subprocess.PIPE, text=True, env=os.environ | {
                "LD_PRELOAD": str(LIBRARY), "FAULT_CONTROL": str(self._control), "FAULT_ROOT": str(self.data),
                "FAULT_SHADOW": str(self.shadow)}).stdout

    def lose_power(self, seed):
        lose_unsynced(self.data, self.shadow, random.Random(seed))

    def content(self, name):
        return _content(self.data / name)


@pytest.fixture(name="machine")
def _machine(tmp_path):
    return Machine(tmp_path)


def _outcomes(machine, program, names):
    """What may be left of the files after a program and a power cut: one list of contents for each seed."""
    machine.run(program)
    outcomes = []
    for seed in SEEDS:
        left = machine.data.with_name(f"left-{seed}")
        rebuild(machine.data, machine.shadow, left, random.Random(seed))
        outcomes.append([_content(left / name) for name in names])
    return outcomes


def _content(path):
    """None where there is no such file."""
    return path.read_bytes() if path.exists() else None


def test_the_end_of_a_file(machine):
    """What was synced stays; of the rest nothing, a part, or all with pages of zeros."""
    synced, more = b"s" * 100_000, b"m" * 20_000
    left = [content for content, in _outcomes(machine, f"""
write("log", {synced!r}, sync=True)
sync_folder()
write("log", {more!r})
""", ["log"])]
    assert all(content.startswith(synced) for content in left)
    assert left.count(synced) >= len(left) / 3
    assert any(content != synced and (synced + more).startswith(content) for content in left)
    assert any(bytes(PAGE) in content for content in left)


def test_pages_of_a_small_file(machine):
    """Written in place: each page is the old or the new one."""
    left = [content for content, in _outcomes(machine, """
write("witness", b"a" * 8192, sync=True)
sync_folder()
write("witness", b"b" * 8192, at=0)
""", ["witness"])]
    pages = [(content[:PAGE], content[PAGE:]) for content in left]
    assert {pair for pair in pages} == {(one * PAGE, other * PAGE) for one in (b"a", b"b") for other in (b"a", b"b")}


def test_names(machine):
    """A rename that its directory's sync did not confirm is there as a whole, or not at all."""
    left = _outcomes(machine, """
write("name", b"old", sync=True)
sync_folder()
write("name.new", b"new", sync=True)
os.rename("name.new", "name")
""", ["name", "name.new"])
    assert {tuple(each) for each in left} == {(b"old", None), (b"new", None)}


def test_what_is_removed(machine):
    left = _outcomes(machine, """
os.mkdir("db")
write("db/1", b"one", sync=True)
write("db/2", b"two", sync=True)
sync_folder("db")
sync_folder()
os.unlink("db/1")
sync_folder("db")
os.unlink("db/2")
""", ["db/1", "db/2"])
    assert {tuple(each) for each in left} == {(None, b"two"), (None, None)}


def test_what_was_there_before(machine):
    """The first start takes all for confirmed, and so does the first one after a power cut."""
    (machine.data / "db").mkdir()
    (machine.data / "db/before").write_bytes(b"x" * 10)
    machine.run("write('db/before', b'y')")
    machine.lose_power(1)
    left = machine.content("db/before")
    assert left.startswith(b"x" * 10)
    machine.run("write('db/after', b'z', sync=True); sync_folder('db')")
    machine.run("")  # A restart is no power cut.
    machine.lose_power(2)
    assert machine.content("db/before") == left and machine.content("db/after") == b"z"


def test_a_failed_sync(machine):
    """It says so; a later one does not bring back what that one was to write."""
    machine.switches.syncs_to_fail = 1
    # The folder first, which fails, and then the file.
    printed = machine.run("""
try:
    sync_folder()
except OSError as error:
    print(error.errno)
sync_folder()
""")
    assert int(printed) == 5
    machine.run("write('log', b'1' * 100_000, sync=True); sync_folder()")
    machine.switches.syncs_to_fail = 1
    machine.run("""
try:
    write("log", b"2" * 5000, sync=True)
except OSError:
    write("log", b"3" * 5000, sync=True)
""")
    assert machine.switches.syncs_failed_total == 2
    for seed in range(5):
        machine.lose_power(seed)
    assert machine.content("log") == b"1" * 100_000 + bytes(5000) + b"3" * 5000


def test_slow_syncs_and_a_wrong_clock(machine):
    machine.switches.sync_delay_us = 300_000
    machine.switches.realtime_offset_ms = -3_600_500
    program = "import time; before = time.monotonic(); sync_folder(); print(time.time(), time.monotonic() - before)"
    wall, took = map(float, machine.run(program).split())
    assert 3599 < time.time() - wall < 3605 and took >= 0.3
    assert machine.switches.syncs_total == 1
